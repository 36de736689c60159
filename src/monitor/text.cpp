#include "monitor/text.h"

#include "crypto/sha256.h"
#include "util/encoding.h"
#include "util/strings.h"

#include <fmt/core.h>

namespace warder::monitor {

std::string mark_of(std::string_view text) {
  return util::to_hex(crypto::sha256(util::as_bytes(text))).substr(0, 16);
}

std::string shell_word(std::string_view path) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+@%:,=";
  const std::string text = util::printable(path, 400);
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string::npos) {
    return text;
  }
  std::string word = "'";
  for (const char byte : text) {
    word += byte == '\'' ? "'\\''" : std::string(1, byte);
  }
  return word + "'";
}

std::string joined(const std::vector<std::string>& parts, std::size_t most) {
  std::string text;
  for (std::size_t i = 0; i < parts.size() && i < most; ++i) {
    text += (i == 0 ? "" : "; ") + parts[i];
  }
  return parts.size() > most ? fmt::format("{}; and {} more", text, parts.size() - most) : text;
}

std::string size_text(std::uint64_t bytes) {
  constexpr std::uint64_t kMiB = 1U << 20U;
  if (bytes < kMiB) {
    return fmt::format("{} KiB", bytes / 1024);
  }
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / static_cast<double>(kMiB));
}

}  // namespace warder::monitor
