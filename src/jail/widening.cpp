#include "jail/widening.h"

namespace warder::jail {
namespace {

constexpr unsigned kMostBits = 8;

bool bit(const net::IpAddress& address, unsigned index) {
  return (address.bytes()[index / 8] >> (7 - index % 8) & 1U) != 0;
}

// The child with number `child` of a prefix.
net::Prefix child_prefix(const net::Prefix& prefix, const Step& step, unsigned child) {
  std::array<std::uint8_t, 16> bytes = prefix.address().bytes();
  for (unsigned index = step.length; index < step.child_length; ++index) {
    const unsigned value = child >> (step.child_length - 1U - index) & 1U;
    bytes[index / 8] = static_cast<std::uint8_t>(bytes[index / 8] | value << (7 - index % 8));
  }
  if (prefix.family() == net::Family::kIpv6) {
    return {net::IpAddress::v6(bytes), step.child_length};
  }
  return {net::IpAddress::v4(static_cast<std::uint32_t>(bytes[0]) << 24U |
                             static_cast<std::uint32_t>(bytes[1]) << 16U |
                             static_cast<std::uint32_t>(bytes[2]) << 8U | bytes[3]),
          step.child_length};
}

}  // namespace

std::vector<Step> steps_of(unsigned base_length, const std::vector<WideningStep>& widen) {
  std::vector<Step> steps;
  auto child_length = static_cast<std::uint8_t>(base_length);
  for (const WideningStep& step : widen) {
    steps.push_back({step.length, child_length, step.children});
    child_length = step.length;
  }
  return steps;
}

std::uint8_t child_of(const HashKey& key, const net::IpAddress& address, const Step& step) {
  if (step.child_length - step.length > static_cast<int>(kMostBits)) {
    return static_cast<std::uint8_t>(hash_prefix(key, net::Prefix(address, step.child_length)));
  }
  unsigned child = 0;
  for (unsigned index = step.length; index < step.child_length; ++index) {
    child = child << 1U | (bit(address, index) ? 1U : 0U);
  }
  return static_cast<std::uint8_t>(child);
}

std::uint32_t banned_children(const BanTable& bans, JailIndex jail, const net::Prefix& prefix,
                              const Step& step, std::uint32_t enough, util::WallTime now) {
  const unsigned bits = step.child_length - step.length;
  std::uint32_t count = 0;
  if (bits > kMostBits || bans.siblings_at_most(jail, child_prefix(prefix, step, 0)) < enough) {
    return count;
  }
  for (unsigned child = 0; child < 1U << bits && count < enough; ++child) {
    const auto ban = bans.find(jail, child_prefix(prefix, step, child));
    count += ban && (!ban->end || *ban->end > now) ? 1 : 0;
  }
  return count;
}

}  // namespace warder::jail
