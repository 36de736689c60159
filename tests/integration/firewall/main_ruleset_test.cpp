#include "network.h"

#define CATCH_CONFIG_EXTERNAL_INTERFACES
#include <catch2/catch.hpp>

// Every test here works in namespaces of its own. This listener compares the ruleset of the
// namespace in which the tests were started before the first and after the last one.
namespace {

class OuterRuleset : public Catch::TestEventListenerBase {
 public:
  using TestEventListenerBase::TestEventListenerBase;

  void testRunStarting(const Catch::TestRunInfo&) override { before_ = ruleset(); }
  void testRunEnded(const Catch::TestRunStats&) override {
    if (ruleset() != before_) {
      Catch::cerr() << "the ruleset outside of the tests' namespaces changed\n";
      std::_Exit(3);
    }
  }

 private:
  static std::string ruleset() { return warder::testing::run_program({"nft", "list", "ruleset"}); }
  std::string before_;
};

CATCH_REGISTER_LISTENER(OuterRuleset)

}  // namespace
