#include "firewall/netlink_firewall.h"

#include "firewall/comparison.h"
#include "firewall/netlink_channel.h"
#include "firewall/ruleset.h"
#include "firewall/table_client.h"
#include "firewall/table_watch.h"
#include "firewall/transaction.h"
#include "firewall/wish.h"

#include <fmt/core.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>

#include <algorithm>
#include <cerrno>
#include <thread>

namespace warder::firewall {
namespace {

// A packet pays a look-up for each set of its family.
constexpr std::size_t kMostSets = 256;
// From so many changes on it pays not to listen for notifications of our own.
constexpr std::size_t kQuietFrom = 512;
// After others changed something while we did not listen we listen at any cost for a while, so that
// a host whose other tables never rest does not have everything put back again and again.
constexpr std::chrono::minutes kLoud{1};

util::Status check_scopes(std::span<const Scope> scopes) {
  if (scopes.size() > kMostScopes) {
    return util::Error(
        util::ErrorCode::kInvalid,
        fmt::format("{} different combinations of protocol and ports, at most {} are "
                    "possible; let jails share theirs, or leave the ports out",
                    scopes.size(), kMostScopes));
  }
  std::set<std::string> names;
  for (const Scope& scope : scopes) {
    if (!names.insert(scope.name()).second) {
      return util::Error(util::ErrorCode::kInvalid,
                         fmt::format("the scope {} was given twice", scope.name()));
    }
  }
  return {};
}

util::Status install(TableClient& client, const Ruleset& ruleset, const TableState& state) {
  MessageWriter& out = client.begin();
  const std::uint32_t before = client.sequence();
  write_install(out, ruleset, state, client.sequence());
  if (client.sequence() == before) {
    return {};
  }
  const auto outcome = client.commit();
  if (outcome.is_done()) {
    return {};
  }
  if (outcome.general != 0) {
    return firewall_error(outcome.general);
  }
  if (!outcome.failed.empty()) {
    return firewall_error(outcome.failed.begin()->second);
  }
  return util::Error(util::ErrorCode::kConflict, "answers of the kernel were lost");
}

}  // namespace

struct NetlinkFirewall::State {
  const util::Clock& clock;
  TableClient client;
  TableWatch watch;
  Ruleset ruleset;
  bool ensured = false;
  // For look-ups beside those of `client`; none where they would share one processor.
  std::unique_ptr<SecondLook> second = nullptr;
  bool held = false;  // most of what was asked for last was there already
  std::optional<util::MonotonicTime> loud_until = std::nullopt;

