#pragma once

#include "filter/filter.h"
#include "filter/filter_file.h"
#include "filter/lint.h"
#include "filter/matcher.h"
#include "support/memory_files.h"

#include <catch2/catch.hpp>

#include <map>
#include <memory>
#include <string>

namespace warder::filter {

// A filter with what the lint says of it.
struct Linted {
  std::shared_ptr<const Filter> filter;
  Definition definition;
  LintReport report;
};

inline Linted lint(const FilterRequest& request, config::FileReader& files) {
  Linted linted;
  auto filter = load_filter(request, files);
  INFO((filter ? "" : filter.error().message()));
  REQUIRE(filter.has_value());
  linted.filter = *filter;
  linted.definition = read_filter_file(request, files).value();
  linted.report = lint_filter(linted.filter, linted.definition, Origin::kOwn);
  return linted;
}

// Of the options of a [Definition], as they stand in a file.
inline Linted lint(const std::string& options) {
  testing::MemoryFiles files(
      std::map<std::string, std::string>{{"filters/x.conf", "[Definition]\n" + options}});
  FilterRequest request;
  request.name = "x";
  request.folders = {"filters"};
  request.samples = SamplePolicy::kAllowNone;
  return lint(request, files);
}

// The address that a new matcher finds in a message without a date; empty when it finds none.
inline std::string find_address(const std::shared_ptr<const Filter>& filter,
                                const std::string& message) {
  class Catcher : public MatchHandler {
   public:
    void on_finding(std::size_t, model::Finding&& finding) override {
      address = finding.address.to_string();
    }
    void on_notice(std::size_t, const Notice&) override {}
    std::string address;
  };
  const auto matcher = Matcher::build({filter}, {}).value();
  model::Line line;
  line.text = message;
  line.stamp = util::WallTime();
  Catcher catcher;
  matcher->match(line, util::WallTime(), catcher);
  return catcher.address;
}

}  // namespace warder::filter
