#pragma once

#include "agent/paint.h"
#include "engine/replay.h"

#include <cstdint>
#include <string>

namespace warder::agent {

// What `warder replay` prints.
struct ReplayView {
  std::string jail;
  std::uint32_t maxretry = 0;  // of the rule that is looked at: the changed one, if there is one
  const engine::ReplayReport& before;
  const engine::ReplayReport* after = nullptr;  // with --against
};
std::string replay_text(const ReplayView& view, const Paint& paint);
std::string replay_json(const ReplayView& view);

}  // namespace warder::agent
