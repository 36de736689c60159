#include "engine/firewall_control.h"

#include "engine/event_ids.h"
#include "firewall/reconcile.h"
#include "log/log.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace warder::engine {
namespace {

constexpr std::chrono::seconds kRetry{5};
constexpr std::size_t kAtOnce = 4096;

}  // namespace

FirewallControl::FirewallControl(firewall::Firewall& firewall, const jail::BanTable& bans,
                                 Recorder& recorder, const util::Clock& clock)
    : firewall_(firewall), bans_(bans), recorder_(recorder), clock_(clock) {}

void FirewallControl::use_scopes(
    const std::vector<std::optional<firewall::Scope>>& scopes_of_jails) {
  scopes_.clear();
  scope_of_jail_.clear();
  for (const std::optional<firewall::Scope>& scope : scopes_of_jails) {
    if (!scope) {
      scope_of_jail_.push_back(0);
      continue;
    }
    auto known = std::find(scopes_.begin(), scopes_.end(), *scope);
    if (known == scopes_.end()) {
      known = scopes_.insert(scopes_.end(), *scope);
    }
    scope_of_jail_.push_back(static_cast<firewall::ScopeIndex>(known - scopes_.begin()));
  }
}

void FirewallControl::ban(jail::JailIndex jail, const net::Prefix& address,
                          std::optional<util::WallTime> end) {
  changes_.push_back({firewall::Change::Kind::kAdd, scope_of_jail_[jail], address, end});
  origins_.emplace_back(bans_since_flush_++);
}

std::optional<util::WallTime> FirewallControl::end_in_scope(firewall::ScopeIndex scope,
                                                            const net::Prefix& address,
                                                            bool* held) const {
  *held = false;
  std::optional<util::WallTime> latest = util::WallTime::min();
  for (const jail::ActiveBan& ban : bans_.holders(address)) {
    if (ban.observed || scope_of_jail_[ban.jail] != scope) {
      continue;
    }
    *held = true;
    if (latest && (!ban.end || *ban.end > *latest)) {
      latest = ban.end;
    }
  }
  return latest;
}

std::optional<firewall::Change> FirewallControl::wanted_by(const jail::ActiveBan& ban) const {
  if (ban.observed) {
    return std::nullopt;
  }
  const firewall::ScopeIndex scope = scope_of_jail_[ban.jail];
  // Of several jails that hold the address in one scope the first speaks for all.
  for (const jail::ActiveBan& other : bans_.holders(ban.address)) {
    if (!other.observed && other.jail < ban.jail && scope_of_jail_[other.jail] == scope) {
      return std::nullopt;
    }
  }
  bool held = false;
  const auto end = end_in_scope(scope, ban.address, &held);
  return firewall::Change{firewall::Change::Kind::kAdd, scope, ban.address, end};
}

void FirewallControl::lifted(jail::JailIndex jail, const net::Prefix& address) {
  bool held = false;
  const firewall::ScopeIndex scope = scope_of_jail_[jail];
  const std::optional<util::WallTime> end = end_in_scope(scope, address, &held);
  // kSet also shortens: what is left is the other jail's time.
  const auto kind = held ? firewall::Change::Kind::kSet : firewall::Change::Kind::kRemove;
  changes_.push_back({kind, scope, address, held ? end : std::nullopt});
  origins_.emplace_back();
}

void FirewallControl::flush(const Outcome& outcome) {
  if (changes_.empty()) {
    return;
  }
  std::vector<std::optional<std::string>> refusals(bans_since_flush_);
  bool in_effect = effect_ == Effect::kEnforcing;
  if (in_effect) {
    const auto report = firewall_.apply(changes_);
    if (!report) {
      in_effect = false;
      fail(report.error());
    } else {
      for (const firewall::Refusal& refusal : report->refusals) {
        const firewall::Change& change = changes_[refusal.change];
        const std::string why = describe(refusal, change.prefix);
        if (const auto origin = origins_[refusal.change]) {
          refusals[*origin] = why;
        } else {
          record(model::Severity::kWarning, why);
        }
      }
    }
  }
  const std::size_t bans = std::exchange(bans_since_flush_, 0);
  changes_.clear();
  origins_.clear();
  for (std::size_t i = 0; i < bans; ++i) {
    outcome(i, refusals[i], in_effect);
  }
}

