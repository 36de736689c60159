#pragma once

#include "firewall/netlink_firewall.h"
#include "firewall/netlink_message.h"
#include "firewall/scope.h"
#include "net/address.h"

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

// The table `inet warder`: which chains, sets and rules belong in it, how they are written, and
// what of it the kernel has. Pure: bytes in, bytes out. The layout is shown in README.md.
namespace warder::firewall {

constexpr std::string_view kTable = "warder";

// One set of the kernel: the banned prefixes of one length in one scope.
struct SetId {
  ScopeIndex scope = 0;
  net::Family family = net::Family::kIpv4;
  std::uint8_t length = 32;
  friend auto operator<=>(const SetId&, const SetId&) = default;
};

// What the table should be.
struct Ruleset {
  std::vector<Scope> scopes;
  // Made when a prefix of that length is first banned, so that a packet pays for no empty set.
  std::set<SetId> sets;
  NetlinkOptions options;

  std::string set_name(const SetId& set) const;
  // The set of this name and its place, if its scope is one of ours and the name is of our form.
  std::map<std::string, SetId> set_names() const;
};

// A rule: the chain it stands in, the text by which it is recognised (its comment; it says all that
// is in the rule, so that equal text means equal rule) and what it does.
struct Rule {
  enum class Kind : std::uint8_t { kFamily, kPorts, kBanned };
  Kind kind = Kind::kFamily;
  std::string chain;
  std::string comment;
  net::Family family = net::Family::kIpv4;
  std::string target;  // the chain to go to, or the set to look into
  std::uint8_t protocol = 0;
  bool any_port = true;
  PortRange ports;
  std::uint8_t length = 0;
};

// In the order in which they stand in their chains.
std::vector<Rule> rules_of(const Ruleset& ruleset);
std::set<std::string> chains_of(const Ruleset& ruleset);

// What the kernel has.
struct TableState {
  struct Chain {
    bool is_base = false;
    std::uint32_t hook = 0;
    std::int32_t priority = 0;
    std::uint32_t policy = 0;
  };
  struct Set {
    std::uint32_t flags = 0;
    std::uint32_t key_length = 0;
    std::uint32_t size = 0;
    bool counts = false;  // its elements have counters
  };
  bool exists = false;
  std::uint32_t flags = 0;
  std::map<std::string, Chain, std::less<>> chains;
  std::map<std::string, Set, std::less<>> sets;
  // Comments in the order of the rules, a chain.
  std::map<std::string, std::vector<std::string>, std::less<>> rules;

  // Takes in one message of a dump of tables, chains, sets or rules; those of other tables and such
  // as cannot be read are passed over.
  void take(const Message& message);
};

// Writes the messages that turn `state` into `ruleset`, without the batch round them; numbers them
// from `sequence` + 1 and leaves the last number in it. Nothing when all is right. Sets that are
// right stay with their elements.
void write_install(MessageWriter& out, const Ruleset& ruleset, const TableState& state,
                   std::uint32_t& sequence);

// Header of each nf_tables message. `resource` only for batch markers.
void write_generation_header(MessageWriter& out, std::uint16_t resource = 0);
std::uint16_t table_message(std::uint16_t kind);

}  // namespace warder::firewall
