#include "filter/line_decoder.h"

#include "util/strings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iconv.h>

namespace warder::filter {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD
// Names of encodings are short.
constexpr std::size_t kLongestName = 40;

iconv_t open_converter(const std::string& name) { return ::iconv_open("UTF-8", name.c_str()); }
bool is_open(iconv_t converter) { return converter != reinterpret_cast<iconv_t>(-1); }

bool is_ascii(std::string_view text) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080;
  std::uint64_t word = 0;
  while (text.size() >= sizeof word) {
    std::memcpy(&word, text.data(), sizeof word);
    if ((word & kHighBits) != 0) {
      return false;
    }
    text.remove_prefix(sizeof word);
  }
  return std::none_of(text.begin(), text.end(), [](char c) { return (c & 0x80) != 0; });
}

// Writes `text` as UTF-8. False when a byte was no text.
bool convert(iconv_t converter, std::string_view text, std::string& result) {
  ::iconv(converter, nullptr, nullptr, nullptr, nullptr);
  bool clean = true;
  result.clear();
  std::array<char, 1024> piece{};
  // iconv() does not change what it reads; its signature is older than const.
  char* from = const_cast<char*>(text.data());
  std::size_t left = text.size();
  while (left > 0) {
    char* to = piece.data();
    std::size_t room = piece.size();
    const bool failed =
        ::iconv(converter, &from, &left, &to, &room) == static_cast<std::size_t>(-1);
    const int error = errno;
    result.append(piece.data(), piece.size() - room);
    if (!failed || error == E2BIG) {
      continue;
    }
    // EILSEQ, or EINVAL where the line ends within a character.
    clean = false;
    result.append(kReplacement);
    ++from;
    --left;
  }
  return clean;
}

// All of ASCII, with what begins other sets of characters in ISO-2022 and HZ.
std::string ascii_probe() {
  std::string probe = "\n\t\x1b$B~{";
  for (char c = ' '; c <= '~'; ++c) {
    probe += c;
  }
  return probe;
}

}  // namespace

util::Result<std::optional<Encoding>> Encoding::parse(std::string_view text) {
  std::string plain = util::to_lower(text);
  std::erase_if(plain, [](char c) { return c == '-' || c == '_'; });
  if (plain == "auto" || plain == "utf8" || plain == "ascii" || plain == "usascii") {
    return std::optional<Encoding>();
  }
  const bool is_name = !text.empty() && text.size() <= kLongestName &&
                       std::all_of(text.begin(), text.end(), [](char c) {
                         return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                (c >= '0' && c <= '9') || c == '-' || c == '_' || c == ':' ||
                                c == '.' || c == '(' || c == ')';
                       });
  // Python's spelling, which fail2ban takes.
  const std::string name = plain == "latin1" ? "ISO-8859-1" : std::string(text);
  const iconv_t converter = is_name ? open_converter(name) : reinterpret_cast<iconv_t>(-1);
  if (!is_open(converter)) {
    return util::Error(
        util::ErrorCode::kInvalid,
        fmt::format("'{}' is no encoding that iconv knows; allowed are auto, utf-8, latin-1 and "
                    "the names that `iconv -l` prints",
                    util::printable(text, kLongestName)));
  }
  std::string result;
  const std::string probe = ascii_probe();
  const bool keeps_ascii = convert(converter, probe, result) && result == probe;
  ::iconv_close(converter);
  if (!keeps_ascii) {
    return util::Error(util::ErrorCode::kInvalid,
                       fmt::format("in '{}' ASCII does not stand for itself, so that lines could "
                                   "not be told apart; convert the log to UTF-8",
                                   name));
  }
  return std::optional(Encoding(name));
}

util::Result<std::unique_ptr<LineDecoder>> LineDecoder::create(const Encoding& encoding) {
  const iconv_t converter = open_converter(encoding.name());
  if (!is_open(converter)) {
    return util::Error(util::ErrorCode::kInternal,
                       fmt::format("iconv cannot read '{}' any more", encoding.name()));
  }
  return std::unique_ptr<LineDecoder>(new LineDecoder(converter));
}

LineDecoder::~LineDecoder() { ::iconv_close(converter_); }

std::string_view LineDecoder::decode(std::string_view line) {
  if (is_ascii(line)) {
    return line;
  }
  undecodable_ += convert(converter_, line, buffer_) ? 0 : 1;
  return buffer_;
}

}  // namespace warder::filter
