#include "source/journal_position.h"

#include "crypto/sha256.h"
#include "util/encoding.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

namespace warder::source {
namespace {

std::string body(const JournalPosition& position) {
  return fmt::format("j1 {} {} {}", position.sequence, position.realtime, position.cursor);
}

std::string checksum(std::string_view text) {
  const crypto::Sha256Digest digest = crypto::sha256(util::as_bytes(text));
  return util::to_hex(util::ByteView(digest).first(8));
}

bool is_cursor(std::string_view text) {
  return !text.empty() && text.size() <= 1024 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

}  // namespace

std::string encode(const JournalPosition& position) {
  const std::string text = body(position);
  return fmt::format("{} {}", text, checksum(text));
}

util::Result<JournalPosition> decode_journal_position(std::string_view text) {
  const util::Error refused(util::ErrorCode::kInvalid, "journal position: cannot be read");
  const std::vector<std::string_view> words = util::split(text, ' ');
  if (words.size() != 5) {
    return refused;
  }
  JournalPosition position;
  const auto number = [](std::string_view word, std::uint64_t& value) {
    return std::from_chars(word.data(), word.data() + word.size(), value).ec == std::errc{};
  };
  if (!number(words[1], position.sequence) || !number(words[2], position.realtime) ||
      !is_cursor(words[3])) {
    return refused;
  }
  position.cursor = words[3];
  // One spelling a position: what does not print as it was read is refused.
  if (encode(position) != text) {
    return refused;
  }
  return position;
}

std::optional<JournalMoment> moment_of(std::string_view cursor) {
  JournalMoment moment;
  bool timed = false;
  for (const std::string_view field : util::split(cursor, ';')) {
    const std::string_view value = field.substr(std::min<std::size_t>(field.size(), 2));
    if (field.starts_with("b=")) {
      moment.boot = value;
    } else if (field.starts_with("m=")) {
      const char* const end = value.data() + value.size();
      const auto [stop, error] = std::from_chars(value.data(), end, moment.monotonic, 16);
      timed = error == std::errc{} && stop == end;
    }
  }
  if (!timed || moment.boot.empty()) {
    return std::nullopt;
  }
  return moment;
}

}  // namespace warder::source
