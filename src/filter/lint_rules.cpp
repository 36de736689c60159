#include "filter/lint_rules.h"

#include "util/strings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace warder::filter {
namespace {

constexpr std::string_view kSection = "Definition";

bool holds(const Option* option, std::string_view text) {
  return option != nullptr && option->value.find(text) != std::string::npos;
}

}  // namespace

void check_names(const Definition& definition, LintReport& report) {
  constexpr std::array<std::string_view, 8> kTags{"host", "addr",   "ip4",  "ip6",
                                                  "dns",  "subnet", "cidr", "skiplines"};
  const auto section = definition.sections.find(std::string(kSection));
  if (section == definition.sections.end()) {
    return;
  }
  for (const auto& [name, option] : section->second) {
    if (std::find(kTags.begin(), kTags.end(), name) != kTags.end() || name.starts_with("f-")) {
      report.errors.push_back(
          at(option.place,
             fmt::format("the option '{}' has the name of a tag and would take its place "
                         "in the expressions; give it another name",
                         name)));
    }
  }
}

void check_forgeable(const Definition& definition, LintReport& report) {
  const Option* why = definition.find(kSection, "forgeable");
  if (why == nullptr || util::trim(why->value).empty()) {
    return;
  }
  const std::string text = fmt::format(
      "no pattern is safe in this log: {}. Whoever may talk to the program can have any address "
      "banned",
      util::trim(why->value));
  const Option* accepted = definition.find(kSection, "forged-lines");
  if (accepted != nullptr && util::trim(accepted->value) == "accepted") {
    report.warnings.push_back(at(why->place, text + " (accepted)"));
    return;
  }
  report.refusals.push_back(
      at(why->place, text + "; let only trusted networks reach it, or accept it by name: filter = "
                            "NAME[forged-lines=accepted]"));
}

void check_patterns(const Definition& definition, Origin origin, LintReport& report) {
  const Option* prefix = definition.find(kSection, "prefregex");
  const Option* fail = definition.find(kSection, "failregex");
  const Option* ignore = definition.find(kSection, "ignoreregex");
  for (const ValueLine& line : fail == nullptr ? std::vector<ValueLine>() : value_lines(*fail)) {
    if (line.text.find("<F-NOFAIL>") != std::string::npos &&
        line.text.find("<F-MLFID>") == std::string::npos && !holds(prefix, "<F-MLFID>")) {
      report.warnings.push_back(at(
          line.place, fmt::format("failregex '{}': <F-NOFAIL> does nothing without <F-MLFID>, so "
                                  "that each such line counts as a failure",
                                  line.text)));
    }
  }
  if (origin == Origin::kOwn || ignore == nullptr || value_lines(*ignore).empty() ||
      !holds(prefix, "<F-CONTENT>")) {
    return;
  }
  const std::size_t ignores = value_lines(*ignore).size();
  const std::size_t fails = fail == nullptr ? 0 : value_lines(*fail).size();
  for (const ValueLine& line : value_lines(*ignore)) {
    // Without an anchor it finds in the message what it finds in the content, and mostly no more.
    if (line.text.starts_with('^')) {
      report.warnings.push_back(
          at(line.place,
             fmt::format(
                 "ignoreregex '{}': it is tried at the begin of the message and of the content; "
                 "fail2ban would try it at the begin of the {} only",
                 line.text, ignores + 2 < fails ? "message" : "content")));
    }
  }
}

std::vector<std::string> find_cut_expressions(std::string_view text, std::string_view file) {
  constexpr std::string_view kSigns = "\\^$[]{}<>|*+";
  std::vector<std::string> found;
  std::size_t number = 0;
  for (const std::string_view line : util::split(text, '\n')) {
    ++number;
    const std::size_t first = line.find_first_not_of(" \t");
    if (first == std::string_view::npos || line[first] == '#' || line[first] == ';') {
      continue;
    }
    const std::size_t cut = std::min(line.find(" ;"), line.find("\t;"));
    if (cut == std::string_view::npos ||
        line.substr(cut + 2).find_first_of(kSigns) == std::string_view::npos) {
      continue;
    }
    found.push_back(at(
        {std::string(file), number},
        fmt::format("' ;' begins a comment, so that '{}' is cut off; write [;] where a semicolon "
                    "is meant",
                    util::printable(util::trim(line.substr(cut + 1)), 80))));
  }
  return found;
}

}  // namespace warder::filter
