#pragma once

#include "jail/expected.h"
#include "model/event.h"
#include "net/address.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace warder::jail {

// How the findings of one source are judged against maxretry and findtime.
enum class Counting : std::uint8_t {
  // Exact sliding window: maxretry attempts no further apart than findtime.
  kWindow,
  // fail2ban's estimate of a rate (fail2ban-compat section 15), to the number.
  kCompat,
};

// One step of widening: when `children` distinct prefixes of the next smaller step below a prefix
// of `length` bits offend, the prefix itself is banned. See README.md, "Wider bans".
struct WideningStep {
  std::uint8_t length = 0;
  std::uint16_t children = 0;  // 2 to 256
  friend bool operator==(const WideningStep&, const WideningStep&) = default;
};

// bantime.increment and its family, as written in the configuration.
struct IncrementOptions {
  bool enabled = false;
  std::string factor = "1";  // expression
  std::vector<double> multipliers;
  // Used when there are no multipliers.
  std::string formula = "ban.Time * (1<<(ban.Count if ban.Count<20 else 20)) * banFactor";
  std::optional<std::chrono::microseconds> maxtime;
  std::chrono::microseconds rndtime{0};
  bool overalljails = false;  // count the bans of all jails
  friend bool operator==(const IncrementOptions&, const IncrementOptions&) = default;
};

// What comes of a source, or of whatever else `key` names, that reaches the limit.
enum class Outcome : std::uint8_t {
  kBan,     // an address is kept out
  kAlert,   // people are told; nobody is kept out
  kReread,  // the vault's documents are read again at once: its audit log shows that they changed
};

constexpr std::string_view to_string(Outcome outcome) {
  constexpr std::string_view kNames[] = {"ban", "alert", "reread"};
  return kNames[static_cast<std::size_t>(outcome)];
}

// Words of `key` and `distinct` beside the names of a filter's fields.
inline constexpr std::string_view kKeyAddress = "address";
inline constexpr std::string_view kKeyUser = "user";
// Of `distinct` alone: the hour of the finding's time, in UTC ("03").
inline constexpr std::string_view kKeyHour = "hour";

// One jail as configured; fail2ban's names where fail2ban has the option (fail2ban-compat section
// 6). A plain value. keys.h reads it from text; Jail::create() refuses what is outside of the
// bounds given here.
// What becomes of a finding that names no address (`usedns`). Not used by the decision.
enum class UseNames : std::uint8_t {
  kNo,      // a line with a host name in place of an address does not match
  kLookUp,  // yes, warn: the name is looked up, each of its addresses counts
  kRaw,     // any text matches; nobody is banned for it, and it is told
};

struct JailOptions {
  std::string name;
  bool enabled = false;

  // What is watched. Not used by the decision; the engine wires it.
  std::string filter;
  std::vector<std::string> logpath;  // globs
  std::vector<std::string> journalmatch;
  std::string backend = "auto";

  // How its lines are read, for the filter.
  std::vector<std::string> datepattern;  // lines; none is the filter's own
  std::string logtimezone;               // empty is the system's
  std::string logencoding = "auto";

  // What a ban closes: ports ("80", "1000:2000", "https"), empty means all; protocol "tcp", "udp",
  // "all". "drop" is the only blocktype.
  std::vector<std::string> port;
  std::string protocol = "tcp";
  std::string blocktype = "drop";

  // 1 to 10,000; to 1,000,000 where fail2ban's counting bans and nothing is widened.
  std::uint32_t maxretry = 5;
  // 1 s to 1 year.
  std::chrono::microseconds findtime{std::chrono::minutes(10)};
  // 1 s to 50 years; empty (written -1) is permanent.
  std::optional<std::chrono::microseconds> bantime{std::chrono::minutes(10)};
  Counting counting = Counting::kWindow;
  IncrementOptions increment;

  // Never banned. Own addresses come from the engine, used when ignoreself.
  std::vector<net::Prefix> ignoreip;
  bool ignoreself = true;
  // A program that says whether an address is to be ignored: its path and arguments; empty: none.
  std::vector<std::string> ignorecommand;
  std::uint32_t ignorecache_count = 100;  // answers kept, 1 to 100,000
  std::chrono::microseconds ignorecache_time{std::chrono::minutes(5)};
  UseNames names = UseNames::kNo;

  Outcome outcome = Outcome::kBan;
  // Of jails that do not ban. Which fields of a finding say what is counted; the first that is not
  // empty does.
  std::vector<std::string> key = {std::string(kKeyAddress)};
  std::string distinct;  // count different values of this field; empty: findings
  // Set: not how many values of `distinct` counts, but each that its key did not have within
  // findtime, once the key has been known for so long; 0 s to findtime. maxretry means nothing.
  std::optional<std::chrono::microseconds> learn = {};
  // Name of the filter's rule whose finding alerts, if the others have reached maxretry before.
  std::string trigger;
  std::optional<std::uint32_t> trigger_pattern;  // the same by number; set by who knows the filter
  // How long a key is not told again after an alert; 0 s to 1 year.
  std::chrono::microseconds quiet{std::chrono::hours(1)};
  model::Severity severity = model::Severity::kHigh;  // of the alert
  Outside outside = Outside::kNone;
  std::vector<std::string> paths;     // as Expected reads them
  std::vector<std::string> networks;  // likewise
  // An alert when its logs bring no line for so long; none when zero. Up to 1 year.
  std::chrono::microseconds silence{0};

  // Decide, record, but ban nothing.
  bool observe = false;
  // Names of destinations that are told; empty means all.
  std::vector<std::string> destinations;

  // IPv6 sources are counted and banned by prefixes of this length, 48 to 128.
  std::uint8_t ipv6_prefix = 64;
  // Each shorter than the one before (the first than ipv6_prefix or 32), IPv6 not below 32, IPv4
  // not below 16; empty means never wider.
  std::vector<WideningStep> ipv6_widen = {{56, 8}, {48, 8}};
  std::vector<WideningStep> ipv4_widen = {{24, 16}};
  // At most so many wider bans of this jail at one time: the cost cap.
  std::uint32_t widen_limit = 64;  // 0 to 100,000

  // At most so many sources are counted at one time, fewer with a maxretry over 5: what is fixed is
  // the memory, 32 bytes each and up to a half more.
  std::uint32_t sources = 200'000;  // 100 to 10,000,000

  friend bool operator==(const JailOptions&, const JailOptions&) = default;
};

}  // namespace warder::jail
