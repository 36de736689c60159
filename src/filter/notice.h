#pragma once

#include "model/finding.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace warder::filter {

// What happened to a line besides a finding. Every kind is also counted (Counters).
enum class NoticeKind : std::uint8_t {
  kDateOff,       // the line's date is more than 60 s from now: judged as happening now
  kNoDate,        // a matching line carries no date that can be read: judged as now
  kBadDate,       // the date has the form but is none (30 February, unknown zone)
  kBadAddress,    // matched, but what stands at the address's place is no address: no finding
  kHostName,      // matched, but a host name stands at the address's place (usedns = no)
  kNoAddress,     // matched and has no address at all: no finding
  kMalformed,     // a line of a JSON log that cannot be read as JSON: not judged
  kForwarded,     // the line names a client other than the peer, and the peer is no trusted proxy
  kProxyAddress,  // the finding's address is a trusted proxy: dropped, nobody is to blame
  kSessionLost,   // a session was dropped because the table of sessions is full
  kOutOfMemory,   // the joint search ran out of its memory budget: patterns tried one by one
};
inline constexpr std::size_t kNoticeKinds = 11;

std::string_view to_string(NoticeKind kind);

struct Notice {
  NoticeKind kind;
  // The text concerned (date, address, line), from outside and possibly hostile: only through
  // util::printable(). Valid during the call.
  std::string_view subject;
};

// Takes what a Matcher finds. Called from within match(), on its thread; must not call back into
// the same Matcher.
class MatchHandler {
 public:
  virtual ~MatchHandler() = default;
  // `filter` is the index in the list given to Matcher::build().
  virtual void on_finding(std::size_t filter, model::Finding&& finding) = 0;
  // Can come once a line: who stores notices limits their rate.
  virtual void on_notice(std::size_t filter, const Notice& notice) = 0;
};

// What a filter has done since its matcher was built, for status, metrics and `warder test`.
struct Counters {
  std::uint64_t findings = 0;
  std::uint64_t ignored = 0;  // matched, and discarded by ignoreregex
  std::uint64_t helpers = 0;  // matched lines of a session that are no failure themselves
  std::array<std::uint64_t, kNoticeKinds> notices{};
  std::vector<std::uint64_t> patterns;  // hits a pattern, in the order of Filter::patterns()

  std::uint64_t& operator[](NoticeKind kind) { return notices[static_cast<std::size_t>(kind)]; }
  std::uint64_t operator[](NoticeKind kind) const {
    return notices[static_cast<std::size_t>(kind)];
  }
};

}  // namespace warder::filter