  util::Status put(std::span<const Wish> wishes, ApplyReport& report);
  util::Status forget_heard(std::uint32_t generation, const TableClient::Count& own);
  util::Status make_sets(std::span<const Wish> wishes, std::vector<Wish>& possible,
                         ApplyReport& report);
  util::Status list_set(const SetId& set, const Visit& visit, bool& go_on) const;
};

util::Result<std::unique_ptr<NetlinkFirewall>> NetlinkFirewall::open(
    const util::Clock& clock, const NetlinkOptions& options) {
  WARDER_ASSIGN_OR_RETURN(auto channel, open_channel(NETLINK_NETFILTER));
  WARDER_ASSIGN_OR_RETURN(auto opened, open(clock, options, std::move(channel)));
  if (std::thread::hardware_concurrency() > 1) {
    if (auto second = open_channel(NETLINK_NETFILTER)) {
      opened->state_->second = std::make_unique<SecondLook>(TableClient(std::move(*second)));
    }
  }
  return opened;
}

util::Result<std::unique_ptr<NetlinkFirewall>> NetlinkFirewall::open(
    const util::Clock& clock, const NetlinkOptions& options, std::unique_ptr<Channel> channel) {
  TableClient client(std::move(channel));
  WARDER_RETURN_IF_ERROR(client.generation());
  WARDER_ASSIGN_OR_RETURN(auto watch, TableWatch::open(client.port()));
  Ruleset ruleset;
  ruleset.options = options;
  auto state = std::make_unique<State>(
      State{clock, std::move(client), std::move(watch), std::move(ruleset), false});
  return std::unique_ptr<NetlinkFirewall>(new NetlinkFirewall(std::move(state)));
}

NetlinkFirewall::NetlinkFirewall(std::unique_ptr<State> state) : state_(std::move(state)) {}

NetlinkFirewall::~NetlinkFirewall() = default;

util::Status NetlinkFirewall::ensure(std::span<const Scope> scopes) {
  WARDER_RETURN_IF_ERROR(check_scopes(scopes));
  state_->ensured = false;
  WARDER_RETURN_IF_ERROR(state_->watch.join());
  WARDER_ASSIGN_OR_RETURN(const std::uint32_t generation, state_->client.generation());
  const TableClient::Count own = state_->client.transactions();
  WARDER_ASSIGN_OR_RETURN(const TableState found, state_->client.read_state());
  Ruleset wanted;
  wanted.options = state_->ruleset.options;
  wanted.scopes.assign(scopes.begin(), scopes.end());
  const auto names = wanted.set_names();
  for (const auto& [name, set] : found.sets) {
    if (const auto known = names.find(name); known != names.end()) {
      wanted.sets.insert(known->second);
    }
  }
  WARDER_RETURN_IF_ERROR(install(state_->client, wanted, found).with_context("making the rules"));
  state_->held = state_->held && found.exists;
  state_->ruleset = std::move(wanted);
  state_->ensured = true;
  return state_->forget_heard(generation, own);
}

// Forgets what others did until now: the owner says all bans again. What they did since the
// generation was read counts.
util::Status NetlinkFirewall::State::forget_heard(std::uint32_t generation,
                                                  const TableClient::Count& own) {
  client.begin();
  if (client.commit().lost) {
    return {};
  }
  const bool heard = watch.take();
  WARDER_ASSIGN_OR_RETURN(const std::uint32_t now, client.generation());
  if (heard && (client.transactions().unknown != own.unknown ||
                now - generation != client.transactions().done - own.done)) {
    watch.doubt();
  }
  return {};
}

// Makes the sets that additions need; `possible` gets the wishes whose set is there then.
util::Status NetlinkFirewall::State::make_sets(std::span<const Wish> wishes,
                                               std::vector<Wish>& possible, ApplyReport& report) {
  Ruleset wanted = ruleset;
  std::optional<SetId> last;  // that is there: most wishes are of the set of the one before
  for (const Wish& wish : wishes) {
    if (last == set_of(wish)) {
      possible.push_back(wish);
      continue;
    }
    if (wish.scope >= wanted.scopes.size()) {
      report.refusals.push_back({wish.change, Reason::kUnknownScope, std::nullopt, 0});
      continue;
    }
    const SetId set = set_of(wish);
    if (!wanted.sets.contains(set)) {
      if (wish.kind == Change::Kind::kRemove) {
        ++report.unchanged;
        continue;
      }
      if (wanted.sets.size() >= kMostSets) {
        report.refusals.push_back({wish.change, Reason::kTooManySets, std::nullopt, 0});
        continue;
      }
      wanted.sets.insert(set);
    }
    possible.push_back(wish);
    last = set;
  }
  if (wanted.sets.size() > ruleset.sets.size()) {
    WARDER_ASSIGN_OR_RETURN(const TableState found, client.read_state());
    // Only the owner may put back what others took away: it must fill it again.
    if (!found.exists ||
        std::any_of(ruleset.sets.begin(), ruleset.sets.end(), [&](const SetId& set) {
          return !found.sets.contains(ruleset.set_name(set));
        })) {
      ensured = false;
      return firewall_error(ENOENT);
    }
    WARDER_RETURN_IF_ERROR(install(client, wanted, found).with_context("making a set"));
    ruleset = std::move(wanted);
  }
  return {};
}

// Many elements are put in without listening meanwhile; the generation tells afterwards whether
// anybody else made a transaction, and then the table may have been touched.
util::Status NetlinkFirewall::State::put(std::span<const Wish> wishes, ApplyReport& report) {
  const TableClient::Count own = client.transactions();
  util::Result<std::uint32_t> before = util::Error(util::ErrorCode::kUnavailable, "not asked");
  if (wishes.size() >= kQuietFrom && (!loud_until || *loud_until <= clock.monotonic())) {
    before = client.generation();
  }
  if (!before || !watch.leave()) {
    return put_into_effect(client, second.get(), ruleset, wishes, held, report);
  }
  const util::Status done = put_into_effect(client, second.get(), ruleset, wishes, held, report);
  const util::Status hears = watch.join();
  const auto after = client.generation();
  if (!after || client.transactions().unknown != own.unknown ||
      *after - *before != client.transactions().done - own.done) {
    loud_until = clock.monotonic() + kLoud;
    watch.doubt();
  }
  return done ? hears : done;
}

util::Result<ApplyReport> NetlinkFirewall::apply(std::span<const Change> changes) {
  if (!state_->ensured) {
    return firewall_error(ENOENT);
  }
  ApplyReport report;
  const std::vector<Wish> wishes = fold(changes, state_->clock.now(), report.unchanged);
  std::vector<Wish> possible;
  possible.reserve(wishes.size());
  WARDER_RETURN_IF_ERROR(state_->make_sets(wishes, possible, report));
  WARDER_RETURN_IF_ERROR(state_->put(possible, report));
  std::sort(report.refusals.begin(), report.refusals.end(),
            [](const Refusal& a, const Refusal& b) { return a.change < b.change; });
  return report;
}

util::Status NetlinkFirewall::State::list_set(const SetId& set, const Visit& visit,
                                              bool& go_on) const {
  // A socket of its own, so that a list that is left early leaves nothing behind.
  WARDER_ASSIGN_OR_RETURN(auto channel, open_channel(NETLINK_NETFILTER));
  TableClient reader(std::move(channel));
  MessageWriter request;
  const std::uint32_t sequence = reader.next_sequence();
  write_list_request(request, sequence, ruleset.set_name(set));
  const int error = reader.dump(request.finish(), sequence, [&](const Message& message) {
    go_on = read_elements(message, set.family, [&](const SetElement& element) {
      Element seen;
      seen.scope = set.scope;
      seen.prefix = net::Prefix(element.key, set.length);
      if (element.remaining) {
        seen.end = clock.now() + *element.remaining;
      }
      seen.traffic = element.traffic;
      return visit(seen);
    });
    return go_on;
  });
  // EINTR: the set changed meanwhile, which the contract allows.
  if (error != 0 && error != EINTR) {
    return firewall_error(error);
  }
  return {};
}

util::Status NetlinkFirewall::list(const Visit& visit) {
  if (!state_->ensured) {
    return firewall_error(ENOENT);
  }
  bool go_on = true;
  for (const SetId& set : state_->ruleset.sets) {
    WARDER_RETURN_IF_ERROR(state_->list_set(set, visit, go_on));
    if (!go_on) {
      break;
    }
  }
  return {};
}

util::Result<Traffic> NetlinkFirewall::traffic(const net::Prefix& prefix) {
  if (!state_->ensured) {
    return firewall_error(ENOENT);
  }
  std::vector<std::string> names;
  for (const SetId& set : state_->ruleset.sets) {
    if (set.family == prefix.family() && set.length == prefix.length()) {
      names.push_back(state_->ruleset.set_name(set));
    }
  }
  std::vector<TableClient::Key> keys;
  keys.reserve(names.size());
  for (const std::string& name : names) {
    keys.push_back({name, prefix.address()});
  }
  WARDER_ASSIGN_OR_RETURN(const auto held, state_->client.look_up(keys));
  Traffic sum{0, 0, false};
  bool found = false;
  for (const auto& element : held) {
    if (element) {
      found = true;
      sum.counted = sum.counted || element->traffic.counted;
      sum.packets += element->traffic.packets;
      sum.bytes += element->traffic.bytes;
    }
  }
  if (!found) {
    return util::Error(util::ErrorCode::kNotFound, prefix.to_string() + " is not banned");
  }
  return sum;
}

util::Status NetlinkFirewall::remove_all() {
  state_->ensured = false;
  WARDER_ASSIGN_OR_RETURN(const TableState found, state_->client.read_state());
  if (!found.exists) {
    return {};
  }
  MessageWriter& out = state_->client.begin();
  out.begin(table_message(NFT_MSG_DELTABLE), NLM_F_REQUEST, state_->client.next_sequence());
  write_generation_header(out);
  out.put_name(NFTA_TABLE_NAME, kTable);
  const auto outcome = state_->client.commit();
  if (outcome.is_done()) {
    return {};
  }
  return firewall_error(outcome.failed.empty() ? outcome.general : outcome.failed.begin()->second)
      .with_context("removing the table");
}

int NetlinkFirewall::watch_descriptor() const { return state_->watch.descriptor(); }

util::Result<bool> NetlinkFirewall::take_outside_change() { return state_->watch.take(); }

}  // namespace warder::firewall
