#pragma once

#include "util/result.h"

#include <fmt/core.h>

#include <string>
#include <string_view>
#include <utility>

// The agent's own messages, for the operator: standard error (the journal under systemd) with the
// priority prefix that the journal understands. Levels say who reads them: error = act now, warning
// = look today, notice = a normal but remarkable event (a ban), info = how it goes, debug =
// developers. Text from outside must pass util::printable() before it gets here; registered secrets
// are struck out here as the last line of defence. Thread safe.
namespace warder::log {

enum class Level { kDebug, kInfo, kNotice, kWarning, kError };
enum class Style {
  kAuto,      // journal when JOURNAL_STREAM says so, else plain
  kJournal,   // "<4>text": time and priority come from the journal
  kTerminal,  // "2026-11-02 12:00:00 warning text"
};

void set_up(Level least, Style style);
void set_level(Level least);
bool enabled(Level level);
util::Result<Level> parse_level(std::string_view name);

void write(Level level, std::string_view message);

// Strikes `secret` out of every later message ("[redacted]"). Secrets shorter than 6 bytes are not
// registered: they would hide ordinary words.
void register_secret(std::string_view secret);
// The text with every registered secret struck out.
std::string redact(std::string_view text);

template <typename... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::kDebug)) {
    write(Level::kDebug, fmt::format(format, std::forward<Args>(args)...));
  }
}
template <typename... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kInfo, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void notice(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kNotice, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void warning(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kWarning, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kError, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace warder::log
