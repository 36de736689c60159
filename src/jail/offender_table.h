#pragma once

#include "jail/ban_table.h"
#include "jail/keyed_hash.h"
#include "net/address.h"
#include "util/clock.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

namespace warder::jail {

// How often each jail has banned a prefix before, for bantime.increment.
//
// One for the agent, owned by the engine, used by the pipeline thread only. 16 bytes an entry,
// bounded: when full, a new entry replaces the one of its neighbourhood with the lowest count, the
// oldest of those. An offender who is forgotten so gets the plain ban time again; evicted() tells.
class OffenderTable {
 public:
  explicit OffenderTable(const HashKey& key, std::size_t capacity = 250'000);
  ~OffenderTable();
  OffenderTable(OffenderTable&&) noexcept;
  OffenderTable& operator=(OffenderTable&&) noexcept;

  struct History {
    std::uint32_t count = 0;  // up to 65,535
    util::WallTime last{};    // start of the last ban, whole seconds
    friend bool operator==(const History&, const History&) = default;
  };

  // From the store, at start and after a reload. Overwrites.
  void set_history(JailIndex jail, const net::Prefix& address, const History& history);
  // One more ban.
  void add(JailIndex jail, const net::Prefix& address, util::WallTime start);
  // The operator wants it forgotten.
  void forget(JailIndex jail, const net::Prefix& address);

  std::optional<History> find(JailIndex jail, const net::Prefix& address) const;
  // Sum of the counts of all jails, latest time.
  std::optional<History> find_overall(const net::Prefix& address) const;

  std::size_t size() const;
  std::size_t capacity() const;
  std::uint64_t evicted() const;
  std::size_t memory() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace warder::jail
