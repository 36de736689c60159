#include "source/keys.h"

#include "config/check.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

using namespace warder;

namespace {

source::FileOptions options_of(const std::vector<std::pair<std::string, std::string>>& set) {
  config::Section section{.name = "source", .place = {}, .options = {}};
  for (const auto& [name, text] : set) {
    section.options.push_back({.name = name, .text = text, .place = {}, .problem = {}});
  }
  config::Diagnostics diagnostics;
  const config::Values values = config::check(source::source_table(), section, diagnostics);
  REQUIRE_FALSE(diagnostics.has_errors());
  return source::file_options(values);
}

}  // namespace

TEST_CASE("the table of [source] is sound, and its defaults are those of the options", "[source]") {
  REQUIRE(config::defects(source::source_table()) == std::vector<std::string>{});
  const source::FileOptions options = options_of({});
  const source::FileOptions defaults;
  CHECK(options.start_at == defaults.start_at);
  CHECK(options.longest_line == defaults.longest_line);
  CHECK(options.open_files == defaults.open_files);
  CHECK(options.logs == defaults.logs);
  CHECK(options.quiet_after_rename == defaults.quiet_after_rename);
  CHECK(options.missing_after == defaults.missing_after);
}

TEST_CASE("what the operator sets in [source] arrives", "[source]") {
  const source::FileOptions options = options_of({{"start_at", "head"},
                                                  {"longest_line", "128K"},
                                                  {"open_files", "7"},
                                                  {"logs", "9"},
                                                  {"quiet_after_rename", "1min"},
                                                  {"missing_after", "2min"}});
  CHECK(options.start_at == source::StartAt::kHead);
  CHECK(options.longest_line == util::kibibytes(128));
  CHECK(options.open_files == 7);
  CHECK(options.logs == 9);
  CHECK(options.quiet_after_rename == std::chrono::minutes(1));
  CHECK(options.missing_after == std::chrono::minutes(2));
}
