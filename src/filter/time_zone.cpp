#include "filter/time_zone.h"

#include "filter/date_zone.h"
#include "util/file.h"
#include "util/strings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

namespace warder::filter {
namespace {

using std::chrono::days;
using std::chrono::local_seconds;
using std::chrono::seconds;
using std::chrono::sys_seconds;

constexpr const char* kZoneFiles = "/usr/share/zoneinfo";
constexpr const char* kSystemZone = "/etc/localtime";
// The largest of the system's files has 4 KiB.
constexpr util::ByteCount kLargestFile{std::uint64_t{256} << 10};
constexpr std::size_t kHeaderSize = 44;
// RFC 8536 3.2: offsets stay below 25 and 26 hours.
constexpr std::int64_t kLeastOffset = -89999;
constexpr std::int64_t kMostOffset = 93599;
// Before and behind all times that are told apart: the years -9999 and 9999.
constexpr sys_seconds kBegin{seconds(-377'705'116'800)};
constexpr sys_seconds kEnd{seconds(253'402'300'799)};

util::Error invalid(std::string_view text) {
  return {util::ErrorCode::kInvalid, std::string(text)};
}

// Big-endian numbers, one after the other.
class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : bytes_(bytes) {}
  std::size_t left() const { return bytes_.size(); }
  std::string_view rest() const { return bytes_; }
  std::string_view take(std::size_t size) {
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(taken.size());
    return taken;
  }
  std::int64_t number(std::size_t size) {
    std::uint64_t value = 0;
    for (const char c : take(size)) {
      value = value << 8 | static_cast<unsigned char>(c);
    }
    const std::uint64_t sign = std::uint64_t{1} << (size * 8 - 1);
    return static_cast<std::int64_t>((value ^ sign) - sign);
  }

 private:
  std::string_view bytes_;
};

struct Header {
  char version = '\0';
  std::size_t ut_marks = 0;
  std::size_t standard_marks = 0;
  std::size_t leaps = 0;
  std::size_t times = 0;
  std::size_t types = 0;
  std::size_t names = 0;

  std::size_t body(std::size_t time_size) const {
    return times * (time_size + 1) + types * 6 + names + leaps * (time_size + 4) + standard_marks +
           ut_marks;
  }
};

std::optional<Header> read_header(Bytes& bytes) {
  if (bytes.left() < kHeaderSize || !bytes.rest().starts_with("TZif")) {
    return std::nullopt;
  }
  bytes.take(4);
  Header header;
  header.version = bytes.take(16)[0];
  for (std::size_t* count : {&header.ut_marks, &header.standard_marks, &header.leaps, &header.times,
                             &header.types, &header.names}) {
    *count = static_cast<std::uint32_t>(bytes.number(4));
  }
  return header;
}

bool is_zone_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && text[0] != '/' && text[0] != '.' &&
         text.find("..") == std::string_view::npos &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '/' || c == '_' || c == '-' || c == '+';
         });
}

util::Result<TimeZone> read_zone_file(const std::filesystem::path& path) {
  WARDER_ASSIGN_OR_RETURN(const std::string bytes, util::read_file(path, kLargestFile));
  return TimeZone::from_tzif(bytes);
}

}  // namespace

struct TimeZone::Rules {
  seconds first{0};                        // before all changes
  std::vector<PosixZone::Change> changes;  // in the order of time
  std::optional<PosixZone> rule;           // behind them
};

TimeZone TimeZone::fixed(seconds east_of_utc) {
  TimeZone zone;
  zone.offset_ = east_of_utc;
  return zone;
}

util::Result<TimeZone> TimeZone::from_rule(const PosixZone& rule) {
  auto rules = std::make_shared<Rules>();
  rules->first = rule.standard_offset();
  rules->rule = rule;
  TimeZone zone;
  zone.rules_ = std::move(rules);
  return zone;
}

util::Result<TimeZone> TimeZone::from_tzif(std::string_view text) {
  Bytes bytes(text);
  std::optional<Header> header = read_header(bytes);
  std::size_t time_size = 4;
  if (header && header->version >= '2') {
    // The same again with wider times.
    bytes.take(header->body(time_size));
    header = read_header(bytes);
    time_size = 8;
  }
  if (!header) {
    return invalid("it is no zone file (no TZif header)");
  }
  // The counts come from the file: nothing is reserved before they are known to fit.
  if (header->types == 0 || header->body(time_size) > bytes.left()) {
    return invalid("the zone file is cut short");
  }
  if (header->leaps > 0) {
    return invalid(
        "the zone counts leap seconds, which the system's clock does not; name the zone "
        "without 'right/'");
  }
  auto rules = std::make_shared<Rules>();
  for (std::size_t i = 0; i < header->times; ++i) {
    rules->changes.push_back({sys_seconds(seconds(bytes.number(time_size))), {}});
  }
  const std::string_view kinds = bytes.take(header->times);
  std::vector<seconds> offsets;
  for (std::size_t i = 0; i < header->types; ++i) {
    const std::int64_t offset = bytes.number(4);
    if (offset < kLeastOffset || offset > kMostOffset) {
      return invalid("the zone file has an offset of more than a day");
    }
    offsets.emplace_back(offset);
    bytes.take(2);
  }
  rules->first = offsets[0];
  for (std::size_t i = 0; i < header->times; ++i) {
    PosixZone::Change& change = rules->changes[i];
    const std::size_t kind = static_cast<unsigned char>(kinds[i]);
    if (kind >= offsets.size() || (i > 0 && change.at <= rules->changes[i - 1].at)) {
      return invalid("the zone file contradicts itself");
    }
    change.at = std::clamp(change.at, kBegin, kEnd);
    change.offset = offsets[kind];
  }
  bytes.take(header->names + header->standard_marks + header->ut_marks);
  if (time_size == 8) {
    std::string_view footer = bytes.rest();
    if (footer.size() < 2 || footer.front() != '\n' || footer.find('\n', 1) == std::string::npos) {
      return invalid("the zone file is cut short");
    }
    footer = footer.substr(1, footer.find('\n', 1) - 1);
    if (!footer.empty()) {
      WARDER_ASSIGN_OR_RETURN(rules->rule, PosixZone::parse(footer));
    }
  }
  TimeZone zone;
  zone.rules_ = std::move(rules);
  return zone;
}

TimeZone TimeZone::system() {
  const char* variable = std::getenv("TZ");
  std::string_view text = variable == nullptr ? kSystemZone : variable;
  if (text.starts_with(':')) {
    text.remove_prefix(1);
  }
  const bool named = is_zone_name(text);
  auto zone = text.starts_with('/') ? read_zone_file(text)
              : named               ? read_zone_file(std::filesystem::path(kZoneFiles) / text)
                                    : util::Result<TimeZone>(invalid("no name of a zone"));
  if (!zone) {
    if (const auto rule = PosixZone::parse(text)) {
      zone = from_rule(*rule);
    }
  }
  return zone ? *zone : TimeZone();
}

util::Result<TimeZone> TimeZone::parse(std::string_view text) {
  if (const auto offset = fixed_zone(text)) {
    return fixed(*offset);
  }
  constexpr std::string_view kAllowed =
      "allowed are an abbreviation (CET), an offset (+0200, +02:00), both (UTC+0200) or the name "
      "of "
      "a zone of the system (Europe/Berlin)";
  if (!is_zone_name(text)) {
    return invalid(fmt::format("'{}' is no time zone; {}", util::printable(text, 64), kAllowed));
  }
  auto zone = read_zone_file(std::filesystem::path(kZoneFiles) / text);
  if (!zone && zone.error().code() == util::ErrorCode::kInvalid) {
    return invalid(
        fmt::format("time zone '{}': {}", util::printable(text, 64), zone.error().message()));
  }
  if (!zone) {
    return util::Error(util::ErrorCode::kNotFound,
                       fmt::format("there is no time zone '{}' in {} (package tzdata); {}",
                                   util::printable(text, 64), kZoneFiles, kAllowed));
  }
  return zone;
}

TimeZone::Period TimeZone::period_at(sys_seconds time) const {
  if (rules_ == nullptr) {
    return {kBegin, kEnd, offset_};
  }
  time = std::clamp(time, kBegin, kEnd);
  const std::vector<PosixZone::Change>& changes = rules_->changes;
  const auto next = std::upper_bound(
      changes.begin(), changes.end(), time,
      [](sys_seconds wanted, const PosixZone::Change& change) { return wanted < change.at; });
  Period period{kBegin, kEnd, rules_->first};
  if (next != changes.begin()) {
    period.begin = std::prev(next)->at;
    period.offset = std::prev(next)->offset;
  }
  if (next != changes.end()) {
    period.end = next->at;
    return period;
  }
  const std::optional<PosixZone>& rule = rules_->rule;
  if (!rule) {
    return period;
  }
  // Behind the last change the rule speaks.
  period.offset = rule->standard_offset();
  const std::chrono::year year = std::chrono::year_month_day(std::chrono::floor<days>(time)).year();
  for (int ahead = -1; ahead <= 1; ++ahead) {
    const auto both = rule->changes(year + std::chrono::years(ahead));
    if (!both) {
      break;
    }
    for (const PosixZone::Change& change : *both) {
      if (change.at > time) {
        period.end = std::min(period.end, change.at);
      } else {
        period.begin = std::max(period.begin, change.at);
        period.offset = change.offset;
      }
    }
  }
  return period;
}

std::pair<sys_seconds, sys_seconds> TimeZone::moments(local_seconds civil) const {
  const auto at = [&](seconds offset) { return sys_seconds(civil.time_since_epoch() - offset); };
  if (rules_ == nullptr) {
    return {at(offset_), at(offset_)};
  }
  // No clock is more than 26 hours from UTC.
  const sys_seconds as_utc(civil.time_since_epoch());
  const seconds before = period_at(as_utc - std::chrono::hours(26)).offset;
  const seconds after = period_at(as_utc + std::chrono::hours(26)).offset;
  const bool first = period_at(at(before)).offset == before;
  const bool second = period_at(at(after)).offset == after;
  if (first && second) {
    return std::minmax(at(before), at(after));
  }
  const sys_seconds only = at(second ? after : before);
  return {only, only};
}

}  // namespace warder::filter
