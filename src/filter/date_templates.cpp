#include "filter/date_templates.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

namespace warder::filter {
namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

struct Builtin {
  std::string_view pattern;
  DateTemplate::Needs needs;
  std::optional<DateForm> form;
};

using enum DateTemplate::Needs;

// reference/fail2ban-compat.md 10.4; the order counts.
constexpr auto kBuiltins = std::to_array<Builtin>({
    // ISO 8601 and simple dates; rsyslog, syslog-ng
    {R"(%ExY(?P<_sep>[-/.])%m(?P=_sep)%d(?:T|  ?)%H:%M:%S(?:[.,]%f)?(?:\s*%z)?)", kClock,
     DateForm::kIso},
    // syslog, asctime
    {R"((?:%a )?%b %d %k:%M:%S(?:\.%f)?(?: %ExY)?)", kClock, DateForm::kSyslog},
    {R"((?:%a )?%b %d %ExY %k:%M:%S(?:\.%f)?)", kClock, DateForm::kSyslogYear},
    // x11vnc
    {R"(%d(?P<_sep>[-/])%m(?P=_sep)(?:%ExY|%Exy) %k:%M:%S)", kClock, {}},
    // Apache, nginx, named, roundcube
    {R"(%d(?P<_sep>[-/])%b(?P=_sep)%ExY[ :]?%H:%M:%S(?:\.%f)?(?: %z)?)", kClock, DateForm::kWeb},
    // cPanel
    {"%m/%d/%ExY:%H:%M:%S", kClock, {}},
    {R"(%m-%d-%ExY %k:%M:%S(?:\.%f)?)", kClock, {}},
    // squid, audit
    {"EPOCH", kTenDigits, DateForm::kEpoch},
    {"{^LN-BEG}%H:%M:%S", kClock, {}},
    {"^<%m/%d/%Exy@%H:%M:%S>", kClock, {}},
    // MySQL
    {"%Exy%Exm%Exd  ?%H:%M:%S", kClock, {}},
    // Tomcat
    {"%b %d, %ExY %I:%M:%S %p", kClock, {}},
    // ASSP
    {"^%b-%d-%Exy %k:%M:%S", kClock, {}},
    {R"(%ExY%Exm%Exd(?:-|T|  ?)%ExH:?%ExM:?%ExS(?:[.,]%f)?(?:\s*%z)?)", kClockOrDigits, {}},
    // monit
    {R"((?:%Z )?(?:%a )?%b %d %k:%M:%S(?:\.%f)?(?: %ExY)?)", kClock, {}},
    {R"((?:%z )?(?:%a )?%b %d %k:%M:%S(?:\.%f)?(?: %ExY)?)", kClock, {}},
    // qmail
    {"TAI64N", kAtSign, {}},
});

// ":59:0", as it stands behind the hour of a clock.
bool is_clock(std::string_view text) {
  const std::size_t digits = text.size() > 2 && is_digit(text[1]) ? (is_digit(text[2]) ? 2 : 1) : 0;
  return digits > 0 && text.size() > digits + 2 && text[digits + 1] == ':' &&
         is_digit(text[digits + 2]);
}

// A pattern of ours, which is never wrong.
std::shared_ptr<const DatePattern> compiled(std::string_view pattern) {
  auto made = DatePattern::compile(pattern);
  if (!made) {
    std::abort();
  }
  return std::move(made).value();
}

constexpr double kAnchoredWeight = 100;
constexpr std::string_view kLineBegin = "{^LN-BEG}";

}  // namespace

class TemplateLists {
 public:
  TemplateLists() {
    for (const Builtin& builtin : kBuiltins) {
      if (builtin.pattern[0] != '^' && !builtin.pattern.starts_with(kLineBegin)) {
        add(builtin, true);
      }
    }
    for (const Builtin& builtin : kBuiltins) {
      add(builtin, false);
    }
  }
  DateTemplates all;
  DateTemplates line_begin;

