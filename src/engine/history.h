#pragma once

#include "filter/filter.h"
#include "jail/decision.h"
#include "jail/options.h"
#include "model/ban.h"
#include "model/event.h"
#include "model/finding.h"
#include "model/line.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// How findings and bans are written into the history, and read back at start: README.md lists the
// members of `detail`.
namespace warder::engine {

struct LineOrigin {
  std::string_view log;  // name
  model::GenerationId generation;
  std::uint64_t offset = 0;
};

// The event of a finding: the same for all lines that tell of one thing (Finding::once).
model::EventId finding_id(std::string_view jail, const model::Finding& finding,
                          const LineOrigin& origin);
model::Event finding_event(std::string_view jail, const model::Finding& finding,
                           const jail::Decision& decision, const LineOrigin& origin);
// Of a finding that reached the limit of a jail that alerts.
model::Event alert_event(const jail::JailOptions& options, const model::Finding& finding,
                         const jail::Decision& decision, const LineOrigin& origin);
// What was counted by, and with which value, from a stored finding or alert of such a jail; empty
// where the event holds nothing of it.
struct CountedKey {
  std::string key;
  std::string value;
  std::uint32_t attempts = 1;
};
std::optional<CountedKey> counted_key(const model::Event& event);

// What became of a ban in the kernel.
struct BanEffect {
  bool in_effect = false;
  std::chrono::microseconds since_line{0};
  std::uint32_t findings = 0;  // that led to it; none by hand
};
// `cause` is the event of the finding (or of the operator's command) that led to it.
model::Event ban_event(const model::Ban& ban, const model::EventId& cause, const BanEffect& effect);
// Of a ban decided in observe mode.
model::Event would_ban_event(const model::Ban& ban, const model::EventId& cause);

model::Event unban_event(std::string_view jail, const net::Prefix& address,
                         std::optional<util::WallTime> end, util::WallTime now,
                         std::string_view why);

// From a stored event: what a jail needs to count as it did.
model::Ban ban_of(const model::Event& event);

}  // namespace warder::engine
