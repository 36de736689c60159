#pragma once

#include "engine/jail_set.h"
#include "engine/seen_events.h"
#include "jail/ban_table.h"
#include "jail/jail.h"
#include "jail/offender_table.h"
#include "util/clock.h"
#include "util/result.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace warder::engine {

// The jails of a jail set at work, with the bans and offenders that they share. Knows neither lines
// nor the kernel nor the store. Pipeline thread only.
class Jails {
 public:
  explicit Jails(const jail::HashKey& key) : key_(key), bans_(key), offenders_(key) {}
  Jails(const Jails&) = delete;  // jails point to the tables
  Jails& operator=(const Jails&) = delete;

  struct Slot {
    std::string name;
    std::optional<jail::Jail> jail;  // none: the place is kept for a jail that may come back
    std::shared_ptr<const filter::Filter> filter;
    filter::LineOptions lines;
    firewall::Scope scope;
    SeenEvents seen;  // what its lines told, where they may tell it again
    // Of a jail that wants to know of silence: when a line was last read, and whether that it is
    // silent was told since.
    util::MonotonicTime last_line{};
    bool silence_told = false;
  };

  // Jails that were there keep their counts; a name keeps its place (its JailIndex) for the life of
  // the process, since bans are held by index. Bans of jails that are gone stay in the table until
  // the caller takes them out. kInvalid leaves everything as it was.
  util::Status use(std::shared_ptr<const JailSet> set);
  // The places that the jails of `set` have, or get when it is used, in its order.
  std::vector<jail::JailIndex> places_of(const JailSet& set) const;
  // Forgets what is counted and banned.
  util::Status begin_anew();
  void set_own_addresses(std::vector<net::Prefix> addresses);
  // Whom no jail may ban, as it is now.
  jail::HostAddresses host_addresses() const {
    return {own_addresses_, set_->matcher.trusted_proxies, set_->never_ban};
  }
  // The wall clock was set.
  void clock_stepped(std::chrono::microseconds by);

  const JailSet& set() const { return *set_; }
  std::vector<Slot>& slots() { return slots_; }
  const std::vector<Slot>& slots() const { return slots_; }
  std::string_view name_of(jail::JailIndex index) const { return slots_[index].name; }
  std::vector<const jail::Jail*> running() const;
  // Null when no running jail has the name.
  jail::Jail* find(std::string_view name);
  // Does a ban time depend on how often an address was banned before?
  bool count_offenders() const { return count_offenders_; }
  static bool counts_offenders(const JailSet& set);
  void forget_offenders() { offenders_ = jail::OffenderTable(key_); }

  jail::BanTable& bans() { return bans_; }
  const jail::BanTable& bans() const { return bans_; }
  jail::OffenderTable& offenders() { return offenders_; }

 private:
  util::Result<jail::Jail> make(const jail::JailOptions& options, std::size_t index,
                                bool count_over_all);

  jail::HashKey key_;
  jail::BanTable bans_;
  jail::OffenderTable offenders_;
  std::shared_ptr<const JailSet> set_ = std::make_shared<const JailSet>();
  std::vector<Slot> slots_;
  bool count_offenders_ = false;
  bool count_over_all_ = false;  // one jail's ban time depends on the bans of all
  std::vector<net::Prefix> own_addresses_;
};

}  // namespace warder::engine
