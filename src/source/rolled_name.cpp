#include "source/rolled_name.h"

#include <algorithm>
#include <array>

namespace warder::source {
namespace {

constexpr std::array<std::string_view, 6> kOtherCompressions{".xz",  ".bz2",  ".zst",
                                                             ".lz4", ".lzma", ".Z"};
// A counter has fewer digits than any date.
constexpr std::size_t kLongestCounter = 5;

bool take_suffix(std::string_view& text, std::string_view suffix) {
  if (!text.ends_with(suffix)) {
    return false;
  }
  text.remove_suffix(suffix.size());
  return true;
}

Compression take_compression(std::string_view& name) {
  if (take_suffix(name, ".gz")) {
    return Compression::kGzip;
  }
  const bool other =
      std::any_of(kOtherCompressions.begin(), kOtherCompressions.end(),
                  [&](std::string_view suffix) { return take_suffix(name, suffix); });
  return other ? Compression::kOther : Compression::kNone;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_date_sign(char c) {
  return is_digit(c) || std::string_view("-._:+TZ").find(c) != std::string_view::npos;
}

// ".1", "-20260101", "-2026-01-01T10-00-00.000"; not "", "1", ".old", nor "-2": a short number
// after another sign than a dot is more likely another log ("app-2.log") than a rolled one.
bool is_rolling_suffix(std::string_view text) {
  if (text.empty() || std::string_view(".-_").find(text.front()) == std::string_view::npos ||
      !std::all_of(text.begin(), text.end(), is_date_sign)) {
    return false;
  }
  const auto digits = static_cast<std::size_t>(std::count_if(text.begin(), text.end(), is_digit));
  return digits > kLongestCounter ||
         (text.front() == '.' && digits > 0 && digits + 1 == text.size());
}

std::optional<std::string_view> counter_of(std::string_view suffix) {
  const std::string_view digits = suffix.substr(1);
  if (digits.empty() || digits.size() > kLongestCounter ||
      !std::all_of(digits.begin(), digits.end(), is_digit)) {
    return std::nullopt;
  }
  const std::size_t significant = digits.find_first_not_of('0');
  return significant == std::string_view::npos ? digits.substr(digits.size() - 1)
                                               : digits.substr(significant);
}

}  // namespace

std::optional<RolledName> parse_rolled(std::string_view log, std::string_view name) {
  RolledName rolled;
  rolled.name = name;
  rolled.compression = take_compression(name);
  if (name.starts_with(log) && is_rolling_suffix(name.substr(log.size()))) {
    rolled.suffix = name.substr(log.size());
    return rolled;
  }
  const std::size_t dot = log.rfind('.');
  if (dot == std::string_view::npos || dot == 0 || !name.starts_with(log.substr(0, dot)) ||
      !take_suffix(name, log.substr(dot)) || name.size() <= dot ||
      !is_rolling_suffix(name.substr(dot))) {
    return std::nullopt;
  }
  rolled.suffix = name.substr(dot);
  return rolled;
}

std::vector<std::string> possible_logs(std::string_view name) {
  std::vector<std::string> logs;
  std::string_view plain = name;
  take_compression(plain);
  const std::size_t dot = plain.rfind('.');
  const std::string_view extension =
      dot == std::string_view::npos ? std::string_view{} : plain.substr(dot);
  // Cut anywhere in the digits and date signs at the end, with or without the extension put back.
  for (const std::string_view end : {std::string_view{}, extension}) {
    std::string_view stem = plain.substr(0, plain.size() - end.size());
    while (!stem.empty() && is_date_sign(stem.back())) {
      stem.remove_suffix(1);
      std::string log = std::string(stem) + std::string(end);
      if (parse_rolled(log, name)) {
        logs.push_back(std::move(log));
      }
    }
  }
  return logs;
}

bool is_compressed(std::string_view name) { return take_compression(name) != Compression::kNone; }

Age compare_age(const RolledName& a, const RolledName& b) {
  const auto counter_a = counter_of(a.suffix);
  const auto counter_b = counter_of(b.suffix);
  if (counter_a.has_value() != counter_b.has_value()) {
    return Age::kUnknown;
  }
  if (counter_a) {
    if (*counter_a == *counter_b) {
      return Age::kSame;
    }
    const bool smaller = counter_a->size() != counter_b->size()
                             ? counter_a->size() < counter_b->size()
                             : *counter_a < *counter_b;
    return smaller ? Age::kNewer : Age::kOlder;
  }
  if (a.suffix == b.suffix) {
    return Age::kSame;
  }
  // Dates compare as text only while both have the same form, a further counter aside.
  const auto same_form = [](std::string_view x, std::string_view y) {
    const std::size_t length = std::min(x.size(), y.size());
    for (std::size_t i = 0; i < length; ++i) {
      if (is_digit(x[i]) != is_digit(y[i]) || (!is_digit(x[i]) && x[i] != y[i])) {
        return false;
      }
    }
    return x.size() == y.size();
  };
  if (!same_form(a.suffix, b.suffix)) {
    return Age::kUnknown;
  }
  return a.suffix > b.suffix ? Age::kNewer : Age::kOlder;
}

}  // namespace warder::source
