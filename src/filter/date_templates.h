#pragma once

#include "filter/date_forms.h"
#include "filter/date_pattern.h"

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace warder::filter {

// What a line must have for a template to match. Tells most templates of most lines apart without
// trying them.
struct LineTraits {
  bool clock = false;         // digits, a colon, one or two digits, a colon, a digit
  bool eight_digits = false;  // in a row
  bool ten_digits = false;
  bool at_sign = false;
  static LineTraits of(std::string_view text);
};

// One way of finding a date, as it stands in a list of them. Thread safe; never changes.
class DateTemplate {
 public:
  // Which trait a line must have.
  enum class Needs : std::uint8_t { kNothing, kClock, kClockOrDigits, kTenDigits, kAtSign };

  DateTemplate(std::string name, std::shared_ptr<const DatePattern> pattern);
  // An epoch, read by hand.
  DateTemplate(std::string name, DateForm form);

  // As the operator reads it: the pattern.
  const std::string& name() const { return name_; }
  bool is_anchored_at_begin() const { return anchored_begin_; }
  bool is_anchored() const { return anchored_begin_ || anchored_end_; }
  // How much a hit counts when lists are put in order (10.5).
  double weight() const { return weight_; }
  bool may_match(const LineTraits& traits) const;

  std::optional<FoundDate> find(std::string_view text, std::size_t from = 0) const;
  // The pattern behind it; null for the epochs, which RE2 cannot express.
  const DatePattern* pattern() const;

 private:
  friend class TemplateLists;
  std::string name_;
  // Of the built-in ones: compiled when a line first needs it, since most never do and all of them
  // together are a sixth of what a start costs.
  std::string later_;
  mutable std::once_flag once_;
  mutable std::shared_ptr<const DatePattern> pattern_;
  std::optional<DateForm> form_;
  bool anchored_begin_ = false;
  bool anchored_end_ = false;
  double weight_ = 1;
  Needs needs_ = Needs::kNothing;
};

using DateTemplates = std::vector<std::shared_ptr<const DateTemplate>>;

// The built-in templates of reference/fail2ban-compat.md 10.4 in their order: first the copies that
// are anchored at the begin of the line (weight 100), then all 17. Made at the first call.
const DateTemplates& default_templates();
// Those of them that are anchored at the begin of the line ({^LN-BEG}).
const DateTemplates& line_begin_templates();
// The 17 as patterns, for {DATE}.
std::vector<std::string_view> default_patterns();

// EPOCH and LEPOCH as a datepattern of their own.
std::shared_ptr<const DateTemplate> epoch_template(bool long_form);

}  // namespace warder::filter
