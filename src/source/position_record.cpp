#include "source/position_record.h"

#include "crypto/sha256.h"
#include "source/line_cursor.h"
#include "util/encoding.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

namespace warder::source {
namespace {

constexpr std::string_view kVersion = "v1";
constexpr std::size_t kFields = 12;

std::string checksum(std::string_view text) {
  const crypto::Sha256Digest digest = crypto::sha256(util::as_bytes(text));
  return util::to_hex(util::ByteView(digest).first(8));
}

util::Error refuse(std::string_view why) {
  return {util::ErrorCode::kInvalid, fmt::format("position record: {}", why)};
}

// Digits only, no sign, no superfluous zero: one spelling a number.
template <typename Integer>
bool read_number(std::string_view text, Integer& number) {
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  return error == std::errc{} && rest == end && fmt::format("{}", number) == text;
}

bool read_digest(std::string_view text, std::array<std::uint8_t, 16>& digest) {
  const util::Result<util::Bytes> bytes = util::from_hex(text);
  if (!bytes || bytes->size() != digest.size() || util::to_hex(*bytes) != text) {
    return false;
  }
  std::copy(bytes->begin(), bytes->end(), digest.begin());
  return true;
}

bool read_fingerprint(std::string_view length, std::string_view digest, std::uint64_t most,
                      Fingerprint& result) {
  if (!read_number(length, result.length) || !read_digest(digest, result.digest) ||
      result.length > most) {
    return false;
  }
  return result.length != 0 || result == Fingerprint{};
}

util::Result<GenerationRecord> read_generation(std::string_view text) {
  const std::vector<std::string_view> fields = util::split(text, ':');
  if (fields.size() != kFields) {
    return refuse("a generation has the wrong number of fields");
  }
  GenerationRecord record;
  if (!read_number(fields[0], record.life) || !read_digest(fields[1], record.id.bytes) ||
      !read_number(fields[2], record.identity.device) ||
      !read_number(fields[3], record.identity.inode) ||
      !read_number(fields[4], record.identity.birth) || !read_number(fields[5], record.offset) ||
      !read_number(fields[10], record.modified)) {
    return refuse("a field of a generation cannot be read");
  }
  if (fields[11] != "0" && fields[11] != "1") {
    return refuse("a field of a generation cannot be read");
  }
  record.finished = fields[11] == "1";
  const std::uint64_t judged = record.offset;
  if (!read_fingerprint(fields[6], fields[7], std::min<std::uint64_t>(judged, kLongestHead),
                        record.head) ||
      !read_fingerprint(fields[8], fields[9], std::min<std::uint64_t>(judged, LineCursor::kTail),
                        record.tail)) {
    return refuse("a fingerprint is wrong");
  }
  return record;
}

}  // namespace

std::string encode(const PositionRecord& record) {
  std::string text = fmt::format("{} {}", kVersion, util::to_hex(record.seed));
  for (const GenerationRecord& generation : record.generations) {
    text += fmt::format(" {}:{}:{}:{}:{}:{}:{}:{}:{}:{}:{}:{}", generation.life,
                        util::to_hex(generation.id.bytes), generation.identity.device,
                        generation.identity.inode, generation.identity.birth, generation.offset,
                        generation.head.length, util::to_hex(generation.head.digest),
                        generation.tail.length, util::to_hex(generation.tail.digest),
                        generation.modified, generation.finished ? 1 : 0);
  }
  return fmt::format("{} {}", text, checksum(text));
}

util::Result<PositionRecord> decode_position(std::string_view text) {
  const std::vector<std::string_view> words = util::split(text, ' ');
  if (words.front() != kVersion) {
    return refuse("it has another version");
  }
  if (words.size() < 3 || checksum(text.substr(0, text.rfind(' '))) != words.back()) {
    return refuse("its checksum is wrong");
  }
  if (words.size() - 3 > PositionRecord::kMostGenerations) {
    return refuse("it has too many generations");
  }
  PositionRecord record;
  if (!read_digest(words[1], record.seed)) {
    return refuse("its seed cannot be read");
  }
  for (std::size_t i = 2; i + 1 < words.size(); ++i) {
    WARDER_ASSIGN_OR_RETURN(GenerationRecord generation, read_generation(words[i]));
    const auto same = [&](const GenerationRecord& other) { return other.life == generation.life; };
    if (generation.life == 0 ||
        std::any_of(record.generations.begin(), record.generations.end(), same)) {
      return refuse("two generations have one place");
    }
    record.generations.push_back(std::move(generation));
  }
  return record;
}

}  // namespace warder::source
