#include "http/retry_after.h"

#include "http/library.h"
#include "util/strings.h"

#include <algorithm>
#include <string>

namespace warder::http {
namespace {

using std::chrono::seconds;

constexpr seconds kLongest = std::chrono::hours(24);

std::optional<seconds> parse_number(std::string_view text) {
  std::int64_t value = 0;
  std::size_t at = 0;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
    value = std::min<std::int64_t>(value * 10 + (text[at] - '0'), kLongest.count());
  }
  if (at == 0) {
    return std::nullopt;
  }
  if (at < text.size()) {
    const std::string_view fraction = text.substr(at + 1);
    if (text[at] != '.' || fraction.empty() ||
        fraction.find_first_not_of("0123456789") != std::string_view::npos) {
      return std::nullopt;
    }
    value += fraction.find_first_not_of('0') == std::string_view::npos ? 0 : 1;
  }
  return std::min(seconds(value), kLongest);
}

}  // namespace

std::optional<seconds> parse_retry_after(std::string_view text, util::WallTime now) {
  text = util::trim(text);
  if (text.empty() || text.size() > 64) {
    return std::nullopt;
  }
  if (text.front() >= '0' && text.front() <= '9') {
    return parse_number(text);
  }
  // curl_getdate() guesses at anything; an HTTP date begins with the name of a day.
  constexpr std::string_view kDays = "MonTueWedThuFriSatSun";
  const std::size_t day = text.size() < 3 ? std::string_view::npos : kDays.find(text.substr(0, 3));
  if (day == std::string_view::npos || day % 3 != 0) {
    return std::nullopt;
  }
  const Library* const curl = library();
  const time_t at = curl == nullptr ? -1 : curl->getdate(std::string(text).c_str(), nullptr);
  if (at < 0) {
    return std::nullopt;
  }
  const auto wait = std::chrono::ceil<seconds>(util::WallTime(seconds(at)) - now);
  return std::clamp(wait, seconds(0), kLongest);
}

}  // namespace warder::http
