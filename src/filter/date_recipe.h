#pragma once

#include "filter/date_templates.h"
#include "filter/definition.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace warder::filter {

// What `datepattern` of a filter says: which templates find the dates of its lines
// (reference/fail2ban-compat.md 10.2). Immutable, thread safe.
class DateRecipe {
 public:
  // The default templates (no datepattern).
  DateRecipe();
  // Adds what is wrong to `problems`; usable only when nothing was added.
  DateRecipe(const Option& datepattern, Problems& problems);

  // Filters with equal keys find the same dates and can share the work.
  const std::string& key() const { return key_; }

  // Has the log dates at all (datepattern other than {NONE})?
  bool expects_date() const { return expects_date_; }

  // The date of a single line, without any memory (DateFinder, kOwn).
  std::optional<FoundDate> find(std::string_view text) const;

  // In their order; none when no date is expected.
  const DateTemplates& templates() const { return templates_; }

 private:
  void add_line(const ValueLine& line, Problems& problems);
  void add(std::shared_ptr<const DateTemplate> made);
  void add_pattern(std::string_view name, std::string_view pattern, const ValueLine& line,
                   Problems& problems);

  bool expects_date_ = true;
  DateTemplates templates_;
  std::string key_;
};

// Is `text`, lines of patterns, a datepattern? kInvalid with all that is wrong, a line each. For
// where it does not come from a filter's file.
util::Status check_datepattern(std::string_view text);

}  // namespace warder::filter
