#pragma once

#include "engine/firewall_control.h"
#include "engine/jails.h"
#include "engine/notices.h"
#include "engine/recorder.h"
#include "jail/decision.h"
#include "model/ban.h"
#include "util/clock.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace warder::engine {

// From the decision to ban until the ban is over: first the kernel, then the record. Pipeline
// thread only; what it is given must outlive it.
class BanKeeper {
 public:
  using WhenFull = Recorder::WhenFull;
  enum class Purpose : std::uint8_t {
    kEnforce,
    kDryRun,  // `firewall` keeps nobody out, and no ban is called in effect
  };

  BanKeeper(Jails& jails, firewall::Firewall& firewall, Recorder& recorder, Notices& notices,
            const util::Clock& clock, Purpose purpose);

  struct Cause {
    model::EventId event;       // of the finding, or of the operator's command
    util::WallTime received{};  // when that was known to the agent
    WhenFull when_full = WhenFull::kDrop;
    std::uint32_t findings = 0;  // that led to it; none by hand
  };
  // A kBan or kWouldBan. In effect and recorded with the next flush().
  void decided(jail::JailIndex jail, const model::Ban& ban, const Cause& cause);
  void would_ban(const model::Ban& ban, const Cause& cause);
  // What became of the last decision of a flush().
  struct Flushed {
    std::optional<std::string> refused;  // why
    bool in_effect = true;  // false in a dry run, and while the firewall is away: it comes later
  };
  // Puts the decisions since the last call into effect and records them.
  Flushed flush();

  struct Ended {
    std::string_view jail;
    net::Prefix address;
    std::optional<util::WallTime> end;  // as it was decided
    util::WallTime when{};
    store::BanEnd how = store::BanEnd::kExpired;
    std::string_view why;
  };
  // Records that a ban is over which neither the table nor, soon, the kernel holds.
  void record_end(const Ended& ended, WhenFull when_full);
  // Takes a ban out of the table and, with the next flush(), out of the kernel, and records it.
  void lift(const jail::ActiveBan& ban, std::string_view why, WhenFull when_full);
  // The bans of a jail that no longer runs.
  void lift_all(jail::JailIndex jail);
  // Ends those whose time is over, some thousands at once.
  void expire(util::WallTime now);
  // Takes over what the kernel holds and records it, for a store that began anew before the start.
  void adopt_kernel_bans();
  // Every running ban as if it were decided now, for a store that begins anew.
  void record_all();

  // After Jails::use(): which scopes there are now.
  void use_scopes();
  FirewallControl& firewall() { return firewall_; }
  const FirewallControl& firewall() const { return firewall_; }

 private:
  struct Pending {
    jail::JailIndex jail = 0;
    model::Ban ban;
    Cause cause;
  };
  void record_ban(Pending& pending, const std::optional<std::string>& refusal, bool in_effect);

  Jails& jails_;
  Recorder& recorder_;
  Notices& notices_;
  const util::Clock& clock_;
  const Purpose purpose_;
  FirewallControl firewall_;
  std::vector<Pending> pending_;
};

constexpr std::string_view kTimeOver = "its time is over";
constexpr std::string_view kJailGone = "its jail is no longer enabled";

}  // namespace warder::engine
