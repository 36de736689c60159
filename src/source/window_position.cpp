#include "source/window_position.h"

#include "crypto/sha256.h"
#include "util/encoding.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <charconv>
#include <set>

namespace warder::source {
namespace {

constexpr std::size_t kIdDigits = 16;
// Of a minute: the year 9999 ends before it.
constexpr std::int64_t kLatest = std::int64_t{253402300800} / 60;

std::string checksum(std::string_view text) {
  const crypto::Sha256Digest digest = crypto::sha256(util::as_bytes(text));
  return util::to_hex(util::ByteView(digest).first(8));
}

bool read_minute(std::string_view word, std::int64_t* minute) {
  const char* const end = word.data() + word.size();
  const auto [rest, error] = std::from_chars(word.data(), end, *minute);
  return error == std::errc{} && rest == end && *minute >= 0 && *minute <= kLatest;
}

bool read_id(std::string_view word, std::uint64_t* id) {
  const char* const end = word.data() + word.size();
  const auto [rest, error] = std::from_chars(word.data(), end, *id, 16);
  return word.size() == kIdDigits && error == std::errc{} && rest == end;
}

}  // namespace

std::uint64_t id_hash(std::string_view id) {
  const crypto::Sha256Digest digest = crypto::sha256(util::as_bytes(id));
  std::uint64_t hash = 0;
  for (std::size_t i = 0; i < sizeof hash; ++i) {
    hash = hash << 8U | digest[i];
  }
  return hash;
}

std::string encode(const WindowPosition& position) {
  std::map<std::int64_t, std::set<std::uint64_t>> groups;
  for (const auto& [id, until] : position.seen) {
    groups[until].insert(id);
  }
  std::string text = fmt::format("w1 {}", position.from);
  for (const auto& [until, ids] : groups) {
    char separator = ':';
    text += fmt::format(" {}", until);
    for (const std::uint64_t id : ids) {
      text += fmt::format("{}{:016x}", separator, id);
      separator = ',';
    }
  }
  return fmt::format("{} {}", text, checksum(text));
}

util::Result<WindowPosition> decode_window_position(std::string_view text) {
  const util::Error refused(util::ErrorCode::kInvalid, "window position: cannot be read");
  // Before anything is kept: the longest there can be.
  if (text.size() > 64 + WindowPosition::kMostSeen * (kIdDigits + 14)) {
    return refused;
  }
  const std::vector<std::string_view> words = util::split(text, ' ');
  WindowPosition position;
  if (words.size() < 3 || words.front() != "w1" || !read_minute(words[1], &position.from)) {
    return refused;
  }
  for (std::size_t i = 2; i + 1 < words.size(); ++i) {
    const auto colon = words[i].find(':');
    std::int64_t until = 0;
    if (colon == std::string_view::npos || !read_minute(words[i].substr(0, colon), &until)) {
      return refused;
    }
    for (const std::string_view word : util::split(words[i].substr(colon + 1), ',')) {
      std::uint64_t id = 0;
      if (!read_id(word, &id) || position.seen.size() == WindowPosition::kMostSeen) {
        return refused;
      }
      position.seen.emplace(id, until);
    }
  }
  // One spelling a position: order, twins and the checksum are compared with it.
  if (encode(position) != text) {
    return refused;
  }
  return position;
}

}  // namespace warder::source
