#include "config/diagnostics.h"

#include "util/strings.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace warder::config {
namespace {

constexpr std::size_t kMostListed = 1000;
constexpr std::size_t kLongestValueShown = 120;
constexpr std::size_t kLongestTextShown = 2000;

// Our own words, in which whoever wrote them made printable what came from outside. Made sure of
// again, since every module adds some.
std::string told(std::string_view text) { return util::printable_again(text, kLongestTextShown); }

bool same(const Diagnostic& a, const Diagnostic& b) {
  return a.severity == b.severity && a.place == b.place && a.section == b.section &&
         a.key == b.key && a.problem == b.problem;
}

std::string where(const Diagnostic& diagnostic) {
  std::string text;
  if (!diagnostic.section.empty()) {
    text = fmt::format("[{}] ", util::printable(diagnostic.section));
  }
  text += util::printable(diagnostic.key);
  if (diagnostic.value) {
    text += fmt::format(" = \"{}\"", util::printable(*diagnostic.value, kLongestValueShown));
  }
  return std::string(util::trim(text));
}

}  // namespace

std::string Diagnostic::to_text() const {
  std::string text = place.to_string();
  if (!text.empty()) {
    text += ": ";
  }
  if (severity == Severity::kWarning) {
    text += "warning: ";
  }
  if (const std::string subject = where(*this); !subject.empty()) {
    text += subject + ": ";
  }
  text += told(problem);
  if (!allowed.empty()) {
    text += "; allowed: " + told(allowed);
  }
  if (!suggestion.empty()) {
    text += "; " + told(suggestion);
  }
  return text;
}

std::string did_you_mean(std::string_view text, const std::vector<std::string_view>& candidates) {
  const auto found = util::nearest(util::to_lower(text), candidates);
  return found ? fmt::format("did you mean {}?", *found) : std::string();
}

void Diagnostics::add(Diagnostic diagnostic) {
  const auto is_same = [&](const Diagnostic& other) { return same(diagnostic, other); };
  if (std::any_of(list_.begin(), list_.end(), is_same)) {
    return;
  }
  ++(diagnostic.severity == Severity::kError ? errors_ : warnings_);
  if (list_.size() < kMostListed) {
    list_.push_back(std::move(diagnostic));
  }
}

void Diagnostics::error(Place place, std::string problem, std::string suggestion) {
  add({.place = std::move(place),
       .problem = std::move(problem),
       .suggestion = std::move(suggestion)});
}

void Diagnostics::warning(Place place, std::string problem, std::string suggestion) {
  add({.severity = Severity::kWarning,
       .place = std::move(place),
       .problem = std::move(problem),
       .suggestion = std::move(suggestion)});
}

std::string Diagnostics::to_text() const {
  std::string text;
  for (const Diagnostic& diagnostic : list_) {
    text += diagnostic.to_text() + "\n";
  }
  if (const std::size_t more = errors_ + warnings_ - list_.size(); more > 0) {
    text += fmt::format("and {} more\n", more);
  }
  return text;
}

std::string Diagnostics::to_json() const {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const Diagnostic& diagnostic : list_) {
    nlohmann::ordered_json one;
    one["severity"] = diagnostic.severity == Severity::kError ? "error" : "warning";
    const auto put = [&](const char* name, const std::string& text) {
      if (!text.empty()) {
        one[name] = text;
      }
    };
    put("source", util::printable(diagnostic.place.source));
    if (diagnostic.place.line != 0) {
      one["line"] = diagnostic.place.line;
    }
    put("section", util::printable(diagnostic.section));
    put("key", util::printable(diagnostic.key));
    if (diagnostic.value) {
      one["value"] = util::printable(*diagnostic.value, kLongestValueShown);
    }
    put("problem", told(diagnostic.problem));
    put("allowed", told(diagnostic.allowed));
    put("suggestion", told(diagnostic.suggestion));
    all.push_back(std::move(one));
  }
  nlohmann::ordered_json document;
  document["errors"] = errors_;
  document["warnings"] = warnings_;
  document["diagnostics"] = std::move(all);
  return document.dump();
}

}  // namespace warder::config
