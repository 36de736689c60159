// What operators are shown: the JSON of `warder status` and `warder explain`. README.md lists the
// members.
#include "engine/engine.h"
#include "filter/text_filter.h"
#include "util/duration.h"
#include "util/strings.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace warder::engine {
namespace {

constexpr const char* kDryRun =
    "bans are decided and recorded, and nobody is kept out ([firewall] backend = none)";

using nlohmann::json;

std::string dump(const json& document) {
  return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

json time_or_null(std::optional<util::WallTime> time) {
  return time ? json(util::format_rfc3339(*time)) : json(nullptr);
}

json jail_status(const jail::Jail& jail, const jail::BanTable& bans) {
  const jail::JailOptions& options = jail.options();
  const jail::JailCounters counters = jail.counters();
  return json{{"name", options.name},
              {"filter", options.filter},
              {"logs", options.logpath},
              {"journal", reads_journal(options) ? json(journal_match(options)) : json()},
              {"observe", options.observe},
              {"outcome", to_string(options.outcome)},
              {"alerts", counters.alerts},
              {"quiet", counters.quiet},
              {"maxretry", options.maxretry},
              {"findtime", util::format_duration(options.findtime)},
              {"bantime", options.bantime ? util::format_duration(*options.bantime) : "-1"},
              {"counting", options.counting == jail::Counting::kWindow ? "window" : "compat"},
              {"findings", counters.findings},
              {"counted", counters.counted},
              {"ignored", counters.ignored},
              {"already_banned", counters.already_banned},
              {"bans", counters.bans},
              {"wide_bans", counters.wide_bans},
              {"refused", counters.refused},
              {"active", bans.size(jail.index())},
              {"sources", counters.sources},
              {"sources_capacity", counters.sources_capacity},
              {"sources_evicted", counters.sources_evicted}};
}

// Searches that its filter gave up.
std::uint64_t gave_up(const filter::Filter* filter) {
  std::uint64_t sum = 0;
  if (filter != nullptr && filter->text() != nullptr) {
    for (const filter::TextFilter::GivenUp& one : filter->text()->gave_up()) {
      sum += one.searches;
    }
  }
  return sum;
}

json source_status(const source::Source& source) {
  const source::SourceStatus status = source.status();
  return json{{"name", source.name()},           {"lines", status.lines},
              {"bytes", status.bytes},           {"logs", status.logs},
              {"unreadable", status.unreadable}, {"oversized", status.oversized},
              {"lost_bytes", status.lost_bytes}, {"backlog", status.backlog},
              {"open_files", status.open_files}, {"scanning", status.scanning}};
}

json ban_json(const model::Ban& ban) {
  return json{{"jail", ban.jail},
              {"address", ban.address.to_string()},
              {"start", util::format_rfc3339(ban.start)},
              {"end", time_or_null(ban.end)},
              {"count", ban.count},
              {"reason", ban.reason}};
}

}  // namespace

std::string Engine::status_json() {
  json jails = json::array();
  for (const jail::Jail* jail : jails_.running()) {
    jails.push_back(jail_status(*jail, jails_.bans()));
    jails.back()["gave_up"] = gave_up(jails_.slots()[jail->index()].filter.get());
  }
  json sources = json::array();
  for (const Inputs::Input& input : inputs_.all()) {
    sources.push_back(source_status(*input.source));
  }
  json left_out = json::array();
  for (const LeftOutJail& jail : jails_.set().left_out) {
    left_out.push_back({{"name", util::printable(jail.name)}, {"why", jail.why}});
  }
  const FirewallControl& firewall = keeper_.firewall();
  const store::Health health = parts_.store->health();
  json document{{"started", util::format_rfc3339(started_)},
                {"now", util::format_rfc3339(clock_.now())},
                {"lines", pipeline_.lines()},
                {"undecodable_lines", pipeline_.undecodable()},
                {"catching_up", catching_up_},
                {"bans", jails_.bans().size()},
                {"bans_capacity", jails_.bans().capacity()},
                {"jails", std::move(jails)},
                {"left_out", std::move(left_out)},
                {"sources", std::move(sources)},
                {"side",
                 {{"names_waiting", side_.names().waiting},
                  {"names_dropped", side_.names().dropped},
                  {"commands_waiting", side_.commands().waiting},
                  {"commands_dropped", side_.commands().dropped},
                  {"ignored_by_command", pipeline_.ignored_by_command()}}},
                {"firewall",
                 {{"state", parts_.dry_run ? "none" : to_string(firewall.effect())},
                  {"reason", parts_.dry_run ? kDryRun : firewall.reason()},
                  {"repairs", firewall.repairs()}}},
                {"store",
                 {{"state", health.state == store::State::kRunning ? "running" : "degraded"},
                  {"reason", health.reason},
                  {"queued_bytes", health.queued.value},
                  {"failed_commits", health.failed_commits},
                  {"overloaded", recorder_.overloaded()},
                  {"unrecorded", recorder_.unrecorded()}}}};
  return dump(document);
}

util::Result<std::vector<JailFacts>> Engine::facts(std::string jail) {
  return call([this, jail = std::move(jail)]() -> util::Result<std::vector<JailFacts>> {
    std::vector<JailFacts> all;
    const FirewallControl& firewall = keeper_.firewall();
    for (const CompiledJail& compiled : jails_.set().jails) {
      const jail::Jail* running = jails_.find(compiled.options.name);
      if (!compiled.filter || running == nullptr ||
          (!jail.empty() && compiled.options.name != jail)) {
        continue;
      }
      JailFacts facts;
      facts.jail = compiled;
      facts.matcher = jails_.set().matcher;
      facts.matcher.lines = compiled.lines;
      facts.hosts = jails_.host_addresses();
      facts.counters = running->counters();
      facts.filter = pipeline_.filter_counters(running->index());
      facts.started = started_;
      facts.now = clock_.now();
      facts.catching_up = catching_up_;
      facts.enforcing = firewall.effect() != Effect::kDetectOnly && !parts_.dry_run;
      facts.dry_run = parts_.dry_run;
      facts.firewall_reason = firewall.reason();
      all.push_back(std::move(facts));
    }
    if (all.empty() && !jail.empty()) {
      return util::Error(util::ErrorCode::kNotFound,
                         fmt::format("no jail named '{}' is running; warder status lists them",
                                     util::printable(jail, 64)));
    }
    return all;
  });
}

util::Result<net::Prefix> Engine::probe_firewall(std::string jail) {
  return call([this, jail = std::move(jail)]() -> util::Result<net::Prefix> {
    const jail::Jail* running = jails_.find(jail);
    if (running == nullptr) {
      return util::Error(util::ErrorCode::kNotFound, "the jail is gone");
    }
    for (int last = 254; last > 0; --last) {
      WARDER_ASSIGN_OR_RETURN(const net::Prefix address,
                              net::Prefix::parse(fmt::format("192.0.2.{}", last)));
      if (jails_.bans().all_covering(address).empty()) {
        WARDER_RETURN_IF_ERROR(keeper_.firewall().probe(running->index(), address));
        return address;
      }
    }
    return util::Error(util::ErrorCode::kConflict,
                       "every address of 192.0.2.0/24, which is for documentation, is banned");
  });
}

util::Status Engine::probe_store() {
  constexpr std::chrono::seconds kCommitLimit{10};
  WARDER_RETURN_IF_ERROR(call([this]() -> util::Status {
    notices_.plain(model::EventKind::kAgent, model::Severity::kInfo,
                   "warder doctor follows a marked line; it bans nobody");
    recorder_.flush(position_taker());
    return {};
  }));
  return parts_.store->flush(kCommitLimit);
}

bool Engine::history_caught_up() {
  constexpr std::chrono::seconds kLimit{1};
  return parts_.store->flush(kLimit).has_value();
}

util::Result<std::optional<std::vector<Engine::RunningBan>>> Engine::bans_beyond_history() {
  using Bans = std::optional<std::vector<RunningBan>>;
  const bool caught_up = history_caught_up();
  return call([this, caught_up]() -> util::Result<Bans> {
    if (caught_up && parts_.store->health().state == store::State::kRunning &&
        !recorder_.overloaded()) {
      return Bans();
    }
    Bans bans(std::in_place);
    jails_.bans().for_each([&](const jail::ActiveBan& ban) {
      if (!ban.observed) {
        bans->push_back({std::string(jails_.name_of(ban.jail)), ban.address, ban.end});
      }
    });
    return bans;
  });
}

std::string Engine::explain_json(const net::Prefix& address, const store::AddressHistory& history) {
  json jails = json::array();
  const util::WallTime now = clock_.now();
  for (const jail::Jail* jail : jails_.running()) {
    const jail::Jail::SourceState state = jail->state(address, now);
    if (state.count > 0) {
      jails.push_back({{"jail", jail->options().name},
                       {"counted_as", state.source.to_string()},
                       {"count", state.count},
                       {"limit", state.limit},
                       {"findtime", util::format_duration(jail->options().findtime)}});
    }
  }
  json bans = json::array();
  for (const jail::ActiveBan& ban : jails_.bans().all_covering(address)) {
    json row{{"jail", jails_.name_of(ban.jail)},
             {"address", ban.address.to_string()},
             {"end", time_or_null(ban.end)},
             {"observed", ban.observed},
             {"wide", ban.wide}};
    if (const auto traffic = keeper_.firewall().traffic(ban.address)) {
      row["in_kernel"] = true;
      if (traffic->counted) {
        row["packets_dropped"] = traffic->packets;
        row["bytes_dropped"] = traffic->bytes;
      }
    } else {
      row["in_kernel"] = false;
      row["kernel_says"] = traffic.error().message();
    }
    bans.push_back(std::move(row));
  }
  json past = json::array();
  for (const store::PastBan& ban : history.past) {
    json row = ban_json(ban.ban);
    row["ended"] = util::format_rfc3339(ban.ended);
    row["how"] = to_string(ban.how);
    past.push_back(std::move(row));
  }
  json active = json::array();
  for (const model::Ban& ban : history.active) {
    active.push_back(ban_json(ban));
  }
  json events = json::array();
  for (const store::StoredEvent& stored : history.recent) {
    events.push_back(json::parse(to_json(stored), nullptr, false));
  }
  return dump(json{{"address", address.to_string()},
                   {"events_total", history.events},
                   {"findings_total", history.findings},
                   {"first_seen", time_or_null(history.first)},
                   {"last_seen", time_or_null(history.last)},
                   {"counting", std::move(jails)},
                   {"bans", std::move(bans)},
                   {"recorded_bans", std::move(active)},
                   {"past_bans", std::move(past)},
                   {"events", std::move(events)},
                   {"firewall", to_string(keeper_.firewall().effect())}});
}

}  // namespace warder::engine
