#pragma once

#include "filter/filter.h"
#include "jail/decision.h"
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

model::Event finding_event(std::string_view jail, const model::Finding& finding,
                           const jail::Decision& decision, const LineOrigin& origin);

// What became of a ban in the kernel.
struct BanEffect {
  bool in_effect = false;
  std::chrono::microseconds since_line{0};
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
