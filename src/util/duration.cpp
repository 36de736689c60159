#include "util/duration.h"

#include "util/strings.h"

#include <fmt/core.h>

#include <array>
#include <cmath>
#include <optional>

namespace warder::util {
namespace {

constexpr double kMicrosPerSecond = 1e6;
constexpr double kYear = 31557600;
// Nothing reasonable is longer, and microseconds in 64 bits hold 292,000 years.
constexpr double kLongest = 10000 * kYear;

struct Unit {
  std::string_view spelling;
  double seconds;
};

// All spellings that the expressions of the reference accept (specification, section 8).
constexpr auto kUnits = std::to_array<Unit>({
    {"years", kYear},
    {"year", kYear},
    {"yea", kYear},
    {"ye", kYear},
    {"yy", kYear},
    {"y", kYear},
    {"months", kYear / 12},
    {"month", kYear / 12},
    {"mon", kYear / 12},
    {"mo", kYear / 12},
    {"weeks", 604800},
    {"week", 604800},
    {"wee", 604800},
    {"we", 604800},
    {"ww", 604800},
    {"w", 604800},
    {"days", 86400},
    {"day", 86400},
    {"da", 86400},
    {"dd", 86400},
    {"d", 86400},
    {"hours", 3600},
    {"hour", 3600},
    {"hou", 3600},
    {"ho", 3600},
    {"hh", 3600},
    {"h", 3600},
    {"minutes", 60},
    {"minute", 60},
    {"min", 60},
    {"mi", 60},
    {"mm", 60},
    {"m", 60},
    {"seconds", 1},
    {"second", 1},
    {"sec", 1},
    {"se", 1},
    {"ss", 1},
    {"s", 1},
});

std::optional<double> unit_seconds(std::string_view name) {
  for (const Unit& unit : kUnits) {
    if (unit.spelling == name) {
      return unit.seconds;
    }
  }
  return std::nullopt;
}

// Recursive descent over: sum = product {("+"|"-"|adjacent) product}; product = factor
// {("*"|"/") factor}; factor = ["-"|"+"] ( number [unit] | "(" sum ")" ).
class Parser {
 public:
  explicit Parser(std::string_view text) : lower_(to_lower(text)), text_(lower_) {}

  Result<double> parse() {
    WARDER_ASSIGN_OR_RETURN(const double value, sum(0));
    skip_blanks();
    if (at_ < text_.size()) {
      return refuse("unexpected text");
    }
    return value;
  }

 private:
  static constexpr int kDeepest = 32;

  Error refuse(std::string_view why) const {
    return Error(ErrorCode::kInvalid,
                 fmt::format("'{}' is no time: {} at character {}; write for instance 600, 10m, "
                             "1h30m or 1d",
                             printable(text_, 64), why, at_ + 1));
  }

  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) {
      ++at_;
    }
  }

  bool at_digit() const {
    return at_ < text_.size() && ((text_[at_] >= '0' && text_[at_] <= '9') || text_[at_] == '.');
  }

  // "1d12h" and "1d 12h": a number right after a factor adds to it, before any operator applies.
  Result<double> terms(int depth) {
    WARDER_ASSIGN_OR_RETURN(double value, factor(depth));
    skip_blanks();
    while (at_digit()) {
      WARDER_ASSIGN_OR_RETURN(const double next, factor(depth));
      value += next;
      skip_blanks();
    }
    return value;
  }

  Result<double> product(int depth) {
    WARDER_ASSIGN_OR_RETURN(double value, terms(depth));
    while (true) {
      skip_blanks();
      if (at_ >= text_.size() || (text_[at_] != '*' && text_[at_] != '/')) {
        return value;
      }
      const char operation = text_[at_++];
      WARDER_ASSIGN_OR_RETURN(const double right, terms(depth));
      if (operation == '*') {
        value *= right;
      } else if (right == 0) {
        return refuse("division by zero");
      } else {
        value /= right;
      }
    }
  }

