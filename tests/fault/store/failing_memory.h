#pragma once

#include <cstdint>
#include <span>

// Has one allocation of the process fail: operator new, which ends the process as the agent's
// handler does (agent/out_of_memory.h), or one of SQLite's, which SQLite answers with SQLITE_NOMEM.
// Both are replaced in the whole program; nothing fails before a plan is set.
namespace warder::testing {

inline constexpr int kOutOfMemoryExit = 78;

enum class Memory : std::uint8_t { kNew, kSqlite };

// What a child notes for its parent, in memory that both see. Allocations count from 1, of each
// kind by itself, from set_memory_plan() on.
struct Allocations {
  static constexpr std::uint32_t kMost = 16'384;
  // Numbers of the allocations that were the first from their place in the program (the nearest
  // eight callers): what fails at the others goes the same ways again.
  std::uint32_t first[kMost];
  std::uint32_t firsts;
  bool failed;  // the one that was to fail was reached

  std::span<const std::uint32_t> places() const { return {first, firsts}; }
};

struct MemoryPlan {
  Memory what = Memory::kNew;
  std::uint32_t fails = 0;      // which allocation; none: the places are noted instead
  Allocations* told = nullptr;  // zeroed by the caller
};
void set_memory_plan(const MemoryPlan& plan);

}  // namespace warder::testing
