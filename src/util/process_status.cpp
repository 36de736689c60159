#include "util/process_status.h"

#include "util/bytes.h"
#include "util/file.h"
#include "util/strings.h"
#include "util/users.h"

#include <fmt/core.h>

#include <charconv>
#include <vector>

namespace warder::util {
namespace {

constexpr ByteCount kLongestStatus = kibibytes(64);
constexpr std::size_t kLongestName = 64;

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value)
                                                                  : std::nullopt;
}

}  // namespace

std::optional<ProcessStatus> parse_process_status(std::string_view text) {
  ProcessStatus status;
  bool named = false;
  for (const std::string_view line : split(text, '\n')) {
    if (!named && line.starts_with("Name:\t")) {
      status.name = printable(line.substr(6), kLongestName);
      named = true;
    } else if (named && line.starts_with("Uid:\t")) {
      const std::vector<std::string_view> words = split_words(line.substr(5));
      const auto user = words.empty() ? std::nullopt : number(words[0]);
      if (!user) {
        return std::nullopt;
      }
      status.user = *user;
      return status;
    }
  }
  return std::nullopt;
}

std::optional<ProcessStatus> process_status(const std::filesystem::path& proc, std::int64_t pid) {
  const auto text = read_file(proc / std::to_string(pid) / "status", kLongestStatus);
  return text ? parse_process_status(*text) : std::nullopt;
}

std::string to_text(const ProcessStatus& process, std::int64_t pid) {
  return fmt::format("{} (pid {}, user {})", process.name, pid, user_name(process.user));
}

}  // namespace warder::util
