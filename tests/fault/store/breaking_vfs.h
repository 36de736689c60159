#pragma once

#include <cstdint>
#include <string>

// A SQLite VFS over the system's that counts every change of a file (write, sync, truncate, delete)
// and breaks at the n-th. For one process; the fault program forks for each point.
namespace warder::testing {

enum class Break : std::uint8_t {
  kNone,
  kKill,       // _exit() before the operation, as kill -9 does
  kTornKill,   // a write reaches the file by half, then _exit()
  kPowerLoss,  // the same, and what was not synced since is gone: see below
  kFull,       // ENOSPC, this one and the next operations
  kError,      // EIO, this operation
  kShort,      // a write reaches the file by half and fails
};

struct BreakPlan {
  Break what = Break::kNone;
  std::uint64_t at = 0;     // the operation, counted from 1
  std::uint64_t count = 1;  // operations that fail from there on (kFull, kError, kShort)
};

inline constexpr int kBrokenExit = 77;
inline constexpr const char* kBreakingVfs = "breaking";

// Registers the VFS. With kPowerLoss the files under it are written behind: what is not synced
// stays in memory and is lost with the process.
void install_breaking_vfs(const BreakPlan& plan);
// Operations so far.
std::uint64_t operations();
// Starts to count (and break); before, everything passes.
void arm();
// Everything passes again.
void disarm();

}  // namespace warder::testing
