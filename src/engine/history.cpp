#include "engine/history.h"

#include "engine/event_ids.h"
#include "util/duration.h"
#include "util/strings.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <utility>

namespace warder::engine {
namespace {

using nlohmann::json;

// A finding is told by the beginning of its summary; the place of the line is kept beside it. Whole
// lines would make the history larger than the log.
constexpr std::size_t kSummaryKept = 240;

std::string dump(const json& document) {
  return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::int64_t micros(util::WallTime time) { return time.time_since_epoch().count(); }

// Of what a jail that alerts counted: the facts of the line, as the store's columns hold them for
// other findings, and what it was counted as.
json counted_detail(const model::Finding& finding, const jail::Decision& decision,
                    const LineOrigin& origin) {
  json detail{{"log", util::printable(origin.log, model::LineFacts::kLongestLog)},
              {"at", origin.offset},
              {"key", decision.key}};
  if (!decision.value.empty()) {
    detail["value"] = decision.value;
  }
  if (finding.pattern != 0) {
    detail["pattern"] = finding.pattern;
  }
  if (finding.attempts != 1) {
    detail["attempts"] = finding.attempts;
  }
  if (!finding.user.empty()) {
    detail["user"] = util::printable(finding.user, model::LineFacts::kLongestUser);
  }
  return detail;
}

model::Event decided_event(model::EventKind kind, const model::Ban& ban,
                           const model::EventId& cause, json detail) {
  const bool observed = kind == model::EventKind::kWouldBan;
  const std::string length =
      ban.end
          ? fmt::format("for {}", util::format_duration(std::chrono::floor<std::chrono::seconds>(
                                      *ban.end - ban.start)))
          : "for ever";
  model::Event event;
  event.id = event_id_after(cause, kind, ban.address.to_string());
  event.kind = kind;
  event.severity = observed ? model::Severity::kNotice : model::Severity::kWarning;
  event.time = ban.start;
  event.jail = ban.jail;
  event.address = ban.address;
  event.message = fmt::format("{} {} {}: {}", observed ? "would ban" : "banned",
                              ban.address.to_string(), length, util::printable(ban.reason, 512));
  detail["count"] = ban.count;
  if (ban.end) {
    detail["end"] = micros(*ban.end);
  }
  event.detail = dump(detail);
  return event;
}

}  // namespace

model::EventId finding_id(std::string_view jail, const model::Finding& finding,
                          const LineOrigin& origin) {
  return finding.once.empty()
             ? event_id_of_line(origin.generation, origin.offset, model::EventKind::kFinding, jail)
             : event_id_of_subject(finding.once, model::EventKind::kFinding, jail);
}

model::Event finding_event(std::string_view jail, const model::Finding& finding,
                           const jail::Decision& decision, const LineOrigin& origin) {
  model::Event event;
  event.id = finding_id(jail, finding, origin);
  event.kind = model::EventKind::kFinding;
  event.severity = model::Severity::kInfo;
  event.time = decision.time;
  event.jail = jail;
  if (!finding.without_address) {
    event.address = finding.address;
  }
  event.message = util::printable(finding.summary, kSummaryKept);
  if (!decision.key.empty()) {
    event.detail = dump(counted_detail(finding, decision, origin));
    return event;
  }
  event.line = model::LineFacts{
      .log = util::printable(origin.log, model::LineFacts::kLongestLog),
      .at = origin.offset,
      .pattern = finding.pattern,
      .attempts = finding.attempts,
      .user = util::printable(finding.user, model::LineFacts::kLongestUser),
  };
  return event;
}

model::Event alert_event(const jail::JailOptions& options, const model::Finding& finding,
                         const jail::Decision& decision, const LineOrigin& origin) {
  model::Event event;
  event.id = event_id_after(finding_id(options.name, finding, origin), model::EventKind::kAlert,
                            decision.key);
  event.kind = model::EventKind::kAlert;
  event.severity = options.severity;
  event.time = decision.time;
  event.jail = options.name;
  if (!finding.without_address) {
    event.address = finding.address;
  }
  const std::string what =
      options.distinct.empty() ? "findings" : fmt::format("different {}s", options.distinct);
  event.message = fmt::format(
      "{}{}: {}", decision.key,
      options.learn        ? fmt::format(": {} {} was not seen of it within {}", options.distinct,
                                         decision.value, util::format_duration(options.findtime))
      : decision.limit > 1 ? fmt::format(": {} {} in {}", decision.count, what,
                                         util::format_duration(options.findtime))
                           : std::string(),
      util::printable(finding.summary, kSummaryKept));
  json detail = counted_detail(finding, decision, origin);
  detail["count"] = decision.count;
  event.detail = dump(detail);
  return event;
}

std::optional<CountedKey> counted_key(const model::Event& event) {
  const json detail = json::parse(event.detail, nullptr, false);
  if (!detail.is_object()) {
    return std::nullopt;
  }
  const auto text = [&detail](const char* name) {
    const auto member = detail.find(name);
    return member != detail.end() && member->is_string() ? member->get<std::string>()
                                                         : std::string();
  };
  CountedKey counted{text("key"), text("value")};
  if (const auto attempts = detail.find("attempts");
      attempts != detail.end() && attempts->is_number_unsigned()) {
    counted.attempts = attempts->get<std::uint32_t>();
  }
  return counted.key.empty() ? std::nullopt : std::optional(std::move(counted));
}

model::Event ban_event(const model::Ban& ban, const model::EventId& cause,
                       const BanEffect& effect) {
  return decided_event(model::EventKind::kBan, ban, cause,
                       {{"in_effect", effect.in_effect},
                        {"latency_us", effect.since_line.count()},
                        {"findings", effect.findings}});
}

model::Event would_ban_event(const model::Ban& ban, const model::EventId& cause) {
  return decided_event(model::EventKind::kWouldBan, ban, cause, json::object());
}

model::Event unban_event(std::string_view jail, const net::Prefix& address,
                         std::optional<util::WallTime> end, util::WallTime now,
                         std::string_view why) {
  model::Event event;
  // The end tells one ban of an address from the next, so an unban recorded twice is one event.
  event.id = event_id_after(
      {}, model::EventKind::kUnban,
      fmt::format("{} {} {}", jail, address.to_string(), end ? micros(*end) : micros(now)));
  event.kind = model::EventKind::kUnban;
  event.severity = model::Severity::kInfo;
  event.time = now;
  event.jail = jail;
  event.address = address;
  event.message = fmt::format("unbanned {}: {}", address.to_string(), why);
  return event;
}

model::Ban ban_of(const model::Event& event) {
  model::Ban ban;
  ban.jail = event.jail;
  ban.address = event.address.value_or(net::Prefix());
  ban.start = event.time;
  const json detail = json::parse(event.detail, nullptr, false);
  if (detail.is_object()) {
    if (const auto count = detail.find("count");
        count != detail.end() && count->is_number_unsigned()) {
      ban.count = count->get<std::uint32_t>();
    }
    if (const auto end = detail.find("end"); end != detail.end() && end->is_number_integer()) {
      ban.end = util::WallTime(std::chrono::microseconds(end->get<std::int64_t>()));
    }
  }
  return ban;
}

}  // namespace warder::engine
