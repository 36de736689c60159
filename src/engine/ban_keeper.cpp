#include "engine/ban_keeper.h"

#include "engine/history.h"
#include "log/log.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <utility>

namespace warder::engine {
namespace {

// Bans that end in one call of expire(), so that a million ending at once do not hold up the lines.
constexpr std::size_t kExpireAtOnce = 10'000;
// Bans lifted in one request to the firewall.
constexpr std::size_t kLiftAtOnce = 4'000;

}  // namespace

BanKeeper::BanKeeper(Jails& jails, firewall::Firewall& firewall, Recorder& recorder,
                     Notices& notices, const util::Clock& clock, Purpose purpose)
    : jails_(jails),
      recorder_(recorder),
      notices_(notices),
      clock_(clock),
      purpose_(purpose),
      firewall_(firewall, jails.bans(), recorder, clock) {}

void BanKeeper::decided(jail::JailIndex jail, const model::Ban& ban, const Cause& cause) {
  firewall_.ban(jail, ban.address, ban.end);
  pending_.push_back({jail, ban, cause});
}

void BanKeeper::would_ban(const model::Ban& ban, const Cause& cause) {
  log::notice("jail {}: would ban {} ({})", ban.jail, ban.address.to_string(),
              util::printable(ban.reason, 200));
  recorder_.event(would_ban_event(ban, cause.event), cause.when_full);
}

BanKeeper::Flushed BanKeeper::flush() {
  Flushed flushed;
  firewall_.flush([&](std::size_t place, const std::optional<std::string>& refusal, bool taken) {
    const bool in_effect = taken && purpose_ == Purpose::kEnforce;
    record_ban(pending_[place], refusal, in_effect);
    flushed = {refusal, in_effect};
  });
  pending_.clear();
  return flushed;
}

void BanKeeper::record_ban(Pending& pending, const std::optional<std::string>& refusal,
                           bool in_effect) {
  if (refusal) {
    jails_.bans().remove(pending.jail, pending.ban.address);
    notices_.plain(model::EventKind::kFirewall, model::Severity::kWarning,
                   fmt::format("jail {}: {}", pending.ban.jail, *refusal));
    return;
  }
  model::Event event =
      ban_event(pending.ban, pending.cause.event,
                {in_effect, clock_.now() - pending.cause.received, pending.cause.findings});
  log::notice("jail {}: {}{}", pending.ban.jail, event.message,
              in_effect                      ? ""
              : purpose_ == Purpose::kDryRun ? " (not in effect: [firewall] backend = none)"
                                             : " (not in effect: the firewall is away)");
  recorder_.event(std::move(event), pending.cause.when_full);
  store::BanChange change;
  change.ban = std::move(pending.ban);
  recorder_.ban(std::move(change), pending.cause.when_full);
}

void BanKeeper::record_end(const Ended& ended, WhenFull when_full) {
  store::BanChange change;
  change.action = store::BanChange::Action::kEnd;
  change.ban.jail = ended.jail;
  change.ban.address = ended.address;
  change.how = ended.how;
  change.ended = ended.when;
  recorder_.ban(std::move(change), when_full);
  recorder_.event(unban_event(ended.jail, ended.address, ended.end, ended.when, ended.why),
                  when_full);
}

void BanKeeper::lift(const jail::ActiveBan& ban, std::string_view why, WhenFull when_full) {
  jails_.bans().remove(ban.jail, ban.address);
  if (!ban.observed) {
    firewall_.lifted(ban.jail, ban.address);
  }
  record_end(
      {jails_.name_of(ban.jail), ban.address, ban.end, clock_.now(), store::BanEnd::kLifted, why},
      when_full);
}

void BanKeeper::lift_all(jail::JailIndex jail) {
  std::size_t lifted = 0;
  jails_.bans().remove_jail(jail, [&](const jail::ActiveBan& ban) {
    lift(ban, kJailGone, WhenFull::kDrop);
    if (++lifted % kLiftAtOnce == 0) {
      flush();
    }
  });
  flush();
}

void BanKeeper::expire(util::WallTime now) {
  jails_.bans().expire(now, kExpireAtOnce, [&](const jail::ActiveBan& ban) {
    // The kernel's own clock has taken it out already.
    record_end({jails_.name_of(ban.jail), ban.address, ban.end, ban.end.value_or(now),
                store::BanEnd::kExpired, kTimeOver},
               WhenFull::kDrop);
  });
}

void BanKeeper::adopt_kernel_bans() {
  const auto held = firewall_.bans_in_kernel();
  if (!held) {
    notices_.plain(model::EventKind::kFirewall, model::Severity::kCritical,
                   fmt::format("the bans of before the history began anew cannot be read back from "
                               "the kernel and end now: {}",
                               held.error().message()));
    return;
  }
  for (const jail::ActiveBan& ban : *held) {
    jails_.bans().add(ban);
  }
  record_all();
  notices_.plain(model::EventKind::kRestore, model::Severity::kNotice,
                 fmt::format("{} read back from the kernel", util::counted(held->size(), "ban")));
}

void BanKeeper::record_all() {
  const util::WallTime now = clock_.now();
  jails_.bans().for_each([&](const jail::ActiveBan& active) {
    if (active.observed) {
      return;
    }
    store::BanChange change;
    change.ban.jail = jails_.name_of(active.jail);
    change.ban.address = active.address;
    change.ban.start = now;
    change.ban.end = active.end;
    change.ban.reason = "taken over from the kernel after the database was damaged";
    recorder_.ban(std::move(change), WhenFull::kHold);
  });
}

void BanKeeper::use_scopes() {
  std::vector<std::optional<firewall::Scope>> scopes;
  for (const Jails::Slot& slot : jails_.slots()) {
    scopes.push_back(slot.jail ? std::optional(slot.scope) : std::nullopt);
  }
  firewall_.use_scopes(scopes);
}

}  // namespace warder::engine
