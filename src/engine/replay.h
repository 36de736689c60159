#pragma once

#include "engine/jail_set.h"
#include "filter/matcher.h"
#include "jail/ban_table.h"
#include "jail/jail.h"
#include "jail/offender_table.h"
#include "model/finding.h"
#include "source/source.h"
#include "store/reader.h"
#include "util/clock.h"
#include "util/result.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace warder::engine {

// A ban that a jail would have made, and the line that led to it.
struct ReplayedBan {
  net::Prefix address;
  util::WallTime start{};
  std::optional<util::WallTime> end;  // never when empty
  std::uint32_t count = 1;            // how often this address was banned, this ban included
  std::string reason;
  std::string log;
  std::uint64_t line = 0;    // number in its log, from 1; 0 where only the place is known
  std::uint64_t offset = 0;  // of the line in its log
  std::string text;          // begin of the line, as it stands
};

struct ReplayReport {
  std::uint64_t lines = 0;
  std::uint64_t findings = 0;
  std::uint64_t ignored = 0;    // findings that the jail does not count (ignoreip, too old, ...)
  std::uint64_t prevented = 0;  // findings of somebody who was banned at that moment
  // Findings without a date before the first dated one: no time can be given to them.
  std::uint64_t undated = 0;
  std::uint64_t named = 0;              // of findings: a host's name in place of an address
  std::optional<util::WallTime> first;  // of the findings
  std::optional<util::WallTime> last;
  std::vector<ReplayedBan> bans;  // in the order in which they were made
  std::uint64_t bans_left_out = 0;

  struct Address {
    std::uint64_t findings = 0;
    std::uint64_t successes = 0;  // lines with this address that tell of a login that worked
    std::uint64_t bans = 0;
  };
  std::map<net::Prefix, Address> addresses;  // those with a finding or a success
};

// Addresses that were banned although they may belong to somebody honest: they also logged in, or
// stopped at exactly as many findings as the ban took.
struct Innocent {
  net::Prefix address;
  ReplayReport::Address seen;
};
std::vector<Innocent> innocents(const ReplayReport& report, std::uint32_t maxretry);

// What a changed rule does to one address.
struct ReplayChange {
  enum class Kind : std::uint8_t { kAdded, kRemoved, kLonger, kShorter, kSooner, kLater };
  Kind kind = Kind::kAdded;
  net::Prefix address;
  // The first ban of each side and all its time banned; empty time: for ever.
  const ReplayedBan* before = nullptr;
  const ReplayedBan* after = nullptr;
  std::optional<std::chrono::microseconds> before_time;
  std::optional<std::chrono::microseconds> after_time;
  // For kRemoved and kAdded: the other side's ban that covers the address all the same.
  const ReplayedBan* covered_by = nullptr;
};
std::string_view to_string(ReplayChange::Kind kind);
// Ordered by kind, then by start. The pointers go into the two lists.
std::vector<ReplayChange> compare(std::span<const ReplayedBan> before,
                                  std::span<const ReplayedBan> after);

// Runs one jail over old lines, with the lines' own dates as the clock: filter, counting, ban times
// with increments, widening. Touches neither kernel nor store; the same lines give the same report
// everywhere (years that lines leave out are taken from `now`). Lines are to come in the order in
// which they were written. Memory is bounded. One thread.
class Replay : public source::LineHandler, public filter::MatchHandler {
 public:
  static constexpr std::size_t kMostBans = 100'000;
  static constexpr std::size_t kMostAddresses = 200'000;

  // kInvalid as Matcher::build() and Jail::create(). `now` is when the replay is made.
  static util::Result<std::unique_ptr<Replay>> create(const CompiledJail& jail,
                                                      const filter::MatcherOptions& matcher,
                                                      std::vector<net::Prefix> never_ban,
                                                      util::WallTime now);

  // The lines that follow are of this log.
  void begin_log(std::string name);
  void on_line(const model::Line& line) override;
  void on_notice(const source::Notice&) override {}
  void on_finding(std::size_t filter, model::Finding&& finding) override;
  void on_notice(std::size_t, const filter::Notice&) override {}
  // A finding of the stored history, instead of lines. In the order of their times.
  void on_stored(const store::StoredEvent& stored);

  const ReplayReport& report() const { return report_; }

 private:
  Replay(std::unique_ptr<filter::Matcher> matcher, util::WallTime now);
  void judge(const model::Finding& finding);
  void note_success(std::string_view line);
  ReplayReport::Address* address_of(const net::Prefix& address);

  std::unique_ptr<filter::Matcher> matcher_;
  const util::WallTime now_;
  jail::BanTable bans_;
  jail::OffenderTable offenders_;
  std::unique_ptr<jail::Jail> jail_;
  ReplayReport report_;
  std::optional<util::WallTime> time_;  // the newest date of a finding
  std::string log_;
  std::uint64_t line_ = 0;
  std::uint64_t offset_ = 0;
  bool found_ = false;
};

}  // namespace warder::engine
