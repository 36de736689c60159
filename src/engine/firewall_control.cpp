#include "engine/firewall_control.h"

#include "engine/event_ids.h"
#include "firewall/strays.h"
#include "log/log.h"
#include "model/incident_detail.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <span>
#include <utility>

namespace warder::engine {
namespace {

constexpr std::chrono::seconds kRetry{5};
// Bans that a step puts back: some ten milliseconds.
constexpr std::size_t kAtOnce = 8000;

}  // namespace

std::string_view to_string(Effect effect) {
  switch (effect) {
    case Effect::kEnforcing:
      return "enforcing";
    case Effect::kRestoring:
      return "restoring";
    case Effect::kDetectOnly:
      break;
  }
  return "detect only";
}

FirewallControl::FirewallControl(firewall::Firewall& firewall, const jail::BanTable& bans,
                                 Recorder& recorder, const util::Clock& clock)
    : firewall_(firewall), bans_(bans), recorder_(recorder), clock_(clock) {}

void FirewallControl::use_scopes(
    const std::vector<std::optional<firewall::Scope>>& scopes_of_jails) {
  const auto before = std::pair(std::exchange(scopes_, {}), std::exchange(scope_of_jail_, {}));
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
  scopes_changed_ = scopes_changed_ || before != std::pair(scopes_, scope_of_jail_);
}

void FirewallControl::ban(jail::JailIndex jail, const net::Prefix& address,
                          std::optional<util::WallTime> end) {
  changes_.push_back({firewall::Change::Kind::kAdd, scope_of_jail_[jail], address, end});
  origins_.emplace_back(bans_since_flush_++);
}

std::optional<FirewallControl::Wanted> FirewallControl::wanted(firewall::ScopeIndex scope,
                                                               const net::Prefix& address) const {
  std::optional<Wanted> latest;
  for (const jail::ActiveBan& ban : bans_.holders(address)) {
    if (ban.observed || scope_of_jail_[ban.jail] != scope) {
      continue;
    }
    if (!latest || (latest->end && (!ban.end || *ban.end > *latest->end))) {
      latest = Wanted{ban.end};
    }
  }
  return latest;
}

void FirewallControl::lifted(jail::JailIndex jail, const net::Prefix& address) {
  const firewall::ScopeIndex scope = scope_of_jail_[jail];
  if (const auto left = wanted(scope, address)) {
    // kSet also shortens: what is left is the other jail's time.
    changes_.push_back({firewall::Change::Kind::kSet, scope, address, left->end});
  } else {
    changes_.push_back({firewall::Change::Kind::kRemove, scope, address, std::nullopt});
  }
  origins_.emplace_back();
}

void FirewallControl::flush(const Outcome& outcome) {
  if (changes_.empty()) {
    return;
  }
  std::vector<std::optional<std::string>> refusals(bans_since_flush_);
  bool in_effect = effect_ != Effect::kDetectOnly;
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

util::Status FirewallControl::probe(jail::JailIndex jail, const net::Prefix& address) {
  constexpr std::chrono::seconds kProbeEnd{10};
  if (effect_ != Effect::kEnforcing) {
    return util::Error(util::ErrorCode::kUnavailable, reason_);
  }
  firewall::Change change{firewall::Change::Kind::kAdd, scope_of_jail_.at(jail), address,
                          clock_.now() + kProbeEnd};
  const auto added = firewall_.apply(std::span(&change, 1));
  if (!added) {
    return added.error().with_context("putting a ban in");
  }
  if (!added->refusals.empty()) {
    return util::Error(util::ErrorCode::kDenied, describe(added->refusals[0], address));
  }
  const auto seen = firewall_.traffic(address);
  change.kind = firewall::Change::Kind::kRemove;
  const auto removed = firewall_.apply(std::span(&change, 1));
  if (!seen) {
    return seen.error().with_context("the ban was put in, but is not found");
  }
  if (!removed) {
    return removed.error().with_context("taking the ban out again");
  }
  if (firewall_.traffic(address)) {
    return util::Error(util::ErrorCode::kConflict, "the ban was taken out, but is still there");
  }
  return {};
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
  repairing_ = effect_ != Effect::kDetectOnly;
  if (bring_up()) {
    settle();
  }
}

void FirewallControl::retry() {
  if (retry_at_ && *retry_at_ <= clock_.monotonic() && bring_up()) {
    settle();
  }
}

util::Result<std::vector<jail::ActiveBan>> FirewallControl::bans_in_kernel() const {
  std::vector<jail::ActiveBan> bans;
  WARDER_RETURN_IF_ERROR(firewall_.list([&](const firewall::Element& element) {
    for (std::size_t jail = 0; jail < scope_of_jail_.size(); ++jail) {
      if (scope_of_jail_[jail] == element.scope) {
        const bool wide = element.prefix.length() < (element.prefix.address().is_v4() ? 32U : 64U);
        bans.push_back(
            {static_cast<jail::JailIndex>(jail), element.prefix, element.end, false, wide});
        break;
      }
    }
    return true;
  }));
  return bans;
}

bool FirewallControl::bring_up() {
  retry_at_.reset();
  if (const util::Status made = firewall_.ensure(scopes_); !made) {
    fail(made.error());
    return false;
  }
  scopes_changed_ = false;
  effect_ = Effect::kRestoring;
  reason_.clear();
  next_piece_ = 0;
  outlasting_.clear();
  step();
  return effect_ != Effect::kDetectOnly;
}

void FirewallControl::settle() {
  settle_ = true;
  step();
}

void FirewallControl::follow_scopes() {
  if (scopes_changed_ && bring_up()) {
    settle();
  }
}

void FirewallControl::step() {
  for (std::size_t done = 0; is_busy() && done < kAtOnce;) {
    if (effect_ == Effect::kRestoring) {
      done += put_back();
    } else if (!outlasting_.empty()) {
      done += correct_ends();
    } else {
      settle_ = false;
      remove_strays();
    }
  }
}

std::size_t FirewallControl::put_back() {
  // Adding is idempotent, so everything is added: nothing is taken away that a line not judged yet
  // may ask for. Of several bans of an address in one scope the latest end stays.
  std::vector<firewall::Change> changes;
  changes.reserve(kAtOnce + kAtOnce / 2);
  const std::size_t first = next_piece_;
  while (next_piece_ < bans_.pieces() && changes.size() < kAtOnce) {
    bans_.for_each_in(next_piece_++, [&](const jail::ActiveBan& ban) {
      if (!ban.observed) {
        changes.push_back(
            {firewall::Change::Kind::kAdd, scope_of_jail_[ban.jail], ban.address, ban.end});
      }
    });
  }
  if (!changes.empty()) {
    const auto report = firewall_.apply(changes);
    if (!report) {
      fail(report.error());
      return changes.size();
    }
    if (report->outlasting > 0) {
      outlasting_.emplace_back(first, next_piece_);
    }
  }
  if (next_piece_ == bans_.pieces()) {
    all_is_back();
  }
  return changes.size();
}

std::size_t FirewallControl::correct_ends() {
  const auto [first, last] = outlasting_.back();
  outlasting_.pop_back();
  std::vector<firewall::Change> changes;
  for (std::size_t piece = first; piece < last; ++piece) {
    bans_.for_each_in(piece, [&](const jail::ActiveBan& ban) {
      const firewall::ScopeIndex scope = scope_of_jail_[ban.jail];
      if (const auto end = ban.observed ? std::nullopt : wanted(scope, ban.address)) {
        changes.push_back({firewall::Change::Kind::kSet, scope, ban.address, end->end});
      }
    });
  }
  if (const auto report = firewall_.apply(changes); !report) {
    fail(report.error());
  } else if (report->extended > 0) {
    log::notice("firewall: {} cut that ended later in the kernel",
                util::counted(report->extended, "ban"));
  }
  return changes.size();
}

void FirewallControl::remove_strays() {
  if (bans_.size() > firewall::kMostStrayChecked) {
    return;
  }
  const auto report = firewall::remove_strays(
      firewall_, [&](firewall::ScopeIndex scope, const net::Prefix& prefix) {
        return wanted(scope, prefix).has_value();
      });
  if (!report) {
    fail(report.error());
  } else if (report->removed > 0) {
    log::notice("firewall: {} taken away from the kernel that nobody wants",
                util::counted(report->removed, "element"));
  }
}

void FirewallControl::fail(const util::Error& error) {
  effect_ = Effect::kDetectOnly;
  repairing_ = false;
  reason_ = error.message();
  retry_at_ = clock_.monotonic() + kRetry;
  if (!std::exchange(told_, true)) {
    record(model::Severity::kCritical,
           fmt::format("detect only: bans are decided but not in effect, because {}", reason_),
           model::incident_detail(kIncident, model::Trouble::kBad));
  }
}

void FirewallControl::all_is_back() {
  effect_ = Effect::kEnforcing;
  if (std::exchange(told_, false)) {
    record(
        model::Severity::kNotice,
        fmt::format("the firewall is in effect again, with {}", util::counted(bans_.size(), "ban")),
        model::incident_detail(kIncident, model::Trouble::kGood));
  }
  if (std::exchange(repairing_, false)) {
    ++repairs_;
    record(model::Severity::kHigh,
           fmt::format("another program changed the firewall table 'inet warder'; rules and all "
                       "bans ({}) were put back",
                       bans_.size()));
  }
}

void FirewallControl::record(model::Severity severity, std::string message, std::string detail) {
  log::write(severity >= model::Severity::kWarning ? log::Level::kWarning : log::Level::kNotice,
             message);
  model::Event event;
  event.id = random_event_id();
  event.kind = model::EventKind::kFirewall;
  event.severity = severity;
  event.time = clock_.now();
  event.message = std::move(message);
  event.detail = std::move(detail);
  recorder_.event(std::move(event), Recorder::WhenFull::kHold);
}

}  // namespace warder::engine
