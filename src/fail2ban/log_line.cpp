#include "fail2ban/log_line.h"

#include "util/strings.h"

#include <array>
#include <charconv>
#include <chrono>
#include <utility>

namespace warder::fail2ban {
namespace {

bool digits(std::string_view text, unsigned* value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc{} && end == text.data() + text.size();
}

// "2026-08-01 00:00:00" to seconds.
std::optional<std::int64_t> parse_time(std::string_view text) {
  if (text.size() != 19 || text[4] != '-' || text[7] != '-' || text[10] != ' ' || text[13] != ':' ||
      text[16] != ':') {
    return std::nullopt;
  }
  unsigned year = 0;
  unsigned month = 0;
  unsigned day = 0;
  unsigned hour = 0;
  unsigned minute = 0;
  unsigned second = 0;
  if (!digits(text.substr(0, 4), &year) || !digits(text.substr(5, 2), &month) ||
      !digits(text.substr(8, 2), &day) || !digits(text.substr(11, 2), &hour) ||
      !digits(text.substr(14, 2), &minute) || !digits(text.substr(17, 2), &second) || hour > 23 ||
      minute > 59 || second > 60) {
    return std::nullopt;
  }
  using namespace std::chrono;
  const year_month_day date(std::chrono::year(static_cast<int>(year)), std::chrono::month(month),
                            std::chrono::day(day));
  if (!date.ok()) {
    return std::nullopt;
  }
  return duration_cast<seconds>(sys_days(date).time_since_epoch()).count() + hour * 3600 +
         minute * 60 + second;
}

// The word before the next blank, taken off `text`.
std::string_view take_word(std::string_view* text) {
  const std::size_t start = text->find_first_not_of(' ');
  if (start == std::string_view::npos) {
    *text = {};
    return {};
  }
  text->remove_prefix(start);
  const std::size_t end = std::min(text->find(' '), text->size());
  const std::string_view word = text->substr(0, end);
  text->remove_prefix(end);
  return word;
}

}  // namespace

std::optional<LogLine> parse_log_line(std::string_view line) {
  constexpr std::size_t kStamp = 23;  // with ",123"
  if (line.size() < kStamp + 2 || line[19] != ',') {
    return std::nullopt;
  }
  const auto seconds = parse_time(line.substr(0, 19));
  unsigned millis = 0;
  if (!seconds || !digits(line.substr(20, 3), &millis)) {
    return std::nullopt;
  }
  LogLine result;
  result.written = *seconds * 1000 + millis;
  std::string_view rest = line.substr(kStamp);
  const std::string_view logger = take_word(&rest);
  // "[PID]:", also "[  12]:"
  const std::size_t pid = rest.find("]:");
  if (!logger.starts_with("fail2ban.") || pid == std::string_view::npos) {
    return std::nullopt;
  }
  rest.remove_prefix(pid + 2);
  (void)take_word(&rest);  // the level
  const std::string_view jail = take_word(&rest);
  if (jail.size() < 3 || jail.front() != '[' || jail.back() != ']') {
    return std::nullopt;
  }
  result.jail = jail.substr(1, jail.size() - 2);
  std::string_view word = take_word(&rest);
  constexpr std::array<std::pair<std::string_view, Saying>, 6> kVerbs{{
      {"Found", Saying::kFound},
      {"Ban", Saying::kBan},
      {"Unban", Saying::kUnban},
      {"Repeal", Saying::kUnban},
      {"Restore", Saying::kRestore},
      {"Ignore", Saying::kIgnore},
  }};
  bool known = false;
  for (const auto& [verb, saying] : kVerbs) {
    if (word == verb) {
      result.saying = saying;
      known = true;
    }
  }
  if (word == "Increase") {
    result.saying = Saying::kIncrease;
    known = true;
  }
  std::string_view subject = known ? take_word(&rest) : word;
  if (word == "Restore" || word == "Repeal" || word == "Increase") {
    if (subject == "Ban") {
      subject = take_word(&rest);
    }
  }
  if (!known) {
    if (util::trim(rest) != "already banned") {
      return std::nullopt;
    }
    result.saying = Saying::kAlready;
  }
  const auto address = net::Prefix::parse(subject);
  if (!address) {
    return std::nullopt;
  }
  result.address = *address;
  if (result.saying == Saying::kFound) {
    rest = util::trim(rest);
    if (rest.starts_with("- ")) {
      result.found = parse_time(rest.substr(2));
    }
  }
  return result;
}

}  // namespace warder::fail2ban
