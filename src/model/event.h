#pragma once

#include "net/address.h"
#include "util/clock.h"

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace warder::model {

enum class Severity : std::uint8_t {
  kInfo = 0,
  kNotice = 1,
  kWarning = 2,
  kHigh = 3,
  kCritical = 4
};

// What happened. The number is stored: append, never renumber.
enum class EventKind : std::uint8_t {
  kFinding = 1,       // a line matched a filter of a jail
  kBan = 2,           // an address was banned
  kUnban = 3,         // a ban ended or was lifted
  kRestore = 4,       // a ban was put back at start (silent for destinations)
  kExtend = 5,        // a running ban was made longer or wider
  kWouldBan = 6,      // a jail in observe mode would have banned
  kSource = 7,        // rotation, truncation, missing log, loss, over-long line
  kConfig = 8,        // configuration loaded, changed or refused
  kFirewall = 9,      // rules missing, repaired, refused, helper away
  kStore = 10,        // database set aside, retention, checkpoint
  kDestination = 11,  // delivery given up, dead letter, recovered
  kVault = 12,        // vault unreachable, back, secret changed
  kAgent = 13,        // start, stop, watchdog, limits
  kIntegrity = 14,    // result of an integrity check
  kBackup = 15,       // backup made, verified, failed
  kSecurity = 16,     // reported by an operator or another program
  kAlert = 17,        // of a jail that alerts; without a jail a test alert
  kMonitor = 18,      // a measure of a watched service passed its limit, or came back
  kIncident = 19,     // somebody acknowledged an incident, or nobody did in time
};

// In the order of Severity.
inline constexpr std::array<std::string_view, 5> kSeverityNames{"info", "notice", "warning", "high",
                                                                "critical"};

std::string_view to_string(Severity severity);
std::string_view to_string(EventKind kind);
std::optional<Severity> parse_severity(std::string_view name);
std::optional<EventKind> parse_event_kind(std::string_view name);

// Names an event for ever: the same line read twice gives the same id, so that the store counts it
// once and a destination can drop the second copy.
struct EventId {
  std::array<std::uint8_t, 16> bytes{};
  friend auto operator<=>(const EventId&, const EventId&) = default;
};

// Where the line of a finding stands and what its filter read in it. Valid UTF-8, from outside only
// through util::printable().
struct LineFacts {
  std::string log;            // name of the log, at most kLongestLog bytes
  std::uint64_t at = 0;       // offset of the line in its generation
  std::uint32_t pattern = 0;  // index of the pattern that matched
  std::uint32_t attempts = 1;
  std::string user;  // at most kLongestUser bytes, may be empty

  static constexpr std::size_t kLongestLog = 512;
  static constexpr std::size_t kLongestUser = 128;

  friend bool operator==(const LineFacts&, const LineFacts&) = default;
};

// A row of the history. Plain value; whoever holds it owns it.
struct Event {
  EventId id;
  EventKind kind = EventKind::kAgent;
  Severity severity = Severity::kInfo;
  util::WallTime time{};
  std::string jail;                    // empty when no jail is concerned
  std::optional<net::Prefix> address;  // the offender, if there is one
  // For people: one sentence, valid UTF-8, at most kLongestMessage bytes, from outside only through
  // util::printable().
  std::string message;
  // Of a finding, when it has come from a line.
  std::optional<LineFacts> line = std::nullopt;
  // Of all others: extra facts as a JSON object in text, or empty. At most kLongestDetail bytes.
  std::string detail;

  static constexpr std::size_t kLongestMessage = 1024;
  static constexpr std::size_t kLongestDetail = 16384;
};

// What readers outside are shown as `detail`, a JSON object in text or empty: that of the event, or
// the facts of its line as {"at":1,"attempts":2,"log":"..","pattern":3,"user":".."}, where attempts
// of 1, pattern 0 and no user are left out.
std::string detail_text(const Event& event);

}  // namespace warder::model