 private:
  void add(const Builtin& builtin, bool anchored) {
    const std::string name = fmt::format("{}{}", anchored ? kLineBegin : "", builtin.pattern);
    std::string pattern = name;
    if (builtin.pattern == "EPOCH") {
      pattern = "{^LN-BEG}{EPOCH}";
    } else if (builtin.pattern == "TAI64N") {
      pattern = anchored ? "{^LN-BEG}{TAI64N}" : "**{TAI64N}";
    }
    const bool epoch = builtin.form == DateForm::kEpoch;
    std::shared_ptr<DateTemplate> made;
    if (epoch && !anchored) {
      made = std::make_shared<DateTemplate>(name, *builtin.form);
    } else {
      made = std::make_shared<DateTemplate>(name, nullptr);
      made->later_ = pattern;
      made->anchored_begin_ = pattern.starts_with('^') || pattern.starts_with(kLineBegin);
      if (!epoch) {
        // Read by hand; the pattern is the same in general terms (tests hold one against the
        // other).
        made->form_ = builtin.form;
      }
    }
    made->needs_ = builtin.needs;
    made->weight_ = anchored ? kAnchoredWeight : 1;
    if (made->is_anchored_at_begin()) {
      line_begin.push_back(made);
    }
    all.push_back(std::move(made));
  }
};

namespace {

const TemplateLists& lists() {
  static const TemplateLists made;
  return made;
}

}  // namespace

LineTraits LineTraits::of(std::string_view text) {
  LineTraits traits;
  std::size_t digits = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (is_digit(c)) {
      ++digits;
      continue;
    }
    traits.eight_digits |= digits >= 8;
    traits.ten_digits |= digits >= 10;
    traits.clock |= c == ':' && digits > 0 && is_clock(text.substr(at));
    traits.at_sign |= c == '@';
    digits = 0;
  }
  traits.eight_digits |= digits >= 8;
  traits.ten_digits |= digits >= 10;
  return traits;
}

DateTemplate::DateTemplate(std::string name, std::shared_ptr<const DatePattern> pattern)
    : name_(std::move(name)),
      pattern_(std::move(pattern)),
      anchored_begin_(pattern_ != nullptr && pattern_->is_anchored_at_begin()),
      anchored_end_(pattern_ != nullptr && pattern_->is_anchored_at_end()) {}

DateTemplate::DateTemplate(std::string name, DateForm form) : name_(std::move(name)), form_(form) {}

const DatePattern* DateTemplate::pattern() const {
  std::call_once(once_, [this] {
    if (!later_.empty()) {
      pattern_ = compiled(later_);
    }
  });
  return pattern_.get();
}

bool DateTemplate::may_match(const LineTraits& traits) const {
  switch (needs_) {
    case Needs::kNothing:
      return true;
    case Needs::kClock:
      return traits.clock;
    case Needs::kClockOrDigits:
      return traits.eight_digits;
    case Needs::kTenDigits:
      return traits.ten_digits;
    case Needs::kAtSign:
      return traits.at_sign;
  }
  return true;
}

std::optional<FoundDate> DateTemplate::find(std::string_view text, std::size_t from) const {
  if (!form_) {
    return pattern()->find(text, from);
  }
  if (!anchored_begin_) {
    return find_date(*form_, text, from);
  }
  return from == 0 ? find_date_at_begin(*form_, text) : std::nullopt;
}

const DateTemplates& default_templates() { return lists().all; }
const DateTemplates& line_begin_templates() { return lists().line_begin; }

std::vector<std::string_view> default_patterns() {
  std::vector<std::string_view> patterns;
  for (const Builtin& builtin : kBuiltins) {
    patterns.push_back(builtin.pattern);
  }
  return patterns;
}

std::shared_ptr<const DateTemplate> epoch_template(bool long_form) {
  return std::make_shared<DateTemplate>(long_form ? "LEPOCH" : "EPOCH",
                                        long_form ? DateForm::kLongEpoch : DateForm::kEpoch);
}

}  // namespace warder::filter
