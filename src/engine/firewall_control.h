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
#include <utility>
#include <vector>

namespace warder::engine {

// How well bans are in effect.
enum class Effect : std::uint8_t {
  kEnforcing,   // the kernel holds what it should
  kRestoring,   // rules and new bans are in effect, bans of before are being put back
  kDetectOnly,  // the kernel's state is not known to be right: bans are decided, not certain
};

std::string_view to_string(Effect effect);

// Takes the bans that jails decide to the firewall and keeps the two in step: batches changes,
// tells refusals, rebuilds everything after an outside change or when the helper is back. Pipeline
// thread only.
//
// A million bans take seconds to be put back, and lines must not wait for that: what bring_up() and
// settle() begin goes on in steps of some milliseconds while is_busy(). Few bans are done at once.
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
  // The incident that bans are not in effect. Who finds it open from before the start says so
  // before bring_up(), so that its end is told.
  static constexpr std::string_view kIncident = "firewall/effect";
  void failed_before() { told_ = true; }
  // Makes the rules and begins to put back all bans of the table; takes nothing away. False when it
  // failed, and a retry is due.
  bool bring_up();
  // Makes the kernel hold exactly the bans of the table, behind what bring_up() began: cuts what
  // ends later than its ban, takes away what nobody wants (up to firewall::kMostStrayChecked bans).
  // After the start's backlog was judged, so that a ban whose record was lost in a crash is decided
  // again before it could be taken away.
  void settle();
  // bring_up() and settle(), if the scopes are others than at the last bring_up().
  void follow_scopes();
  bool is_busy() const { return effect_ == Effect::kRestoring || is_settling(); }
  void step();

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

  // Puts a ban of an address that nobody holds into the kernel in that jail's scope, looks it up,
  // and takes it out again; it would end by itself within seconds. The error says which of the
  // three failed.
  util::Status probe(jail::JailIndex jail, const net::Prefix& address);

  // What the kernel holds, each as a ban of the first jail in its scope: all that is left to know
  // of running bans when a history begins anew. After a bring_up() that succeeded.
  util::Result<std::vector<jail::ActiveBan>> bans_in_kernel() const;

  Effect effect() const { return effect_; }
  // Why, when it is kDetectOnly.
  const std::string& reason() const { return reason_; }
  std::uint64_t repairs() const { return repairs_; }
  util::Result<firewall::Traffic> traffic(const net::Prefix& prefix) {
    return firewall_.traffic(prefix);
  }

 private:
  bool is_settling() const { return settle_ && effect_ == Effect::kEnforcing; }
  // Parts of step(): each says how many bans it dealt with.
  std::size_t put_back();
  std::size_t correct_ends();
  void remove_strays();
  void all_is_back();
  void fail(const util::Error& error);
  void record(model::Severity severity, std::string message, std::string detail = {});
  // Until when the scope has to hold the address; empty when it has not.
  struct Wanted {
    std::optional<util::WallTime> end;  // for ever when empty
  };
  std::optional<Wanted> wanted(firewall::ScopeIndex scope, const net::Prefix& address) const;

  firewall::Firewall& firewall_;
  const jail::BanTable& bans_;
  Recorder& recorder_;
  const util::Clock& clock_;
  std::vector<firewall::Scope> scopes_;
  std::vector<firewall::ScopeIndex> scope_of_jail_;
  bool scopes_changed_ = false;
  std::vector<firewall::Change> changes_;
  // Of each change, which ban() call made it; lifted() makes none.
  std::vector<std::optional<std::size_t>> origins_;
  std::size_t bans_since_flush_ = 0;
  Effect effect_ = Effect::kDetectOnly;
  bool told_ = false;           // the operator knows of the present failure
  bool repairing_ = false;      // what is being put back was taken away by another program
  bool settle_ = false;         // to be done once all is back
  std::size_t next_piece_ = 0;  // of the table: where putting back goes on
  // Pieces of the table, from and to, with bans that end later in the kernel.
  std::vector<std::pair<std::size_t, std::size_t>> outlasting_;
  std::string reason_ = "not set up yet";
  std::optional<util::MonotonicTime> retry_at_;
  std::uint64_t repairs_ = 0;
};

}  // namespace warder::engine
