#pragma once

#include "jail/ban_table.h"
#include "jail/decision.h"
#include "jail/keyed_hash.h"
#include "jail/never_ban.h"
#include "jail/notice.h"
#include "jail/offender_table.h"
#include "jail/options.h"
#include "model/ban.h"
#include "model/finding.h"
#include "util/clock.h"
#include "util/result.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace warder::jail {

// What the engine gives a jail. The tables are shared by all jails and must outlive it.
struct JailContext {
  JailIndex index = 0;
  HashKey key;  // random, secret, one for the process
  BanTable* bans = nullptr;
  OffenderTable* offenders = nullptr;
  // Keep offender counts although this jail does not lengthen its bans, because another one counts
  // over all jails.
  bool count_offenders = false;
};

struct JailCounters {
  std::uint64_t findings = 0;
  std::uint64_t ignored = 0;
  std::uint64_t counted = 0;
  std::uint64_t bans = 0;  // would-bans included
  std::uint64_t wide_bans = 0;
  std::uint64_t alerts = 0;
  std::uint64_t quiet = 0;  // findings about what was told already
  std::uint64_t already_banned = 0;
  std::uint64_t refused = 0;          // ban table full
  std::uint64_t future_clamped = 0;   // findings with a time later than now
  std::uint64_t sources_evicted = 0;  // forgotten before their time, because the table was full
  std::uint64_t widening_capped = 0;
  std::size_t sources = 0;  // tracked now
  std::size_t sources_capacity = 0;
  std::size_t memory = 0;  // bytes, without the shared tables
};

// The decision: findings in, decisions out. No I/O, time is passed in, nothing an outsider can send
// costs more than a bounded time and memory.
//
// Used by the pipeline thread only. A ban that it decides stands in the shared BanTable when
// on_finding() returns; the engine puts it into effect and stores it, and calls BanTable::remove()
// when the firewall refuses it.
//
// At start:   create(), set_host_addresses(), BanTable::add() for each stored ban that has not
//             ended, OffenderTable::set_history(), then the history of the last history_needed() in
//             its stored order: restore_finding(), restore_ban(), restore_unban(), and at the end
//             restore_done(). The counts then equal those of a run without the restart.
// Each second: tick(), and take_notices() now and then.
// Reload:     create() the new one, adopt() the old one, drop the old one.
class Jail {
 public:
  // kInvalid: an expression in the options does not parse, or a value is out of bounds.
  static util::Result<Jail> create(JailOptions options, const JailContext& context);
  ~Jail();
  Jail(Jail&&) noexcept;
  Jail& operator=(Jail&&) noexcept;

  // Replaces what was set before. May be called at any time (addresses come and go).
  void set_host_addresses(const HostAddresses& addresses);

  // `now` is the wall time of judging. A finding in the future counts as now; one older than
  // findtime is ignored. Out-of-order findings are counted where they belong.
  Decision on_finding(const model::Finding& finding, util::WallTime now);

  // How far back the replay has to reach: twice findtime for the window. The compat estimate has no
  // bound, since a source that goes on failing drags its rate along; ten times findtime leaves at
  // most the rounding of it.
  std::chrono::microseconds history_needed() const;

  // Replay of the history, in stored order; decides nothing. `time` is Decision::time; findings
  // that were ignored are left out, those that met a ban may be there or not. Every unban event is
  // passed on, whether lifted or ended by time; for bans that ended while the agent was away the
  // engine stores it before the replay.
  void restore_finding(const net::Prefix& address, util::WallTime time, std::uint32_t attempts = 1);
  void restore_ban(const model::Ban& ban);
  void restore_unban(const net::Prefix& address);
  void restore_done();
  // The same for jails that alert, by Decision::key and Decision::value.
  void restore_counted(std::string_view key, std::string_view value, util::WallTime time,
                       std::uint32_t attempts);
  void restore_alert(std::string_view key, util::WallTime time);

  // Takes the counts over from the jail that this one replaces; sources whose findings fit the new
  // options keep them. `old` is empty afterwards.
  void adopt(Jail&& old);

  // The operator lifted a ban or wants the source forgotten: its count begins anew.
  void forget(const net::Prefix& address);

  // Forgets what is too old to matter, a bounded part of the table a call. Once a second.
  void tick(util::WallTime now);
  // What has to be said since the last call; each kind and address summed up over some minutes.
  std::vector<Notice> take_notices(util::WallTime now);
  // Everything that is still being summed up, at shutdown.
  std::vector<Notice> take_last_notices(util::WallTime now);

  // The wall clock was set by `by`: windows go on as if it had not been.
  void clock_stepped(std::chrono::microseconds by);

  // The state of one source, for `explain`.
  struct SourceState {
    net::Prefix source;
    std::uint32_t count = 0;  // within findtime at `now`
    std::uint32_t limit = 0;
  };
  SourceState state(const net::Prefix& address, util::WallTime now) const;
  // Of what a jail that alerts counts, by Decision::key.
  struct KeyState {
    std::uint32_t count = 0;
    std::uint32_t limit = 0;
    bool quiet = false;
  };
  KeyState key_state(std::string_view key, util::WallTime now) const;

  const JailOptions& options() const;
  JailIndex index() const;
  JailCounters counters() const;

 private:
  struct Impl;
  explicit Jail(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace warder::jail
