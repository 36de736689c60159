#pragma once

#include "jail/keyed_hash.h"
#include "net/address.h"
#include "util/clock.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace warder::jail {

// Number of a jail for the life of the process; the engine gives it out and keeps it over a reload.
using JailIndex = std::uint16_t;

// An active ban as the table knows it. Start, count and reason are in the store.
struct ActiveBan {
  JailIndex jail = 0;
  net::Prefix address;
  // Whole seconds (rounded up), at most kLatestEnd; never ends when empty.
  std::optional<util::WallTime> end;
  bool observed = false;  // made in observe mode: the kernel does not hold it
  bool wide = false;      // made by widening
  friend bool operator==(const ActiveBan&, const ActiveBan&) = default;
};

// The last end that can be told from "never": 2106-02-07T06:28:14Z (32 bits of seconds).
constexpr util::WallTime kLatestEnd{std::chrono::seconds{0xFFFF'FFFE}};

// Every ban in effect, of all jails: what is banned until when, and what ends now.
//
// One for the agent, owned by the engine, used by the pipeline thread only. A ban of an IPv4
// address takes a slot of 9 bytes that holds all of it (10 for prefixes and jails from the 64th
// on), so no look-up elsewhere; one of an IPv6 prefix of up to 64 bits takes 14, of a longer
// one 22. The table grows in five hundred small pieces: there is no doubling spike, and no call
// waits for the whole of it to move. It shrinks when bans end. See README.md, "Memory".
//
// Bans of one prefix by several jails are independent entries: holders().
class BanTable {
 public:
  // `capacity` bans at most; then add() says kFull. So it does when jails, lengths and modes make
  // more than 65,535 combinations, which takes thousands of jails.
  explicit BanTable(const HashKey& key, std::size_t capacity = 2'000'000);
  ~BanTable();
  BanTable(BanTable&&) noexcept;
  BanTable& operator=(BanTable&&) noexcept;

  enum class Added : std::uint8_t { kNew, kExtended, kUnchanged, kFull };
  // A later end wins, an enforced ban replaces an observed one.
  Added add(const ActiveBan& ban);
  // So many bans will be added, at start: makes room for them at once. They need not come.
  void reserve(std::size_t ipv4, std::size_t ipv6);
  // Lifts one jail's ban of exactly this prefix. Empty when there was none.
  std::optional<ActiveBan> remove(JailIndex jail, const net::Prefix& address);
  // Lifts all bans of a jail that is gone, `visit`ing each.
  void remove_jail(JailIndex jail, const std::function<void(const ActiveBan&)>& visit);

  // The ban of exactly this prefix by this jail.
  std::optional<ActiveBan> find(JailIndex jail, const net::Prefix& address) const;
  // The widest ban by this jail that covers the prefix, itself or one around it, and has not ended
  // at `now`.
  std::optional<ActiveBan> covering(JailIndex jail, const net::Prefix& address,
                                    util::WallTime now) const;
  // All bans, of any jail, that cover the prefix, the widest first (for `explain`).
  std::vector<ActiveBan> all_covering(const net::Prefix& address) const;
  // The bans of exactly this prefix, of any jail.
  std::vector<ActiveBan> holders(const net::Prefix& address) const;

  // No fewer than the bans by this jail that have the prefix's length and share all of its bits but
  // the last eight: cheap, seldom too much. Tells whether counting siblings one by one is worth it.
  std::size_t siblings_at_most(JailIndex jail, const net::Prefix& address) const;

  // Removes bans whose end is at or before `now` and hands each over; returns how many. Looks only
  // into those pieces of the table in which something has ended, and stops behind the piece (some
  // 4,000 bans at most) in which `limit` was reached. The visitor may use the table's const
  // functions; the ban visited is gone by then.
  std::size_t expire(util::WallTime now, std::size_t limit,
                     const std::function<void(const ActiveBan&)>& visit);

  // In no order. The visitor must not change the table. By pieces (numbered from 0 to pieces(),
  // some 4,000 bans at most in each) for who wants to pause in between; a ban never changes its
  // piece.
  std::size_t pieces() const;
  void for_each_in(std::size_t piece, const std::function<void(const ActiveBan&)>& visit) const;
  void for_each(const std::function<void(const ActiveBan&)>& visit) const;

  // The wall clock was set by `by` (forward is positive): every end moves with it, so that a
  // running ban keeps its remaining time, as the kernel's relative timeouts do. A clock that is
  // behind the newest stored event at start was set back, too: after the stored bans are added, say
  // so with (now - that event's time), and they do not last longer than the agent was away.
  void clock_stepped(std::chrono::microseconds by);

  std::size_t size() const;
  std::size_t size(JailIndex jail) const;
  std::size_t wide(JailIndex jail) const;
  std::size_t capacity() const;
  // Bytes allocated.
  std::size_t memory() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace warder::jail
