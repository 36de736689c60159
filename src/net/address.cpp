#include "net/address.h"

#include "net/address_number.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <arpa/inet.h>
#include <cassert>
#include <charconv>
#include <cstring>

namespace warder::net {
namespace {

constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

bool in_v4(const IpAddress& address, std::uint32_t network, unsigned length) {
  return address.is_v4() && address.masked(length) == IpAddress::v4(network);
}

// A number whose first `count` bits are set; all from 64 on.
std::uint64_t leading_ones(unsigned count) {
  return count == 0 ? 0 : ~std::uint64_t{0} << (64U - std::min(64U, count));
}

bool parse_v4(std::string_view text, std::uint32_t* value) {
  std::uint32_t result = 0;
  for (int part = 0; part < 4; ++part) {
    if (part > 0) {
      if (text.empty() || text.front() != '.') {
        return false;
      }
      text.remove_prefix(1);
    }
    std::size_t digits = 0;
    std::uint32_t number = 0;
    while (digits < text.size() && digits < 4 && text[digits] >= '0' && text[digits] <= '9') {
      number = number * 10 + static_cast<std::uint32_t>(text[digits] - '0');
      ++digits;
    }
    if (digits == 0 || digits > 3 || number > 255 || (digits > 1 && text[0] == '0')) {
      return false;
    }
    result = (result << 8U) | number;
    text.remove_prefix(digits);
  }
  *value = result;
  return text.empty();
}

}  // namespace

IpAddress IpAddress::v4(std::uint32_t host_order) {
  IpAddress address;
  for (unsigned i = 0; i < 4; ++i) {
    address.bytes_[i] = static_cast<std::uint8_t>(host_order >> (24 - 8 * i));
  }
  return address;
}

IpAddress IpAddress::v6(const std::array<std::uint8_t, 16>& bytes) {
  IpAddress address;
  if (std::equal(kMapped.begin(), kMapped.end(), bytes.begin())) {
    std::copy(bytes.begin() + 12, bytes.end(), address.bytes_.begin());
    return address;
  }
  address.family_ = Family::kIpv6;
  address.bytes_ = bytes;
  return address;
}

util::Result<IpAddress> IpAddress::from_bytes(std::string_view bytes) {
  std::array<std::uint8_t, 16> raw{};
  if (bytes.size() != 4 && bytes.size() != 16) {
    return util::Error(util::ErrorCode::kInvalid,
                       fmt::format("an address of {} bytes", bytes.size()));
  }
  std::memcpy(raw.data(), bytes.data(), bytes.size());
  if (bytes.size() == 16) {
    return v6(raw);
  }
  IpAddress address;
  address.bytes_ = raw;
  return address;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.find(':') == std::string_view::npos) {
    std::uint32_t value = 0;
    if (!parse_v4(text, &value)) {
      return std::nullopt;
    }
    return v4(value);
  }
  // inet_pton is strict for IPv6: no zone, no brackets, no leading or trailing text.
  char buffer[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof buffer || text.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  std::memcpy(buffer, text.data(), text.size());
  buffer[text.size()] = '\0';
  std::array<std::uint8_t, 16> bytes{};
  if (inet_pton(AF_INET6, buffer, bytes.data()) != 1) {
    return std::nullopt;
  }
  return v6(bytes);
}

std::string IpAddress::to_string() const {
  char buffer[INET6_ADDRSTRLEN];
  inet_ntop(is_v4() ? AF_INET : AF_INET6, bytes_.data(), buffer, sizeof buffer);
  return buffer;
}

IpAddress IpAddress::masked(unsigned length) const {
  assert(length <= bits());
  if (length == bits()) {
    return *this;
  }
  IpAddress result = *this;
  for (unsigned i = 0; i < size(); ++i) {
    const unsigned kept = length > i * 8 ? std::min(8U, length - i * 8) : 0;
    result.bytes_[i] = static_cast<std::uint8_t>(result.bytes_[i] & (0xFF00U >> kept));
  }
  return result;
}

bool IpAddress::is_loopback() const {
  if (is_v4()) {
    return bytes_[0] == 127;
  }
  return bytes_[15] == 1 &&
         std::all_of(bytes_.begin(), bytes_.end() - 1, [](std::uint8_t b) { return b == 0; });
}

bool IpAddress::is_unspecified() const {
  return std::all_of(bytes_.begin(), bytes_.end(), [](std::uint8_t b) { return b == 0; });
}

bool IpAddress::is_multicast() const {
  return is_v4() ? (bytes_[0] & 0xF0U) == 0xE0 : bytes_[0] == 0xFF;
}

bool IpAddress::is_link_local() const {
  return in_v4(*this, 0xA9FE0000, 16) ||
         (is_v6() && bytes_[0] == 0xFE && (bytes_[1] & 0xC0U) == 0x80);
}

bool IpAddress::is_private() const {
  return in_v4(*this, 0x0A000000, 8) || in_v4(*this, 0xAC100000, 12) ||
         in_v4(*this, 0xC0A80000, 16) || in_v4(*this, 0x64400000, 10) ||
         (is_v6() && (bytes_[0] & 0xFEU) == 0xFC);
}

bool IpAddress::is_bannable() const {
  if (is_loopback() || is_unspecified() || is_multicast() || is_link_local()) {
    return false;
  }
  // 0/8 is "this network" (RFC 1122), 240/4 reserved with the broadcast address in it.
  return !(is_v4() && (bytes_[0] == 0 || bytes_[0] >= 240));
}

Prefix::Prefix(const IpAddress& address, unsigned length)
    : address_(address.masked(length)), length_(static_cast<std::uint8_t>(length)) {}

util::Result<Prefix> Prefix::parse(std::string_view text) {
  const auto refuse = [&](std::string_view why) {
    return util::Error(util::ErrorCode::kInvalid, fmt::format("'{}' is no address or prefix: {}",
                                                              util::printable(text, 64), why));
  };
  const std::size_t slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) {
    return refuse("write for instance 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32");
  }
  if (slash == std::string_view::npos) {
    return Prefix(*address);
  }
  const std::string_view digits = text.substr(slash + 1);
  unsigned length = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (error != std::errc{} || end != digits.data() + digits.size() || length > address->bits()) {
    return refuse(fmt::format("the length must be a number from 0 to {}", address->bits()));
  }
  const Prefix prefix(*address, length);
  if (prefix.address() != *address) {
    return refuse(
        fmt::format("bits are set behind the length; did you mean {}?", prefix.to_string()));
  }
  return prefix;
}

bool Prefix::contains(const IpAddress& address) const {
  if (address.family() != family()) {
    return false;
  }
  // Bytes behind an IPv4 address are zero in both.
  const AddressNumber own = number_of(address_);
  const AddressNumber other = number_of(address);
  return ((own.high ^ other.high) & leading_ones(length_)) == 0 &&
         (length_ <= 64 || ((own.low ^ other.low) & leading_ones(length_ - 64U)) == 0);
}

bool Prefix::contains(const Prefix& other) const {
  return other.length_ >= length_ && contains(other.address_);
}

std::string Prefix::to_string() const {
  if (is_single()) {
    return address_.to_string();
  }
  return fmt::format("{}/{}", address_.to_string(), length_);
}

}  // namespace warder::net

std::size_t std::hash<warder::net::IpAddress>::operator()(
    const warder::net::IpAddress& address) const noexcept {
  return std::hash<std::string_view>{}(address.byte_view());
}

std::size_t std::hash<warder::net::Prefix>::operator()(
    const warder::net::Prefix& prefix) const noexcept {
  return std::hash<warder::net::IpAddress>{}(prefix.address()) * 131 + prefix.length();
}
