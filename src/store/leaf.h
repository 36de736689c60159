#pragma once

#include "model/event.h"
#include "net/address.h"
#include "util/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace warder::store {

// An address or prefix as stored: the 4 or 16 bytes of the address, and for a prefix shorter than
// the address one more byte, its length.
std::string encode_address(const net::Prefix& address);
util::Result<net::Prefix> decode_address(std::string_view bytes);

// The entry whose hash is the Merkle leaf of an event. Integers are big-endian:
//
//   bytes  what
//   1      version of this encoding: 2 for an event that has come from a line, else 1
//   8      sequence
//   16     event id
//   8      time, microseconds since 1970-01-01T00:00:00Z, two's complement
//   1      kind
//   1      severity
//   2 + n  length of the jail's name, the name; length 0 without a jail
//   1      bytes of the address: 0 (none, nothing follows), 4 or 16
//   n + 1  the address, its prefix length
//   4 + n  length of the message, the message
//   4 + n  length of the detail, the detail
//   and in version 2 only
//   2 + n  length of the log's name, the name
//   8      offset of the line
//   4      number of the pattern
//   4      attempts
//   2 + n  length of the user, the user
//
// Writes over `entry`, whose memory is used again from event to event.
void encode_leaf(std::uint64_t sequence, const model::Event& event, std::string* entry);

// Bytes of the leaf hash that are kept in the row: not for proof (the root is that), but to name
// the row that was changed.
inline constexpr std::size_t kLeafCheckBytes = 8;

}  // namespace warder::store
