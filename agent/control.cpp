#include "agent/control.h"

#include "engine/diagnosis.h"
#include "model/event.h"
#include "store/reader.h"
#include "util/clock.h"
#include "util/strings.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <map>
#include <thread>

namespace warder::agent {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds kAlertLimit{25};
constexpr std::chrono::milliseconds kAlertLook{50};

std::string dump(const json& document) {
  return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

api::Response Control::handle(const api::Request& request) {
  auto body = answer(request);
  if (!body) {
    return api::Response{body.error(), {}};
  }
  return api::Response{std::nullopt, std::move(*body)};
}

util::Result<std::string> Control::answer(const api::Request& request) {
  switch (request.command) {
    case api::Command::kStatus:
      return status();
    case api::Command::kBans:
      return bans(request);
    case api::Command::kExplain:
      return parts_.engine->explain(*request.address);
    case api::Command::kConfiguration:
      return parts_.configuration();
    case api::Command::kExplainKey:
      return parts_.engine->explain_key(request.key);
    case api::Command::kBan:
      WARDER_RETURN_IF_ERROR(parts_.engine->ban(request.jail, *request.address, request.duration));
      return std::string("{}");
    case api::Command::kUnban: {
      WARDER_ASSIGN_OR_RETURN(const std::size_t lifted,
                              parts_.engine->unban(request.jail, *request.address));
      return dump({{"lifted", lifted}});
    }
    case api::Command::kReload:
      WARDER_RETURN_IF_ERROR(parts_.reload());
      return std::string("{}");
    case api::Command::kTestAlert:
      return test_alert(request.destination);
    case api::Command::kReport:
      return report(request);
    case api::Command::kDiagnose:
      return diagnose(request.jail);
    case api::Command::kAcceptSchema:
      WARDER_RETURN_IF_ERROR(parts_.accept_schema(request.jail));
      return std::string("{}");
    case api::Command::kAcceptFiles: {
      WARDER_ASSIGN_OR_RETURN(const std::size_t accepted,
                              parts_.accept_files(request.jail, request.text));
      return dump({{"accepted", accepted}});
    }
    case api::Command::kScanFiles:
      WARDER_RETURN_IF_ERROR(parts_.scan_files(request.jail));
      return std::string("{}");
    case api::Command::kBaselineFiles:
      WARDER_RETURN_IF_ERROR(parts_.baseline_files(request.jail));
      return std::string("{}");
    case api::Command::kProbe:
      return probe(request.jail);
    case api::Command::kRetryDead: {
      WARDER_ASSIGN_OR_RETURN(store::Reader reader, store::Reader::open(parts_.database));
      WARDER_ASSIGN_OR_RETURN(const std::vector<store::OutboxCounts> before,
                              reader.outbox_counts());
      WARDER_RETURN_IF_ERROR(parts_.shipping->revive(request.destination));
      std::uint64_t revived = 0;
      for (const store::OutboxCounts& counts : before) {
        revived += counts.name == request.destination ? counts.dead : 0;
      }
      return dump({{"revived", revived}});
    }
  }
  return util::Error(util::ErrorCode::kInternal, "a command without an answer");
}

util::Result<std::string> Control::status() {
  WARDER_ASSIGN_OR_RETURN(const std::string text, parts_.engine->status());
  json document = json::parse(text);
  document["vault"] = json::parse(parts_.vault_state());
  json destinations = json::array();
  std::map<std::string, store::OutboxCounts> counts;
  if (auto reader = store::Reader::open(parts_.database)) {
    if (const auto all = reader->outbox_counts()) {
      for (const store::OutboxCounts& one : *all) {
        counts.emplace(one.name, one);
      }
    }
    if (const auto figures = reader->figures(store::Reader::CountBans::kNo)) {
      document["store"]["events"] = figures->tree_size;
      document["store"]["bytes"] = figures->database.value;
      document["store"]["checkpoint_size"] = figures->checkpoint_size.value_or(0);
    }
  }
  for (const engine::Shipping::State& state : parts_.shipping->states()) {
    const store::OutboxCounts& one = counts[state.name];
    destinations.push_back({{"name", state.name},
                            {"pending", one.pending},
                            {"dead", one.dead},
                            {"dropped", one.dropped},
                            {"delivered", state.status.delivered},
                            {"requests", state.status.requests},
                            {"last_error", state.status.last_error}});
  }
  document["destinations"] = std::move(destinations);
  return dump(document);
}

util::Result<std::string> Control::bans(const api::Request& request) {
  // While the history is behind, what is in effect decides; the history only says why.
  WARDER_ASSIGN_OR_RETURN(const auto running, parts_.engine->bans_beyond_history());
  std::map<std::pair<std::string, net::Prefix>, std::optional<util::WallTime>> unrecorded;
  for (const engine::Engine::RunningBan& ban :
       running.value_or(std::vector<engine::Engine::RunningBan>())) {
    unrecorded.emplace(std::pair(ban.jail, ban.address), ban.end);
  }
  json rows = json::array();
  std::uint64_t total = 0;
  const auto add = [&](const model::Ban& ban, json start) {
    if (!request.jail.empty() && ban.jail != request.jail) {
      return;
    }
    ++total;
    if (request.limit == 0 || rows.size() < request.limit) {
      rows.push_back({{"address", ban.address.to_string()},
                      {"jail", ban.jail},
                      {"start", std::move(start)},
                      {"end", ban.end ? json(util::format_rfc3339(*ban.end)) : json(nullptr)},
                      {"count", ban.count},
                      {"reason", ban.reason}});
    }
  };
  WARDER_ASSIGN_OR_RETURN(store::Reader reader, store::Reader::open(parts_.database));
  WARDER_RETURN_IF_ERROR(reader.active_bans(util::SystemClock().now(), [&](const model::Ban& ban) {
    if (!running || unrecorded.erase({ban.jail, ban.address}) > 0) {
      add(ban, util::format_rfc3339(ban.start));
    }
    return true;
  }));
  for (const auto& [key, end] : unrecorded) {
    model::Ban ban;
    ban.jail = key.first;
    ban.address = key.second;
    ban.end = end;
    ban.count = 1;
    ban.reason = "in effect, not in the history yet";
    add(ban, nullptr);
  }
  return dump({{"total", total}, {"bans", std::move(rows)}});
}

util::Result<std::string> Control::diagnose(const std::string& jail) {
  WARDER_ASSIGN_OR_RETURN(const std::vector<engine::JailFacts> all, parts_.engine->facts(jail));
  WARDER_ASSIGN_OR_RETURN(store::Reader reader, store::Reader::open(parts_.database));
  std::vector<engine::Stage> stages;
  for (const engine::JailFacts& facts : all) {
    for (engine::Stage& stage : engine::diagnose(facts, reader)) {
      stages.push_back(std::move(stage));
    }
  }
  return engine::stages_json(stages);
}

util::Result<std::string> Control::probe(const std::string& jail) {
  WARDER_ASSIGN_OR_RETURN(const std::vector<engine::JailFacts> all, parts_.engine->facts(jail));
  // RFC 5737: for documentation, so that it is nobody's.
  const auto mark = net::IpAddress::parse("192.0.2.254");
  const util::Status committed = parts_.engine->probe_store();
  std::vector<engine::Stage> stages;
  for (const engine::JailFacts& facts : all) {
    for (engine::Stage& stage : engine::dry_run(facts, *mark)) {
      stages.push_back(std::move(stage));
    }
    const std::string& name = facts.jail.options.name;
    const auto probed = parts_.engine->probe_firewall(name);
    stages.push_back(
        probed ? engine::Stage{name, "kernel", engine::Verdict::kGood,
                               fmt::format("a ban of {} was put in, found, and taken out again",
                                           probed->to_string()),
                               "", ""}
               : engine::Stage{name, "kernel", engine::Verdict::kBroken,
                               "a probe ban did not go through", probed.error().message(),
                               "`systemctl status warder-firewall`, `nft list table inet warder`"});
    stages.push_back(committed ? engine::Stage{name, "commit", engine::Verdict::kGood,
                                               "an event was written to disk", "", ""}
                               : engine::Stage{name, "commit", engine::Verdict::kBroken,
                                               "an event did not reach the disk",
                                               committed.error().message(),
                                               "see the disk: space, health, rights"});
  }
  return engine::stages_json(stages);
}

util::Result<std::string> Control::report(const api::Request& request) {
  const auto severity = model::parse_severity(request.severity);
  if (!severity || util::trim(request.text).empty()) {
    return util::Error(util::ErrorCode::kInvalid, "a report needs text and a severity");
  }
  model::Event event;
  event.kind = model::EventKind::kSecurity;
  event.severity = *severity;
  event.time = util::SystemClock().now();
  const std::string_view text = util::trim(request.text);
  event.message = util::printable(text.substr(0, text.find('\n')), model::Event::kLongestMessage);
  event.detail = dump({{"by", util::printable(request.by, 128)}, {"text", request.text}});
  if (event.detail.size() > model::Event::kLongestDetail) {
    return util::Error(util::ErrorCode::kInvalid,
                       "the text is too long to be kept whole; send it in parts");
  }
  WARDER_RETURN_IF_ERROR(parts_.engine->record(std::move(event)));
  return dump({{"recorded", true}});
}

util::Result<std::string> Control::test_alert(const std::string& destination) {
  const std::vector<engine::Shipping::State> before = parts_.shipping->states();
  json rows = json::array();
  std::vector<engine::Shipping::State> waiting;
  for (const engine::Shipping::State& state : before) {
    if (destination.empty() || state.name == destination) {
      waiting.push_back(state);
    }
  }
  if (waiting.empty() && !destination.empty()) {
    return util::Error(
        util::ErrorCode::kNotFound,
        fmt::format("no destination is named '{}'; warder status lists them", destination));
  }
  // It goes the whole way of a real alert: history, outbox, shipper.
  WARDER_RETURN_IF_ERROR(
      parts_.engine->record(model::EventKind::kAlert, model::Severity::kCritical,
                            "a test alert: if you can read this, alerts of this host reach you"));
  const auto end = std::chrono::steady_clock::now() + kAlertLimit;
  while (!waiting.empty()) {
    const bool late = std::chrono::steady_clock::now() > end;
    const std::vector<engine::Shipping::State> now = parts_.shipping->states();
    std::erase_if(waiting, [&](const engine::Shipping::State& was) {
      for (const engine::Shipping::State& is : now) {
        if (is.name != was.name) {
          continue;
        }
        const bool delivered = is.status.delivered > was.status.delivered;
        const bool failed =
            is.status.requests > was.status.requests && !is.status.last_error.empty();
        if (!delivered && !failed && !late) {
          return false;
        }
        const std::string error =
            delivered ? ""
            : failed  ? is.status.last_error
                     : "nothing was sent within 25 s; its `events`, `severity` or `jails` may keep "
                       "test alerts out";
        rows.push_back({{"name", is.name}, {"error", error}});
      }
      return true;
    });
    if (!waiting.empty()) {
      std::this_thread::sleep_for(kAlertLook);
    }
  }
  return dump({{"destinations", std::move(rows)}});
}

}  // namespace warder::agent
