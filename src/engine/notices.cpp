#include "engine/notices.h"

#include "engine/event_ids.h"
#include "log/log.h"
#include "util/strings.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <utility>

namespace warder::engine {
namespace {

log::Level level_of(model::Severity severity) {
  switch (severity) {
    case model::Severity::kInfo:
      return log::Level::kInfo;
    case model::Severity::kNotice:
      return log::Level::kNotice;
    case model::Severity::kWarning:
      return log::Level::kWarning;
    case model::Severity::kHigh:
    case model::Severity::kCritical:
      return log::Level::kError;
  }
  return log::Level::kError;
}

model::EventKind kind_of(jail::NoticeKind kind) {
  // What the operator mends in the configuration, and what the agent reports of itself.
  return kind == jail::NoticeKind::kOneAddress || kind == jail::NoticeKind::kBanTime
             ? model::EventKind::kConfig
             : model::EventKind::kAgent;
}

struct Telling {
  model::Severity severity;
  std::string text;
};

Telling telling(const filter::Notice& notice) {
  const std::string subject = util::printable(notice.subject, 128);
  using filter::NoticeKind;
  switch (notice.kind) {
    case NoticeKind::kDateOff:
      return {
          model::Severity::kWarning,
          fmt::format("the log's date '{}' is more than a minute from this host's clock and was "
                      "not believed; check the time zone of the log and the clock",
                      subject)};
    case NoticeKind::kNoDate:
      return {model::Severity::kNotice,
              "a line that matches has no date that can be read; it counts as happening now"};
    case NoticeKind::kBadDate:
      return {
          model::Severity::kNotice,
          fmt::format("the log's date '{}' is none; the line counts as happening now", subject)};
    case NoticeKind::kBadAddress:
      return {model::Severity::kNotice,
              fmt::format("what stands at the place of the address is no address: '{}'", subject)};
    case NoticeKind::kHostName:
      return {
          model::Severity::kNotice,
          fmt::format("the log names the host '{}' instead of its address; make the program log "
                      "addresses (names are not looked up)",
                      subject)};
    case NoticeKind::kNoAddress:
      return {model::Severity::kNotice, "a line matches but has no address"};
    case NoticeKind::kMalformed:
      return {model::Severity::kWarning,
              fmt::format("a line of a JSON log is no JSON and was not judged: '{}'", subject)};
    case NoticeKind::kForwarded:
      return {
          model::Severity::kHigh,
          fmt::format("the web server takes the client's address from a header that {} sent, and "
                      "{} is no trusted proxy of ours; if it is your proxy, add it to "
                      "trusted_proxies, otherwise the web server believes forged headers",
                      subject, subject)};
    case NoticeKind::kProxyAddress:
      return {
          model::Severity::kWarning,
          fmt::format("an offence came through the proxy {} without the client's address; nobody "
                      "was blamed. Make the proxy send X-Forwarded-For",
                      subject)};
    case NoticeKind::kSessionLost:
      return {model::Severity::kNotice, "more log sessions are open at once than are kept"};
    case NoticeKind::kOutOfMemory:
      return {
          model::Severity::kWarning,
          "a line needed more memory than the search may use; its patterns were tried one by one"};
  }
  return {model::Severity::kNotice, subject};
}

// What every filter that reads the log would say of the line, or of the program that writes it.
bool is_of_log(filter::NoticeKind kind) {
  using filter::NoticeKind;
  return kind == NoticeKind::kMalformed || kind == NoticeKind::kForwarded ||
         kind == NoticeKind::kProxyAddress || kind == NoticeKind::kDateOff ||
         kind == NoticeKind::kOutOfMemory;
}

}  // namespace

model::Event Notices::said(model::EventKind kind, model::Severity severity,
                           const std::string& message) const {
  log::write(level_of(severity), message);
  model::Event event;
  event.id = random_event_id();
  event.kind = kind;
  event.severity = severity;
  event.time = clock_.now();
  event.message = util::printable(message, model::Event::kLongestMessage);
  return event;
}

void Notices::plain(model::EventKind kind, model::Severity severity, std::string message) {
  recorder_.event(said(kind, severity, message), Recorder::WhenFull::kHold);
}

void Notices::clock_set(std::chrono::microseconds by, std::string message) {
  recorder_.clock_stepped(said(model::EventKind::kAgent, model::Severity::kWarning, message), by);
}

void Notices::source(const source::Notice& notice) {
  log::write(level_of(notice.severity), notice.text);
  nlohmann::json detail{{"notice", to_string(notice.kind)},
                        {"log", util::printable(notice.log, 1024)}};
  if (notice.offset) {
    detail["offset"] = *notice.offset;
  }
  if (notice.length) {
    detail["length"] = *notice.length;
  }
  if (!notice.sha256.empty()) {
    detail["sha256"] = notice.sha256;
  }
  if (notice.error != 0) {
    detail["errno"] = notice.error;
  }
  model::Event event;
  event.id = random_event_id();
  event.kind = model::EventKind::kSource;
  event.severity = notice.severity;
  event.time = clock_.now();
  event.message = util::printable_again(notice.text, model::Event::kLongestMessage);
  event.detail = detail.dump();
  recorder_.event(std::move(event), Recorder::WhenFull::kHold);
}

std::optional<std::uint64_t> Notices::due(Told& told) const {
  const util::MonotonicTime now = clock_.monotonic();
  const bool first = told.at == util::MonotonicTime{};
  if (!first && now - told.at < kInterval) {
    ++told.since;
    return std::nullopt;
  }
  const std::uint64_t since = told.since;
  told.at = now;
  told.since = 0;
  return since;
}

void Notices::tell(std::string_view jail, model::Severity severity, std::string text,
                   std::string detail) {
  log::write(level_of(severity), jail.empty() ? text : fmt::format("jail {}: {}", jail, text));
  model::Event event;
  event.id = random_event_id();
  event.kind = model::EventKind::kSource;
  event.severity = severity;
  event.time = clock_.now();
  event.jail = jail;
  event.message = std::move(text);
  event.detail = std::move(detail);
  recorder_.event(std::move(event), Recorder::WhenFull::kHold);
}

void Notices::filter(const Line& line, const filter::Notice& notice) {
  const bool of_log = is_of_log(notice.kind);
  const bool shared = of_log && line.jails.size() > 1;
  Told& known =
      told_[{shared ? fmt::format("{}", fmt::join(line.jails, ", ")) : std::string(line.jail),
             notice.kind}];
  if (std::exchange(known.line, line.number) == line.number) {
    return;  // another jail said so already
  }
  const auto since = due(known);
  if (!since) {
    return;
  }
  Telling told = telling(notice);
  if (*since > 0) {
    told.text += fmt::format(" ({} more since it was last told)", *since);
  }
  if (!of_log) {
    tell(line.jail, told.severity, std::move(told.text));
    return;
  }
  const std::string log = util::printable(line.log, 1024);
  // One incident a log and kind, whatever the place and the line say.
  nlohmann::json detail{{"notice", to_string(notice.kind)},
                        {"incident", fmt::format("{}|{}", to_string(notice.kind), log)},
                        {"log", log},
                        {"offset", line.offset},
                        {"length", line.length}};
  std::string text = fmt::format("{}, at byte {}: {}", log, line.offset, told.text);
  if (shared) {
    detail["jails"] = line.jails;
  }
  tell(shared ? std::string_view() : line.jail, told.severity,
       util::printable_again(text, model::Event::kLongestMessage), detail.dump());
}

void Notices::aside(std::string_view jail, Aside kind, model::Severity severity, std::string text) {
  const auto since = due(told_aside_[{std::string(jail), kind}]);
  if (!since) {
    return;
  }
  if (*since > 0) {
    text += fmt::format(" ({} more since it was last told)", *since);
  }
  tell(jail, severity, util::printable_again(text, model::Event::kLongestMessage));
}

void Notices::jail(std::string_view jail, const jail::Notice& notice) {
  log::write(level_of(notice.severity), fmt::format("jail {}: {}", jail, notice.message));
  model::Event event;
  event.id = random_event_id();
  event.kind = kind_of(notice.kind);
  event.severity = notice.severity;
  event.time = clock_.now();
  event.jail = jail;
  event.address = notice.address;
  event.message = util::printable(notice.message, model::Event::kLongestMessage);
  recorder_.event(std::move(event), Recorder::WhenFull::kHold);
}

}  // namespace warder::engine
