#pragma once

#include "net/address.h"

#include <compare>
#include <cstdint>
#include <cstring>
#include <endian.h>

namespace warder::net {

// An address as a number of 128 bits, so that comparing and masking are a step or two. The 32 bits
// of an IPv4 address are the highest; addresses of one family are in the order of their numbers.
struct AddressNumber {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  friend auto operator<=>(const AddressNumber&, const AddressNumber&) = default;
};

inline AddressNumber number_of(const IpAddress& address) {
  AddressNumber number;
  std::memcpy(&number.high, address.bytes().data(), sizeof number.high);
  std::memcpy(&number.low, address.bytes().data() + sizeof number.high, sizeof number.low);
  return {be64toh(number.high), be64toh(number.low)};
}

}  // namespace warder::net
