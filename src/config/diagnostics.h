#pragma once

#include "config/place.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace warder::config {

enum class Severity {
  kError,    // the configuration is refused; what runs goes on running
  kWarning,  // accepted, but the operator should look
};

// One thing to tell the operator about the configuration. Source, section, key and value may hold
// bytes from anywhere, they are made printable when written out; problem, allowed and suggestion
// are printable already.
struct Diagnostic {
  Severity severity = Severity::kError;
  Place place = {};
  std::string section = {};               // empty when it is about a whole source
  std::string key = {};                   // empty when it is about a whole section
  std::optional<std::string> value = {};  // as written; never set for a secret
  std::string problem = {};               // what is wrong: "'10x' is no time: ..."
  std::string allowed = {};               // what would be right: "a time from 1s to 10y"
  std::string suggestion = {};            // what to do: "did you mean bantime?"

  // One line:
  //   jails/sshd.conf:14: [sshd] bantime = "10x": '10x' is no time; allowed: ...; did you mean ...
  // with "warning: " after the place of a warning. Parts that are empty are left out.
  std::string to_text() const;
};

// "did you mean X?" for the candidate nearest to `text`, empty when none is near.
std::string did_you_mean(std::string_view text, const std::vector<std::string_view>& candidates);

// Collects everything that is wrong, so that it can be told in one go. Holds at most 1,000 entries;
// further ones are counted and mentioned at the end. Exact repetitions are dropped: a bad value in
// [DEFAULT] is told once, not once a section. Not thread safe.
class Diagnostics {
 public:
  void add(Diagnostic diagnostic);
  // Shorthands for what concerns a whole source or section.
  void error(Place place, std::string problem, std::string suggestion = {});
  void warning(Place place, std::string problem, std::string suggestion = {});

  bool has_errors() const { return errors_ > 0; }
  std::size_t errors() const { return errors_; }
  std::size_t warnings() const { return warnings_; }
  const std::vector<Diagnostic>& list() const { return list_; }

  // A line each, in the order found. Empty when there is nothing to tell.
  std::string to_text() const;
  // {"errors":n,"warnings":n,"diagnostics":[{"severity":"error","source":...,"line":...,
  // "section":...,"key":...,"value":...,"problem":...,"allowed":...,"suggestion":...}]}: the same
  // parts for a program; parts that are empty are left out.
  std::string to_json() const;

 private:
  std::vector<Diagnostic> list_;
  std::size_t errors_ = 0;
  std::size_t warnings_ = 0;
};

}  // namespace warder::config
