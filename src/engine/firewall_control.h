#pragma once

#include "engine/recorder.h"
#include "firewall/firewall.h"
#include "firewall/scope.h"
#include "jail/ban_table.h"
#include "model/event.h"
#include "util/clock.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace warder::engine {

// How well bans are in effect.
enum class Effect : std::uint8_t {
  kEnforcing,   // the kernel holds what it should
  kDetectOnly,  // the kernel's state is not known to be right: bans are decided, not certain
};

// Takes the bans that jails decide to the firewall and keeps the two in step: batches changes,
// tells refusals, rebuilds everything after an outside change or when the helper is back. Pipeline
// thread only.
//
// Jails with the same ports share a scope of the firewall, and a scope holds an address until the
// last of their bans ends; which jail is in which scope is set by use_scopes().
class FirewallControl {
 public:
  // Told how a ban fared, once flush() has asked the kernel. Called with the place of the ban in
  // the order of ban() calls since the last flush().
  using Outcome = std::function<void(std::size_t ban, const std::optional<std::string>& refusal,
                                     bool in_effect)>;

  // All must outlive it.
  FirewallControl(firewall::Firewall& firewall, const jail::BanTable& bans, Recorder& recorder,
                  const util::Clock& clock);

  // The scope of each jail, by JailIndex; empty where no jail has the index. In effect with the
  // next bring_up().
  void use_scopes(const std::vector<std::optional<firewall::Scope>>& scopes_of_jails);
  // Makes rules and all bans of the table be there; takes nothing away. False when it failed, and a
  // retry is due.
  bool bring_up();

  void ban(jail::JailIndex jail, const net::Prefix& address, std::optional<util::WallTime> end);
  // A ban of this jail is over or was lifted: lifts the address in the kernel unless another jail
  // of the same scope still holds it.
  void lifted(jail::JailIndex jail, const net::Prefix& address);
  // Puts all changes since the last call into effect.
  void flush(const Outcome& outcome);

  // The descriptor to poll for outside changes; -1 when there is none.
  int watch_descriptor() const { return firewall_.watch_descriptor(); }
  void on_watch();
  // Tries again when it failed; the time of the next try.
  void retry();
  std::optional<util::MonotonicTime> retry_at() const { return retry_at_; }

  // Makes the kernel hold exactly the bans of the table. After the start's backlog was judged, so
  // that a ban whose record was lost in a crash is decided again before it could be taken away.
  void settle();

  Effect effect() const { return effect_; }
  // Why, when it is kDetectOnly.
  const std::string& reason() const { return reason_; }
  std::uint64_t repairs() const { return repairs_; }
  util::Result<firewall::Traffic> traffic(const net::Prefix& prefix) {
    return firewall_.traffic(prefix);
  }

 private:
  bool reconcile();
  void fail(const util::Error& error);
  void recovered(std::string_view how);
  void record(model::Severity severity, std::string message);
  // What the kernel has to hold because of this ban; nothing when another jail's ban says it.
  std::optional<firewall::Change> wanted_by(const jail::ActiveBan& ban) const;
  std::optional<util::WallTime> end_in_scope(firewall::ScopeIndex scope, const net::Prefix& address,
                                             bool* held) const;

  firewall::Firewall& firewall_;
  const jail::BanTable& bans_;
  Recorder& recorder_;
  const util::Clock& clock_;
  std::vector<firewall::Scope> scopes_;
  std::vector<firewall::ScopeIndex> scope_of_jail_;
  std::vector<firewall::Change> changes_;
  // Of each change, which ban() call made it; lifted() makes none.
  std::vector<std::optional<std::size_t>> origins_;
  std::size_t bans_since_flush_ = 0;
  Effect effect_ = Effect::kDetectOnly;
  bool told_ = false;  // the operator knows of the present failure
  std::string reason_ = "not set up yet";
  std::optional<util::MonotonicTime> retry_at_;
  std::uint64_t repairs_ = 0;
};

}  // namespace warder::engine
