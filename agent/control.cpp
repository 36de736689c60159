#include "agent/control.h"

#include "engine/diagnosis.h"
#include "model/event.h"
#include "store/reader.h"
#include "util/clock.h"
#include "util/strings.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <map>

namespace warder::agent {
namespace {

using nlohmann::json;

std::string dump(const json& document) {
  return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

// decode_request() lets no request of a command that needs an address through without one.
util::Result<net::Prefix> address_of(const api::Request& request) {
  if (!request.address) {
    return util::Error(util::ErrorCode::kInvalid, "the request names no address");
  }
  return *request.address;
}

// 192.0.2.254 of RFC 5737: for documentation, so that it is nobody's.
constexpr std::uint32_t kMark = 0xc00002fe;

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
    case api::Command::kExplain: {
      WARDER_ASSIGN_OR_RETURN(const net::Prefix address, address_of(request));
      return parts_.engine->explain(address);
    }
    case api::Command::kConfiguration:
      return parts_.configuration();
    case api::Command::kExplainKey:
      return parts_.engine->explain_key(request.key);
    case api::Command::kBan: {
      WARDER_ASSIGN_OR_RETURN(const net::Prefix address, address_of(request));
      WARDER_ASSIGN_OR_RETURN(const bool in_effect,
                              parts_.engine->ban(request.jail, address, request.duration));
      return dump({{"in_effect", in_effect}});
    }
    case api::Command::kUnban: {
      WARDER_ASSIGN_OR_RETURN(const net::Prefix address, address_of(request));
      WARDER_ASSIGN_OR_RETURN(const std::size_t lifted,
                              parts_.engine->unban(request.jail, address));
      return dump({{"lifted", lifted}});
    }
    case api::Command::kReload: {
      WARDER_ASSIGN_OR_RETURN(const std::vector<std::string> waiting, parts_.reload(request.text));
      return dump({{"waiting_for_restart", waiting}});
    }
    case api::Command::kTestAlert:
      return test_alert(request.destination, request.kind);
    case api::Command::kIncidents:
      return incidents(request);
    case api::Command::kAcknowledge:
      return acknowledge(request);
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
  if (total == 0 && !request.jail.empty()) {
    // A name that is mistyped is not taken for a jail in which all is quiet.
    WARDER_RETURN_IF_ERROR(parts_.engine->check_jail(request.jail));
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
  const net::IpAddress mark = net::IpAddress::v4(kMark);
  const util::Status committed = parts_.engine->probe_store();
  std::vector<engine::Stage> stages;
  const auto add_commit = [&](const std::string& name) {
    stages.push_back(committed ? engine::Stage{name, "commit", engine::Verdict::kGood,
                                               "an event was written to disk", "", ""}
                               : engine::Stage{name, "commit", engine::Verdict::kBroken,
                                               "an event did not reach the disk",
                                               committed.error().message(),
                                               "see the disk: space, health, rights"});
  };
  for (const engine::JailFacts& facts : all) {
    for (engine::Stage& stage : engine::dry_run(facts, mark)) {
      stages.push_back(std::move(stage));
    }
    const std::string& name = facts.jail.options.name;
    if (facts.dry_run) {
      stages.push_back({name, "kernel", engine::Verdict::kSkipped, "no ban is tried",
                        "[firewall] backend = none", ""});
      add_commit(name);
      continue;
    }
    const auto probed = parts_.engine->probe_firewall(name);
    stages.push_back(
        probed ? engine::Stage{name, "kernel", engine::Verdict::kGood,
                               fmt::format("a ban of {} was put in, found, and taken out again",
                                           probed->to_string()),
                               "", ""}
               : engine::Stage{name, "kernel", engine::Verdict::kBroken,
                               "a probe ban did not go through", probed.error().message(),
                               "`systemctl status warder-firewall`, `nft list table inet warder`"});
    add_commit(name);
  }
  return engine::stages_json(stages);
}

}  // namespace warder::agent