  Result<double> sum(int depth) {
    if (depth > kDeepest) {
      return refuse("parentheses too deep");
    }
    WARDER_ASSIGN_OR_RETURN(double value, product(depth));
    while (true) {
      skip_blanks();
      if (at_ >= text_.size() || (text_[at_] != '+' && text_[at_] != '-')) {
        return value;
      }
      const char operation = text_[at_++];
      WARDER_ASSIGN_OR_RETURN(const double right, product(depth));
      value += operation == '+' ? right : -right;
    }
  }

  Result<double> factor(int depth) {
    skip_blanks();
    if (at_ >= text_.size()) {
      return refuse("a number is missing");
    }
    if (text_[at_] == '-' || text_[at_] == '+') {
      const bool negative = text_[at_++] == '-';
      if (depth > kDeepest) {
        return refuse("too many signs");
      }
      WARDER_ASSIGN_OR_RETURN(const double value, factor(depth + 1));
      return negative ? -value : value;
    }
    if (text_[at_] == '(') {
      ++at_;
      WARDER_ASSIGN_OR_RETURN(const double value, sum(depth + 1));
      skip_blanks();
      if (at_ >= text_.size() || text_[at_] != ')') {
        return refuse("')' is missing");
      }
      ++at_;
      return value;
    }
    WARDER_ASSIGN_OR_RETURN(const double number, read_number());
    const std::size_t before = at_;
    skip_blanks();
    const std::size_t start = at_;
    while (at_ < text_.size() && text_[at_] >= 'a' && text_[at_] <= 'z') {
      ++at_;
    }
    if (start == at_) {
      at_ = before;
      return number;
    }
    const auto seconds = unit_seconds(std::string_view(text_).substr(start, at_ - start));
    if (!seconds) {
      at_ = start;
      return refuse("unknown unit");
    }
    return number * *seconds;
  }

  Result<double> read_number() {
    if (!at_digit()) {
      return refuse("a number is missing");
    }
    double value = 0;
    double scale = 1;
    bool fraction = false;
    bool digits = false;
    for (; at_digit(); ++at_) {
      if (text_[at_] == '.') {
        if (fraction) {
          return refuse("second decimal point");
        }
        fraction = true;
        continue;
      }
      digits = true;
      const double digit = text_[at_] - '0';
      if (fraction) {
        scale /= 10;
        value += digit * scale;
      } else {
        value = value * 10 + digit;
      }
    }
    if (!digits) {
      return refuse("a number is missing");
    }
    return value;
  }

  std::string lower_;
  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

Result<std::chrono::microseconds> parse_duration(std::string_view text) {
  WARDER_ASSIGN_OR_RETURN(const double seconds, Parser(trim(text)).parse());
  if (!std::isfinite(seconds) || std::fabs(seconds) > kLongest) {
    return Error(ErrorCode::kInvalid,
                 fmt::format("'{}' is no time: longer than 10,000 years", printable(text, 64)));
  }
  return std::chrono::microseconds(std::llround(seconds * kMicrosPerSecond));
}

std::string format_duration(std::chrono::microseconds duration) {
  std::string text;
  if (duration < std::chrono::microseconds::zero()) {
    text = "-(";
    text += format_duration(-duration);
    text += ')';
    return text;
  }
  const auto take = [&](std::chrono::microseconds unit, std::string_view name) {
    if (const auto count = duration / unit; count != 0) {
      text += fmt::format("{}{}", count, name);
      duration -= count * unit;
    }
  };
  take(std::chrono::days(1), "d");
  take(std::chrono::hours(1), "h");
  take(std::chrono::minutes(1), "m");
  const auto micros = duration.count();
  if (micros % 1000000 == 0) {
    if (micros != 0 || text.empty()) {
      text += fmt::format("{}s", micros / 1000000);
    }
    return text;
  }
  std::string fraction = fmt::format("{}.{:06}", micros / 1000000, micros % 1000000);
  fraction.erase(fraction.find_last_not_of('0') + 1);
  return text + fraction + "s";
}

}  // namespace warder::util
