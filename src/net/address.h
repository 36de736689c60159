#pragma once

#include "util/result.h"

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace warder::net {

enum class Family : std::uint8_t { kIpv4 = 4, kIpv6 = 6 };

// One IPv4 or IPv6 address, a plain value. An IPv4-mapped IPv6 address (::ffff:192.0.2.1) is always
// held as the IPv4 address it means, so that one peer has one spelling. No zone: an address with
// "%eth0" is refused.
class IpAddress {
 public:
  // 0.0.0.0
  IpAddress() = default;
  static IpAddress v4(std::uint32_t host_order);
  static IpAddress v6(const std::array<std::uint8_t, 16>& bytes);
  // Four or sixteen bytes in network order, as stored in the database. kInvalid for another length.
  static util::Result<IpAddress> from_bytes(std::string_view bytes);

  // Strict: dotted quad of four decimal numbers without leading zeros, or RFC 4291 text. Octal,
  // hex, short forms, ports, brackets and blanks are refused (kInvalid). Never allocates on
  // success.
  static std::optional<IpAddress> parse(std::string_view text);

  Family family() const { return family_; }
  bool is_v4() const { return family_ == Family::kIpv4; }
  bool is_v6() const { return family_ == Family::kIpv6; }
  // 32 or 128.
  unsigned bits() const { return is_v4() ? 32 : 128; }
  // Network order; 4 or 16 bytes are meaningful, see size().
  const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
  std::size_t size() const { return is_v4() ? 4 : 16; }
  std::string_view byte_view() const {
    return {reinterpret_cast<const char*>(bytes_.data()), size()};
  }
  // Canonical text (RFC 5952).
  std::string to_string() const;

  // The address with all but its first `length` bits cleared.
  IpAddress masked(unsigned length) const;

  bool is_loopback() const;
  bool is_unspecified() const;
  bool is_multicast() const;
  bool is_link_local() const;
  // RFC 1918, RFC 6598 (shared, 100.64/10), RFC 4193 (fc00::/7).
  bool is_private() const;
  // May a ban of this address make sense? Not for unspecified, loopback, multicast, link-local,
  // broadcast and reserved (240/4) addresses. Private ones are bannable: a LAN may attack.
  bool is_bannable() const;

  friend bool operator==(const IpAddress&, const IpAddress&) = default;
  friend auto operator<=>(const IpAddress& a, const IpAddress& b) = default;

 private:
  Family family_ = Family::kIpv4;
  std::array<std::uint8_t, 16> bytes_{};
};

// An address with a length: all addresses that share its first `length` bits. The bits behind are
// zero. A single address is a prefix of full length.
class Prefix {
 public:
  Prefix() = default;
  // Masks `address`. `length` must be at most address.bits().
  Prefix(const IpAddress& address, unsigned length);
  explicit Prefix(const IpAddress& address) : Prefix(address, address.bits()) {}

  // "192.0.2.0/24", "2001:db8::/32" or a bare address. Bits set behind the length are refused
  // (kInvalid), since the writer meant something else.
  static util::Result<Prefix> parse(std::string_view text);

  const IpAddress& address() const { return address_; }
  unsigned length() const { return length_; }
  Family family() const { return address_.family(); }
  bool is_single() const { return length_ == address_.bits(); }
  bool contains(const IpAddress& address) const;
  bool contains(const Prefix& other) const;
  // "192.0.2.1" for a single address, otherwise "2001:db8::/64".
  std::string to_string() const;

  friend bool operator==(const Prefix&, const Prefix&) = default;
  friend auto operator<=>(const Prefix& a, const Prefix& b) = default;

 private:
  IpAddress address_;
  std::uint8_t length_ = 32;
};

}  // namespace warder::net

// For std containers of trusted content. Tables that an attacker can fill use a keyed hash.
template <>
struct std::hash<warder::net::Prefix> {
  std::size_t operator()(const warder::net::Prefix& prefix) const noexcept;
};
template <>
struct std::hash<warder::net::IpAddress> {
  std::size_t operator()(const warder::net::IpAddress& address) const noexcept;
};
