#include "source/journal_entry.h"

#include <fmt/core.h>

#include <charconv>

namespace warder::source {
namespace {

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || rest != end) {
    return std::nullopt;
  }
  return number;
}

void append_part(std::string& line, std::string_view part) {
  if (!line.empty()) {
    line += ' ';
  }
  line += part;
}

}  // namespace

void JournalEntry::take(std::string_view field) {
  const std::size_t equals = field.find('=');
  if (equals == std::string_view::npos) {
    return;
  }
  const std::string_view name = field.substr(0, equals);
  const std::string_view value = field.substr(equals + 1);
  const auto first = [&](std::optional<std::string>& place) {
    if (!place) {
      place.emplace(value);
    }
  };
  if (name == "MESSAGE") {
    if (message) {
      *message += ' ';
      *message += value;
    } else {
      message.emplace(value);
    }
  } else if (name == "_HOSTNAME") {
    first(host);
  } else if (name == "SYSLOG_IDENTIFIER") {
    first(identifier);
  } else if (name == "_COMM") {
    first(command);
  } else if (name == "SYSLOG_PID") {
    first(syslog_pid);
  } else if (name == "_PID") {
    first(pid);
  } else if (name == "_SOURCE_REALTIME_TIMESTAMP") {
    source_realtime = parse_number(value);
  } else if (name == "_SOURCE_MONOTONIC_TIMESTAMP") {
    source_monotonic = parse_number(value);
  }
}

JournalLine JournalEntry::line(std::uint64_t monotonic) const {
  JournalLine line{.text = host.value_or("")};
  const std::optional<std::string>& name = identifier ? identifier : command;
  if (name) {
    const std::optional<std::string>& number = syslog_pid ? syslog_pid : pid;
    append_part(line.text,
                number ? fmt::format("{}[{}]:", *name, *number) : fmt::format("{}:", *name));
    if (*name == "kernel" && !number) {
      const auto microseconds = static_cast<double>(source_monotonic.value_or(monotonic));
      append_part(line.text, fmt::format("[{:12.6f}]", microseconds / 1e6));
    }
  }
  if (message) {
    append_part(line.text, "");
    line.message_at = line.text.size();
    for (const char c : *message) {
      line.text += c == '\n' ? std::string_view("\\n") : std::string_view(&c, 1);
    }
  }
  return line;
}

}  // namespace warder::source
