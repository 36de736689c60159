#include "failing_memory.h"

#include <sqlite3.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <execinfo.h>
#include <mutex>
#include <new>
#include <unistd.h>

namespace warder::testing {
namespace {

MemoryPlan current;
std::atomic<bool> armed{false};
std::atomic<std::uint32_t> counter{0};
std::mutex noting;
// Chains of callers that were seen, by their hash; open addressing, twice as large as needed.
std::array<std::uint64_t, std::size_t{2} * Allocations::kMost> seen;
thread_local bool inside = false;  // backtrace() may allocate

// How many callers make a place. With all of them SQLite has thousands, which differ far above by
// where the same statement came from.
constexpr std::size_t kCallers = 8;

std::uint64_t hash_of_callers() {
  std::array<void*, kCallers> frames{};
  const int count = ::backtrace(frames.data(), static_cast<int>(frames.size()));
  std::uint64_t hash = 14695981039346656037U;  // FNV-1a
  for (int i = 0; i < count; ++i) {
    hash = (hash ^ reinterpret_cast<std::uintptr_t>(frames[static_cast<std::size_t>(i)])) *
           1099511628211U;
  }
  return hash | 1U;  // 0 is a free place
}

void note_place(std::uint32_t number) {
  const std::uint64_t hash = hash_of_callers();
  const std::lock_guard lock(noting);
  std::size_t at = hash % seen.size();
  while (seen[at] != 0 && seen[at] != hash) {
    at = (at + 1) % seen.size();
  }
  if (seen[at] == 0 && current.told->firsts < Allocations::kMost) {
    seen[at] = hash;
    current.told->first[current.told->firsts++] = number;
  }
}

bool fails(Memory what) {
  if (!armed || inside || current.what != what) {
    return false;
  }
  const std::uint32_t number = ++counter;
  if (current.fails == 0) {
    inside = true;
    note_place(number);
    inside = false;
    return false;
  }
  if (number != current.fails) {
    return false;
  }
  current.told->failed = true;
  return true;
}

sqlite3_mem_methods usual;

void* sqlite_malloc(int size) { return fails(Memory::kSqlite) ? nullptr : usual.xMalloc(size); }
void* sqlite_realloc(void* memory, int size) {
  return fails(Memory::kSqlite) ? nullptr : usual.xRealloc(memory, size);
}

// SQLite takes others only before its first use.
const bool replaced = [] {
  if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &usual) != SQLITE_OK) {
    std::abort();
  }
  sqlite3_mem_methods ours = usual;
  ours.xMalloc = sqlite_malloc;
  ours.xRealloc = sqlite_realloc;
  if (sqlite3_config(SQLITE_CONFIG_MALLOC, &ours) != SQLITE_OK) {
    std::abort();
  }
  return true;
}();

void* allocate(std::size_t size) {
  if (fails(Memory::kNew)) {
    ::_exit(kOutOfMemoryExit);
  }
  void* const memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) {
    std::abort();
  }
  return memory;
}

}  // namespace

void set_memory_plan(const MemoryPlan& plan) {
  current = plan;
  seen.fill(0);
  counter = 0;
  armed = replaced;
}

}  // namespace warder::testing

void* operator new(std::size_t size) { return warder::testing::allocate(size); }
void* operator new[](std::size_t size) { return warder::testing::allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t /*size*/) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t /*size*/) noexcept { std::free(memory); }