void FirewallControl::on_watch() {
  const auto changed = firewall_.take_outside_change();
  if (!changed) {
    fail(changed.error());
    return;
  }
  if (!*changed) {
    return;
  }
  const bool was_enforcing = effect_ == Effect::kEnforcing;
  if (bring_up() && reconcile() && was_enforcing) {
    ++repairs_;
    record(model::Severity::kHigh,
           fmt::format("another program changed the firewall table 'inet warder'; rules and all {} "
                       "bans were put back",
                       bans_.size()));
  }
}

void FirewallControl::retry() {
  if (retry_at_ && *retry_at_ <= clock_.monotonic() && bring_up()) {
    reconcile();
  }
}

void FirewallControl::settle() {
  if (effect_ == Effect::kEnforcing) {
    reconcile();
  }
}

bool FirewallControl::bring_up() {
  retry_at_.reset();
  if (const util::Status made = firewall_.ensure(scopes_); !made) {
    fail(made.error());
    return false;
  }
  // Adding is idempotent, so everything is added: what the kernel has already costs little, and
  // nothing is taken away that a line not judged yet may ask for.
  std::vector<firewall::Change> changes;
  for (std::size_t piece = 0; piece < bans_.pieces(); ++piece) {
    bans_.for_each_in(piece, [&](const jail::ActiveBan& ban) {
      if (const auto wanted = wanted_by(ban)) {
        changes.push_back(*wanted);
      }
    });
    if (changes.size() >= kAtOnce || piece + 1 == bans_.pieces()) {
      if (const auto report = firewall_.apply(changes); !report) {
        fail(report.error());
        return false;
      }
      changes.clear();
    }
  }
  recovered("the firewall is in effect");
  return true;
}

bool FirewallControl::reconcile() {
  std::vector<firewall::Change> piece;
  std::size_t next_piece = 0;
  const auto next_ban = [&](firewall::Change& change) {
    while (piece.empty()) {
      if (next_piece == bans_.pieces()) {
        return false;
      }
      bans_.for_each_in(next_piece++, [&](const jail::ActiveBan& ban) {
        if (auto wanted = wanted_by(ban)) {
          piece.push_back(*wanted);
        }
      });
    }
    change = piece.back();
    piece.pop_back();
    return true;
  };
  const auto report = firewall::reconcile(firewall_, next_ban);
  if (!report) {
    fail(report.error());
    return false;
  }
  if (report->removed > 0 || report->refused > 0) {
    log::notice(
        "firewall reconciled: {} bans kept, {} added, {} corrected, {} taken away, {} refused",
        report->kept, report->added, report->corrected, report->removed, report->refused);
  }
  return true;
}

void FirewallControl::fail(const util::Error& error) {
  effect_ = Effect::kDetectOnly;
  reason_ = error.message();
  retry_at_ = clock_.monotonic() + kRetry;
  if (!std::exchange(told_, true)) {
    record(model::Severity::kCritical,
           fmt::format("detect only: bans are decided but not in effect, because {}", reason_));
  }
}

void FirewallControl::recovered(std::string_view how) {
  effect_ = Effect::kEnforcing;
  reason_.clear();
  if (std::exchange(told_, false)) {
    record(model::Severity::kNotice, fmt::format("{} again, with {} bans", how, bans_.size()));
  }
}

void FirewallControl::record(model::Severity severity, std::string message) {
  log::write(severity >= model::Severity::kWarning ? log::Level::kWarning : log::Level::kNotice,
             message);
  model::Event event;
  event.id = random_event_id();
  event.kind = model::EventKind::kFirewall;
  event.severity = severity;
  event.time = clock_.now();
  event.message = std::move(message);
  recorder_.event(std::move(event), Recorder::WhenFull::kHold);
}

}  // namespace warder::engine
