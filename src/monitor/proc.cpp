#include "monitor/proc.h"

#include "util/strings.h"

#include <charconv>
#include <limits>

namespace warder::monitor {
namespace {

template <typename Number>
std::optional<Number> number(std::string_view text, int base = 10) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

std::optional<FileLock> parse_lock(std::string_view line) {
  const std::vector<std::string_view> words = util::split_words(line);
  if (words.size() != 8 || words[1] == "->" || (words[3] != "READ" && words[3] != "WRITE")) {
    return std::nullopt;
  }
  const std::vector<std::string_view> file = util::split(words[5], ':');
  if (file.size() != 3) {
    return std::nullopt;
  }
  const auto pid = number<std::int64_t>(words[4]);
  const auto major = number<std::uint32_t>(file[0], 16);
  const auto minor = number<std::uint32_t>(file[1], 16);
  const auto inode = number<std::uint64_t>(file[2]);
  const auto first = number<std::uint64_t>(words[6]);
  const auto last = words[7] == "EOF" ? std::optional(std::numeric_limits<std::uint64_t>::max())
                                      : number<std::uint64_t>(words[7]);
  if (!pid || !major || !minor || !inode || !first || !last) {
    return std::nullopt;
  }
  return FileLock{words[3] == "WRITE", *pid, *major, *minor, *inode, *first, *last};
}

// "MemTotal:       16303428 kB"
std::optional<std::uint64_t> kilobytes(std::string_view line, std::string_view name) {
  const std::vector<std::string_view> words = util::split_words(line);
  if (words.size() != 3 || words[0] != name || words[2] != "kB") {
    return std::nullopt;
  }
  const auto value = number<std::uint64_t>(words[1]);
  return value && *value <= std::numeric_limits<std::uint64_t>::max() / 1024
             ? std::optional(*value * 1024)
             : std::nullopt;
}

}  // namespace

std::vector<FileLock> parse_locks(std::string_view text) {
  std::vector<FileLock> locks;
  for (const std::string_view line : util::split(text, '\n')) {
    if (const auto lock = parse_lock(line)) {
      locks.push_back(*lock);
    }
  }
  return locks;
}

std::optional<FileIdentity> parse_watched_file(std::string_view text) {
  constexpr unsigned kMinorBits = 20;
  for (const std::string_view line : util::split(text, '\n')) {
    const std::vector<std::string_view> words = util::split_words(line);
    if (words.size() < 4 || words[0] != "inotify" || !words[2].starts_with("ino:") ||
        !words[3].starts_with("sdev:")) {
      continue;
    }
    const auto inode = number<std::uint64_t>(words[2].substr(4), 16);
    const auto device = number<std::uint32_t>(words[3].substr(5), 16);
    if (!inode || !device) {
      return std::nullopt;
    }
    return FileIdentity{*device >> kMinorBits, *device & ((1U << kMinorBits) - 1), *inode};
  }
  return std::nullopt;
}

std::optional<MemoryFigures> parse_meminfo(std::string_view text) {
  std::optional<std::uint64_t> total;
  std::optional<std::uint64_t> available;
  for (const std::string_view line : util::split(text, '\n')) {
    total = total ? total : kilobytes(line, "MemTotal:");
    available = available ? available : kilobytes(line, "MemAvailable:");
  }
  if (!total || !available || *total == 0 || *available > *total) {
    return std::nullopt;
  }
  return MemoryFigures{*total, *available};
}

}  // namespace warder::monitor
