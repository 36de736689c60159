#pragma once

#include "model/event.h"
#include "store/batch.h"
#include "store/database.h"
#include "store/incident.h"
#include "store/names.h"
#include "util/clock.h"
#include "util/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace warder::store {

// The tables of incidents, of whom they were told, and of who is to be told unless somebody
// acknowledges them. Works inside the transaction of its caller, so an incident, its events, and
// what is in the outboxes for it are on disk together. Bounded: kMostOpen, kMostEnded, kMostNames.
class Incidents {
 public:
  static constexpr std::int64_t kMostOpen = 1000;
  static constexpr std::int64_t kMostEnded = 1000;
  static constexpr std::int64_t kMostNames = 20'000;
  // An acknowledgement of what does not tell its own end covers what comes within this time.
  static constexpr std::chrono::hours kCovered{1};
  // Without an event for so long it has ended; one that tells its own end by then lost the teller.
  static constexpr std::chrono::hours kSilence{24 * 7};
  static constexpr std::chrono::hours kLongSilence{24 * 90};
  // So many are told to a destination one by one at a time; more are told as one.
  static constexpr std::size_t kMostAtOnce = 3;

  util::Status open(Connection& connection, Names& jails);

  // Whether nobody has been told of anything of this name so far (or not for kLongSilence).
  util::Result<bool> is_new(std::string_view name, util::WallTime time);

  // Who is to hear of an event besides those whose route it is.
  using Also = std::vector<DestinationId>;
  util::Result<Also> happened(const IncidentEntry& entry, const model::Event& event,
                              std::uint64_t sequence, const std::vector<DestinationId>& told);
  util::Result<Also> acknowledge(const Acknowledgement& given, util::WallTime time);

  struct Escalation {
    DestinationId destination{};
    model::Event event;  // without id and time
    std::vector<std::int64_t> incidents;
  };
  // What nobody has acknowledged until now; each is due again later, or for the last time.
  util::Result<std::vector<Escalation>> escalate(util::WallTime now);
  // The escalation's event is in the history.
  util::Status told(std::int64_t incident, DestinationId destination, std::uint64_t sequence);
  // The wall clock was set: what is due later is due when it would have been.
  util::Status shift(std::chrono::microseconds by);
  // When escalate() has something.
  util::Result<std::optional<util::WallTime>> next_escalation();

  // Ends what has been silent, forgets what ended long ago.
  util::Status prune(util::WallTime now);
  util::Result<bool> is_open(std::string_view name);

 private:
  struct Open {
    std::int64_t number = 0;
    model::Severity severity = model::Severity::kInfo;
    std::optional<std::int64_t> acknowledged;
  };
  util::Result<std::optional<Open>> find(std::string_view name);
  util::Status end(std::int64_t number, util::WallTime time, IncidentEnd how);
  util::Result<std::int64_t> begin(const IncidentEntry& entry, const model::Event& event);
  util::Result<Also> told_of(std::int64_t number);

  Connection* connection_ = nullptr;
  Names* jails_ = nullptr;
  Statement find_;
  Statement insert_;
  Statement update_;
  Statement end_;
  Statement acknowledge_;
  Statement add_escalation_;
  Statement hasten_;
  Statement drop_escalations_;
  Statement due_;
  Statement advance_;
  Statement remove_;
  Statement next_;
  Statement shift_;
  Statement tell_;
  Statement told_of_;
  Statement crowd_;
  Statement seen_;
  Statement see_;
};

}  // namespace warder::store
