#include "log/log.h"

#include "log/secrets.h"

#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <mutex>
#include <unistd.h>
#include <vector>

namespace warder::log {
namespace {

constexpr std::size_t kShortestSecret = 6;
constexpr std::array<std::string_view, 5> kNames{"debug", "info", "notice", "warning", "error"};
// sd-daemon(3): syslog priorities as a prefix of the line.
constexpr std::array<std::string_view, 5> kPriorities{"<7>", "<6>", "<5>", "<4>", "<3>"};

std::atomic<Level> least_level{Level::kInfo};
std::atomic<bool> journal_style{false};

struct Secrets {
  std::mutex mutex;
  std::vector<std::string> texts;  // guarded by mutex
};

Secrets& secrets() {
  static Secrets instance;
  return instance;
}

std::string time_stamp() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  localtime_r(&now, &parts);
  char text[32];
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
  return std::string(text, length);
}

}  // namespace

void set_up(Level least, Style style) {
  least_level = least;
  // journald sets JOURNAL_STREAM for services whose standard error it reads (systemd.exec(5)).
  journal_style = style == Style::kJournal ||
                  (style == Style::kAuto && std::getenv("JOURNAL_STREAM") != nullptr &&
                   ::isatty(STDERR_FILENO) == 0);
}

void set_level(Level least) { least_level = least; }

bool enabled(Level level) { return level >= least_level.load(std::memory_order_relaxed); }

util::Result<Level> parse_level(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) {
      return static_cast<Level>(i);
    }
  }
  return util::Error(util::ErrorCode::kInvalid,
                     "the log level must be debug, info, notice, warning or error");
}

void write(Level level, std::string_view message) {
  if (!enabled(level)) {
    return;
  }
  const auto index = static_cast<std::size_t>(level);
  std::string line;
  if (journal_style) {
    line = fmt::format("{}{}\n", kPriorities[index], redact(message));
  } else {
    line = fmt::format("{} {:<7} {}\n", time_stamp(), kNames[index], redact(message));
  }
  // One write a line: lines of several threads do not mix. A full or closed standard error must not
  // stop the agent, so the result is dropped on purpose.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

void register_secret(std::string_view secret) {
  if (secret.size() < kShortestSecret) {
    return;
  }
  Secrets& all = secrets();
  const std::lock_guard lock(all.mutex);
  for (const std::string& known : all.texts) {
    if (known == secret) {
      return;
    }
  }
  all.texts.emplace_back(secret);
}

void forget_secret(std::string_view secret) {
  Secrets& all = secrets();
  const std::lock_guard lock(all.mutex);
  std::erase_if(all.texts, [&](std::string& known) {
    if (known != secret) {
      return false;
    }
    ::explicit_bzero(known.data(), known.size());
    return true;
  });
}

std::string redact(std::string_view text) {
  std::string clean(text);
  Secrets& all = secrets();
  const std::lock_guard lock(all.mutex);
  for (const std::string& secret : all.texts) {
    for (std::size_t at = clean.find(secret); at != std::string::npos;
         at = clean.find(secret, at)) {
      constexpr std::string_view kMark = "[redacted]";
      clean.replace(at, secret.size(), kMark);
      at += kMark.size();
    }
  }
  return clean;
}

}  // namespace warder::log
