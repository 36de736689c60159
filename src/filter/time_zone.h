#pragma once

#include "filter/posix_zone.h"
#include "util/result.h"

#include <chrono>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace warder::filter {

// What the clocks of a place show at a moment: a fixed offset, or the rules of the zone with its
// summer times. An immutable value, cheap to copy, thread safe: it reads the zone's file once, when
// made, and touches neither the C library's zone nor the variable TZ.
class TimeZone {
 public:
  TimeZone() = default;  // UTC
  static TimeZone fixed(std::chrono::seconds east_of_utc);

  // The system's: what the variable TZ says, else /etc/localtime, else UTC. As it is now; a change
  // of the system's zone is seen by the next call (a reload).
  static TimeZone system();

  // What `logtimezone` says: a fixed zone as date_zone.h has it ("UTC+0200", "CET"), or a name of
  // the system's zone files with its rules ("Europe/Berlin"). kInvalid for any other text,
  // kNotFound for a name without a file.
  static util::Result<TimeZone> parse(std::string_view text);

  // The bytes of a zone file (RFC 8536, versions 1 to 4). kInvalid, also for zones that count leap
  // seconds ("right/...").
  static util::Result<TimeZone> from_tzif(std::string_view text);
  static util::Result<TimeZone> from_rule(const PosixZone& rule);

  // A stretch of time during which the clocks keep their offset: from `begin` on, before `end`.
  struct Period {
    std::chrono::sys_seconds begin;
    std::chrono::sys_seconds end;
    std::chrono::seconds offset;
  };
  Period period_at(std::chrono::sys_seconds time) const;

  // The moments at which the clocks show `civil`: one, two when they are set back (the earlier one
  // first, else equal), and where they are set forward the one that the clocks would have shown
  // without it.
  std::pair<std::chrono::sys_seconds, std::chrono::sys_seconds> moments(
      std::chrono::local_seconds civil) const;

 private:
  struct Rules;
  std::chrono::seconds offset_{0};
  std::shared_ptr<const Rules> rules_;  // none for a fixed offset
};

}  // namespace warder::filter
