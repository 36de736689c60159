#pragma once

#include "firewall/firewall.h"
#include "firewall/netlink_message.h"

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string_view>

// Elements of a set as nf_tables reads and writes them (linux/netfilter/nf_tables.h). Pure.
namespace warder::firewall {

// What is left of a ban; empty: for ever.
using Remaining = std::optional<std::chrono::milliseconds>;

struct SetElement {
  net::IpAddress key;  // masked to the length of its set
  Remaining remaining;
  // Written when not zero, so that a ban that is made longer keeps its count.
  Traffic traffic;
};

enum class ElementRequest : std::uint8_t {
  kAdd,     // fails with EEXIST when it is there
  kRemove,  // fails with ENOENT when it is not there
  kGet,     // likewise
};

// The most elements in one message: an attribute holds 64 KiB.
constexpr std::size_t kMostElementsAMessage = 800;

// Writes one message with these elements.
void write_elements(MessageWriter& out, ElementRequest request, std::uint16_t extra_flags,
                    std::uint32_t sequence, std::string_view set,
                    std::span<const SetElement> elements);
// A request to list the set.
void write_list_request(MessageWriter& out, std::uint32_t sequence, std::string_view set);

// Calls `visit` for each element in a message of the kernel until it returns false; elements whose
// key does not have the length of an address of `family`, and such as cannot be read, are passed
// over. False when `visit` did.
bool read_elements(const Message& message, net::Family family,
                   const std::function<bool(const SetElement&)>& visit);

}  // namespace warder::firewall
