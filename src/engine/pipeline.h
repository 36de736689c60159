#pragma once

#include "engine/firewall_control.h"
#include "engine/jail_set.h"
#include "engine/notices.h"
#include "engine/recorder.h"
#include "filter/matcher.h"
#include "jail/ban_table.h"
#include "jail/clock_watch.h"
#include "jail/jail.h"
#include "jail/offender_table.h"
#include "source/source.h"
#include "store/reader.h"
#include "util/clock.h"
#include "util/result.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace warder::engine {

// The way of a line: matcher, jail, firewall, record. Owns the jails and the table of bans.
// Pipeline thread only; what it is given must outlive it.
class Pipeline : public source::LineHandler, public filter::MatchHandler {
 public:
  Pipeline(const jail::HashKey& key, firewall::Firewall& firewall, Recorder& recorder,
           Notices& notices, const util::Clock& clock);

  // Puts a jail set to work. Jails that were there keep their counts and bans, those that are gone
  // lose theirs. kInvalid leaves everything as it was. The firewall follows with its bring_up() and
  // settle().
  util::Status use(std::shared_ptr<const JailSet> set);
  // Replaces what is counted and banned by what the store knows: at start, and when going back to
  // the stored positions.
  util::Status load(store::Reader& reader);
  void set_own_addresses(std::vector<net::Prefix> addresses);

  // The source whose pump() is about to run; `index` names it from then on.
  void begin(std::size_t index, const source::Source& source);
  // Lines were written before (after a start): their dates count, not the clock.
  void set_reading(filter::Reading reading);
  void on_line(const model::Line& line) override;
  void on_notice(const source::Notice& notice) override;
  void on_finding(std::size_t filter, model::Finding&& finding) override;
  void on_notice(std::size_t filter, const filter::Notice& notice) override;
  // Puts the decisions since the last call into effect and records them.
  void flush();
  // Sources are made anew: logs are numbered afresh.
  void forget_logs() { logs_.clear(); }

  // Bans that ended, notices, clock steps. Wants to be called again after tick_interval() while
  // that is not zero.
  void tick();
  std::chrono::milliseconds tick_interval() const;
  // At shutdown: what is still being summed up.
  void finish();

  // What operators ask for. kNotFound for an unknown jail.
  util::Status ban(std::string_view jail, const net::Prefix& address,
                   std::optional<std::chrono::seconds> duration);
  // How many bans were lifted.
  util::Result<std::size_t> unban(std::string_view jail, const net::Prefix& address);

  // Every running ban as if it were decided now, for a store that begins anew.
  void record_all_bans();

  const JailSet& jail_set() const { return *set_; }
  std::vector<const jail::Jail*> jails() const;
  const jail::Jail* find(std::string_view name) const;
  std::string_view name_of(jail::JailIndex index) const;
  const jail::BanTable& bans() const { return bans_; }
  const jail::OffenderTable& offenders() const { return offenders_; }
  FirewallControl& firewall() { return firewall_; }
  const FirewallControl& firewall() const { return firewall_; }
  std::uint64_t lines() const { return lines_; }

 private:
  struct Log {
    std::string name;
    filter::Matcher* matcher = nullptr;                   // none: no jail reads this log
    const std::vector<jail::JailIndex>* jails = nullptr;  // by filter index
  };
  struct Program {
    std::unique_ptr<filter::Matcher> matcher;
    std::vector<jail::JailIndex> jails;
  };
  struct Slot {
    std::string name;
    std::optional<jail::Jail> jail;  // none: the name is kept for a jail that may come back
    std::shared_ptr<const filter::Filter> filter;
    filter::LineOptions lines;
  };
  struct PendingBan {
    jail::JailIndex jail = 0;
    model::Ban ban;
    model::Event event;
    util::WallTime received{};
    Recorder::WhenFull when_full = Recorder::WhenFull::kDrop;
  };

  jail::JailContext context_of(jail::JailIndex index, bool count_offenders);
  Log& log_of(std::uint32_t index);
  Program* program_for(const std::vector<std::uint32_t>& inputs);
  void put_into_effect(jail::JailIndex index, const jail::Decision& decision,
                       const model::EventId& cause, util::WallTime received,
                       Recorder::WhenFull when_full);
  void record_ban(std::size_t place, const std::optional<std::string>& refusal, bool in_effect);
  using EndedBan = std::pair<util::WallTime, net::Prefix>;
  util::Status load_history(store::Reader& reader, jail::Jail& jail,
                            const std::vector<EndedBan>& ended, util::WallTime now);
  struct EndingBan {
    std::string_view jail;
    net::Prefix address;
    std::optional<util::WallTime> end;  // as it was decided
  };
  void record_end(const EndingBan& ban, util::WallTime when, store::BanEnd how,
                  std::string_view why, Recorder::WhenFull when_full);

  const jail::HashKey key_;
  Recorder& recorder_;
  Notices& notices_;
  const util::Clock& clock_;
  jail::BanTable bans_;
  jail::OffenderTable offenders_;
  FirewallControl firewall_;
  jail::ClockWatch clock_watch_;

  std::shared_ptr<const JailSet> set_ = std::make_shared<const JailSet>();
  std::vector<Slot> slots_;  // by JailIndex
  bool count_offenders_ = false;
  std::vector<net::Prefix> own_addresses_;
  // By the inputs (jails) that read the same logs.
  std::map<std::vector<std::uint32_t>, Program> programs_;
  std::vector<std::vector<std::optional<Log>>> logs_;  // by source and log
  filter::Reading reading_ = filter::Reading::kCatchUp;

  // During a pump.
  std::size_t source_index_ = 0;
  const source::Source* source_ = nullptr;
  const model::Line* line_ = nullptr;
  const Log* log_ = nullptr;
  util::WallTime now_{};
  std::uint64_t lines_ = 0;
  std::vector<PendingBan> pending_;
};

}  // namespace warder::engine
