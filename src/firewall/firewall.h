#pragma once

#include "firewall/scope.h"
#include "net/address.h"
#include "util/clock.h"
#include "util/result.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace warder::firewall {

// Place of a scope in the list last given to Firewall::ensure().
using ScopeIndex = std::uint16_t;

// The most scopes that ensure() takes. Each costs every packet one rule a port range.
constexpr std::size_t kMostScopes = 64;
// Two ends closer than this are the same end: the kernel counts in ticks, and a remaining time is
// read a moment after it was written.
constexpr std::chrono::milliseconds kSameEnd{1500};

// One wish of the owner.
struct Change {
  enum class Kind : std::uint8_t {
    kAdd = 1,     // banned at least until `end`: an element that ends later stays as it is
    kSet = 2,     // banned until exactly `end`, also when that shortens it
    kRemove = 3,  // not banned; an absent element is no error
  };
  Kind kind = Kind::kAdd;
  ScopeIndex scope = 0;
  net::Prefix prefix;
  // Empty: for ever. Absolute, so that a change may wait in a queue; turned into a remaining time
  // when it is applied. An end that is past makes kAdd do nothing and kSet remove. Ignored by
  // kRemove.
  std::optional<util::WallTime> end;

  friend bool operator==(const Change&, const Change&) = default;
};

// Why one change was not put into effect. The number goes over the helper's socket: append only.
enum class Reason : std::uint8_t {
  kNotBannable = 1,   // loopback, unspecified, multicast, link-local, reserved (or contains such)
  kOwnAddress = 2,    // an address of this host
  kGateway = 3,       // a default gateway
  kSshPeer = 4,       // where an administrator is logged in from at this moment
  kConfigured = 5,    // on the never-ban list of the configuration (vault, proxies, ...)
  kTooShort = 6,      // covers more addresses than min_prefix allows
  kUnknownScope = 7,  // no such place in the list given to ensure()
  kFull = 8,          // the set holds max_elements already
  kKernel = 9,        // the kernel refused this element; see `kernel_error`
  kTooManySets = 10,  // too many different prefix lengths are in use
};

struct Refusal {
  // Place in the span given to apply().
  std::uint32_t change = 0;
  Reason reason = Reason::kKernel;
  // The protected address or prefix that it met; for kTooShort unset.
  std::optional<net::Prefix> because;
  // errno, for kKernel.
  int kernel_error = 0;

  friend bool operator==(const Refusal&, const Refusal&) = default;
};

// One sentence for the operator: "192.0.2.0/24 is not banned: it contains 192.0.2.1, an address of
// this host".
std::string describe(const Refusal& refusal, const net::Prefix& prefix);

// What apply() did with the changes it was given. After folding changes of one address into the
// last wish, added + extended + unchanged + removed + refusals <= number of changes.
struct ApplyReport {
  std::uint32_t added = 0;
  std::uint32_t extended = 0;   // end changed, whether later (kAdd) or either way (kSet)
  std::uint32_t unchanged = 0;  // the kernel held it already, or the end was past
  std::uint32_t removed = 0;  // also those that a guarded firewall refused and found in the kernel
  std::vector<Refusal> refusals;
  // Of those unchanged: kAdd whose element ends later in the kernel. Nobody's wish unless it is
  // that of a line not judged again yet; kSet puts it right.
  std::uint32_t outlasting = 0;

  friend bool operator==(const ApplyReport&, const ApplyReport&) = default;
};

// Packets and bytes that the kernel dropped for an element.
struct Traffic {
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  bool counted = true;  // false: the kernel counts a rule's packets, but not those of each element
  friend bool operator==(const Traffic&, const Traffic&) = default;
};

// One ban as the kernel holds it.
struct Element {
  ScopeIndex scope = 0;
  net::Prefix prefix;
  std::optional<util::WallTime> end;  // empty: for ever
  Traffic traffic;

  friend bool operator==(const Element&, const Element&) = default;
};

// Returns whether to go on.
using Visit = std::function<bool(const Element&)>;

// Puts bans into effect. Implementations: NetlinkFirewall (the kernel, in this process, needs
// CAP_NET_ADMIN), GuardedFirewall (never-ban list round another), HelperClient (over the helper's
// socket), RecordingFirewall (memory, for tests), NoneFirewall (dry run).
//
// The rule for an owner:
//   1. Call ensure() with the scopes of all jails, then apply() with all bans that should be
//      running, then remove_strays() (firewall/strays.h). Do so again whenever the scopes change.
//   2. Give every ban and unban to apply().
//   3. Poll watch_descriptor() for input and then call take_outside_change(). Whenever that says
//      true, or ensure(), apply() or remove_strays() return an Error (not a Refusal), the kernel's
//      state is not known to be right: show "detect only", and do step 1 again once
//      take_outside_change() says true. A change that came back with an Error may or may not be in
//      effect; repeating it is harmless.
//
// Nothing is taken out of the kernel when the object or the process ends: bans outlive the agent
// until they end by themselves. remove_all() is for uninstalling.
//
// One thread at a time. No call waits longer than the implementation's stated limit.
class Firewall {
 public:
  virtual ~Firewall() = default;

  // Makes the table, chains and rules for these scopes, and keeps the elements of those that are
  // there already; scopes that are not in the list go, with their bans. Changes nothing where all
  // is right. One transaction: at no moment is a kept ban out of effect. kDenied (no
  // CAP_NET_ADMIN), kInvalid (too many scopes, one given twice), kUnavailable (kernel without
  // nf_tables; helper away), kTimeout.
  virtual util::Status ensure(std::span<const Scope> scopes) = 0;

  // Several changes of one (scope, prefix) take effect as if made one after the other. Split into
  // transactions; one bad element does not keep the others out. kConflict when the table is gone or
  // ensure() has not been called (since the helper was away); kUnavailable, kTimeout, kDenied.
  virtual util::Result<ApplyReport> apply(std::span<const Change> changes) = 0;

  // Every element of all scopes, in no order, streamed in constant memory, until `visit` returns
  // false. An element that is added or removed meanwhile may be seen or not. `visit` must not call
  // this object. The kernel walks a set from its beginning for each 32 KiB that it hands out: the
  // time grows with the square of the set's size (50,000: half a second; 1,000,000: minutes).
  virtual util::Status list(const Visit& visit) = 0;

  // What was dropped for exactly this prefix, over all scopes. kNotFound when no scope holds it.
  virtual util::Result<Traffic> traffic(const net::Prefix& prefix) = 0;

  // Takes the table away with all bans. No error when there is none.
  virtual util::Status remove_all() = 0;

  // Becomes readable when take_outside_change() has something to do; the same for the life of the
  // object. -1 when the implementation never notices anything.
  virtual int watch_descriptor() const = 0;

  // Reads what is pending without blocking. True when another program changed our table (or may
  // have: notifications were lost), or when the helper is back after it was away. An Error when the
  // helper went away, or still is; it is tried again, and the descriptor becomes readable then.
  virtual util::Result<bool> take_outside_change() = 0;
};

}  // namespace warder::firewall
