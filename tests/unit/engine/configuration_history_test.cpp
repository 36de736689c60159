#include "engine/configuration_history.h"

#include <catch2/catch.hpp>

using namespace warder;
using namespace std::chrono_literals;
using engine::configuration_difference;
using engine::ConfigurationHistory;

namespace {

constexpr util::WallTime kNoon{1'790'000'000s};

}  // namespace

TEST_CASE("the difference of two configurations, for people") {
  CHECK(configuration_difference("{}", "{}").empty());
  CHECK(configuration_difference(R"({"sshd":{"maxretry":"3","bantime":"1h"},"old":{"x":"1"}})",
                                 R"({"sshd":{"maxretry":"5","port":"22"},"new":{}})") ==
        "[new] is new; [old] is gone; [sshd] bantime 1h -> its default, maxretry 3 -> 5, port its "
        "default -> 22");
  CHECK(configuration_difference("", R"({"a":{"k\n":"\u001b[0m"}})") == "[a] is new");
  CHECK(configuration_difference(R"({"a":{}})", R"({"a":{"k\n":"\u001b[0m"}})") ==
        R"([a] k\x0a its default -> \x1b[0m)");
  CHECK(configuration_difference(R"({"a":{}})", R"({"a":{"key":"1"},"b":{}})", 10) ==
        "[a] key it...");
}

TEST_CASE("a configuration that comes back is noticed, with when it went") {
  ConfigurationHistory history;
  CHECK_FALSE(history.note("a", kNoon));
  CHECK_FALSE(history.note("a", kNoon + 1min));  // a start
  CHECK_FALSE(history.note("b", kNoon + 2min));
  CHECK_FALSE(history.note("c", kNoon + 3min));
  // Over a start, too.
  history = ConfigurationHistory::parse(history.to_text());
  CHECK(history.note("a", kNoon + 4min) == kNoon + 2min);
  CHECK_FALSE(history.note("a", kNoon + 5min));
  CHECK(history.note("c", kNoon + 6min) == kNoon + 4min);
  CHECK(history.is_newest("c"));
  CHECK_FALSE(history.is_newest("a"));
  CHECK_FALSE(ConfigurationHistory().is_newest("a"));
}

TEST_CASE("the history of configurations is bounded, and anything is read") {
  ConfigurationHistory history;
  for (std::size_t i = 0; i <= ConfigurationHistory::kRemembered; ++i) {
    history.note(std::to_string(i), kNoon);
  }
  CHECK_FALSE(history.note("0", kNoon));
  CHECK(history.note("5", kNoon));
  for (const char* text : {"", "x", "{}", "[1]", R"([{"hash":1,"time":2}])",
                           R"([{"hash":"a","time":-1}])", R"([{"hash":"a","time":1e300}])"}) {
    CHECK(ConfigurationHistory::parse(text).to_text() == "[]");
  }
}
