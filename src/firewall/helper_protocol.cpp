#include "firewall/helper_protocol.h"

#include <algorithm>
#include <array>
#include <concepts>
#include <cstring>
#include <endian.h>

namespace warder::firewall::wire {
namespace {

constexpr std::size_t kRangesARecord = 7;
constexpr std::size_t kSummaryText = kHeader + 64;
constexpr std::size_t kRefusals = kSummaryText + kLongestText;
// The longest ban that is not for ever: a century. Larger numbers are no time.
constexpr std::uint64_t kMostLeft = 36525ULL * 24 * 3600 * 1000;

// Little endian at a fixed place.
template <std::unsigned_integral T>
void put(Datagram& datagram, std::size_t at, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    datagram[at + i] = static_cast<std::uint8_t>(static_cast<std::uint64_t>(value) >> (8 * i));
  }
}

template <std::unsigned_integral T>
T get(util::ByteView bytes, std::size_t at) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value |= static_cast<std::uint64_t>(bytes[at + i]) << (8 * i);
  }
  return static_cast<T>(value);
}

// The first four bytes, in network order.
std::uint32_t be32(const std::array<std::uint8_t, 16>& bytes) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes.data(), sizeof value);
  return be32toh(value);
}

bool are_zero(util::ByteView bytes, std::size_t at, std::size_t count) {
  // Without an end in the middle it is a few instructions for many bytes.
  unsigned any = 0;
  for (const std::uint8_t byte : bytes.subspan(at, count)) {
    any |= byte;
  }
  return any == 0;
}

// Family, length and 16 bytes of address, at three places.
void put_prefix(Datagram& datagram, std::size_t family_at, std::size_t address_at,
                const net::Prefix& prefix) {
  datagram[family_at] = static_cast<std::uint8_t>(prefix.family());
  datagram[family_at + 1] = static_cast<std::uint8_t>(prefix.length());
  const std::string_view bytes = prefix.address().byte_view();
  std::copy(bytes.begin(), bytes.end(), datagram.begin() + static_cast<std::ptrdiff_t>(address_at));
}

std::optional<net::Prefix> get_prefix(util::ByteView bytes, std::size_t family_at,
                                      std::size_t address_at) {
  const std::uint8_t family = bytes[family_at];
  const unsigned length = bytes[family_at + 1];
  if (family != 4 && family != 6) {
    return std::nullopt;
  }
  std::array<std::uint8_t, 16> raw;
  std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(address_at), raw.size(), raw.begin());
  const net::IpAddress address =
      family == 4 ? net::IpAddress::v4(be32(raw)) : net::IpAddress::v6(raw);
  const std::size_t size = family == 4 ? 4 : 16;
  // An IPv4-mapped IPv6 address would be another address than the one that was asked for.
  if (address.size() != size || length > address.bits() || !are_zero(raw, size, 16 - size)) {
    return std::nullopt;
  }
  const net::Prefix prefix(address, length);
  return prefix.address() == address ? std::optional(prefix) : std::nullopt;
}

void put_left(Datagram& datagram, std::size_t at,
              const std::optional<std::chrono::milliseconds>& left) {
  const auto count =
      left ? static_cast<std::uint64_t>(std::max<std::int64_t>(left->count(), 0)) : 0;
  put<std::uint64_t>(datagram, at, left && count <= kMostLeft ? count : kForEver);
}

// All ones where nobody counted.
void put_traffic(Datagram& datagram, std::size_t at, const Traffic& traffic) {
  put<std::uint64_t>(datagram, at, traffic.counted ? traffic.packets : kNotCounted);
  put<std::uint64_t>(datagram, at + 8, traffic.counted ? traffic.bytes : 0);
}

Traffic get_traffic(util::ByteView bytes, std::size_t at) {
  const Traffic traffic{get<std::uint64_t>(bytes, at), get<std::uint64_t>(bytes, at + 8)};
  return traffic.packets == kNotCounted ? Traffic{0, 0, false} : traffic;
}

bool get_left(util::ByteView bytes, std::size_t at,
              std::optional<std::chrono::milliseconds>& left) {
  const auto count = get<std::uint64_t>(bytes, at);
  if (count == kForEver) {
    left.reset();
    return true;
  }
  left = std::chrono::milliseconds(count <= kMostLeft ? count : 0);
  return count <= kMostLeft;
}

bool is_known(std::uint16_t kind) {
  return (kind >= static_cast<std::uint16_t>(Kind::kEnsure) &&
          kind <= static_cast<std::uint16_t>(Kind::kRemoveAll)) ||
         (kind >= static_cast<std::uint16_t>(Kind::kAnswer) &&
          kind <= static_cast<std::uint16_t>(Kind::kChanged));
}

bool counts_fit(const Header& header) {
  switch (header.kind) {
    case Kind::kEnsure:
    case Kind::kApply:
    case Kind::kTraffic: {
      const bool one = header.kind == Kind::kTraffic;
      const bool empty = header.total == 0 && header.first == 0 && header.count == 0 && !one;
      return empty || (header.total <= (one ? 1 : kMostRecords) && header.count > 0 &&
                       header.count <= kRecordsADatagram && header.first < header.total &&
                       header.count <= header.total - header.first);
    }
    case Kind::kAnswer:
      return header.total <= kMostRecords && header.count <= kRefusalsADatagram &&
             header.first <= header.total && header.count <= header.total - header.first &&
             (header.count > 0 || header.total == 0);
    case Kind::kElements:
      return header.total == 0 && header.first == 0 && header.count > 0 &&
             header.count <= kElementsADatagram;
    case Kind::kList:
    case Kind::kRemoveAll:
    case Kind::kChanged:
      break;
  }
  return header.total == 0 && header.first == 0 && header.count == 0;
}

}  // namespace

Datagram datagram_of(const Header& header) {
  Datagram datagram{};
  put<std::uint32_t>(datagram, 0, kMagic);
  put<std::uint16_t>(datagram, 4, kVersion);
  put<std::uint16_t>(datagram, 6, static_cast<std::uint16_t>(header.kind));
  put<std::uint64_t>(datagram, 8, header.request);
  put<std::uint32_t>(datagram, 16, header.total);
  put<std::uint32_t>(datagram, 20, header.first);
  put<std::uint16_t>(datagram, 24, header.count);
  return datagram;
}

std::optional<Header> read_header(util::ByteView bytes, std::uint16_t& version) {
  if (bytes.size() != kDatagram || get<std::uint32_t>(bytes, 0) != kMagic) {
    return std::nullopt;
  }
  version = get<std::uint16_t>(bytes, 4);
  const auto kind = get<std::uint16_t>(bytes, 6);
  if (version != kVersion || !is_known(kind) || !are_zero(bytes, 26, 6)) {
    return std::nullopt;
  }
  const Header header{static_cast<Kind>(kind), get<std::uint64_t>(bytes, 8),
                      get<std::uint32_t>(bytes, 16), get<std::uint32_t>(bytes, 20),
                      get<std::uint16_t>(bytes, 24)};
  return counts_fit(header) ? std::optional(header) : std::nullopt;
}

void put_change(Datagram& datagram, std::size_t place, const TimedChange& change) {
  const std::size_t at = kHeader + place * kRecord;
  datagram[at] = static_cast<std::uint8_t>(change.change.kind);
  put_prefix(datagram, at + 1, at + 8, change.change.prefix);
  put<std::uint16_t>(datagram, at + 4, change.change.scope);
  put_left(datagram, at + 24, change.left);
}

std::optional<TimedChange> read_change(util::ByteView datagram, std::size_t place) {
  const util::ByteView bytes = datagram.subspan(kHeader + place * kRecord, kRecord);
  TimedChange result;
  const auto prefix = get_prefix(bytes, 1, 8);
  if (bytes[0] < 1 || bytes[0] > 3 || !prefix || bytes[3] != 0 || !are_zero(bytes, 6, 2) ||
      !get_left(bytes, 24, result.left)) {
    return std::nullopt;
  }
  result.change.kind = static_cast<Change::Kind>(bytes[0]);
  result.change.scope = get<std::uint16_t>(bytes, 4);
  result.change.prefix = *prefix;
  return result;
}

std::size_t scope_records(const Scope& scope) {
  return std::max<std::size_t>(1, (scope.ports().size() + kRangesARecord - 1) / kRangesARecord);
}

void put_scope_part(Datagram& datagram, std::size_t place, ScopeIndex index, const Scope& scope,
                    std::size_t part) {
  const std::size_t at = kHeader + place * kRecord;
  const std::size_t first = part * kRangesARecord;
  const std::size_t count = std::min(kRangesARecord, scope.ports().size() - first);
  put<std::uint16_t>(datagram, at, index);
  datagram[at + 2] = static_cast<std::uint8_t>(scope.protocol());
  datagram[at + 3] = static_cast<std::uint8_t>(count);
  for (std::size_t i = 0; i < count; ++i) {
    put<std::uint16_t>(datagram, at + 4 + 4 * i, scope.ports()[first + i].first);
    put<std::uint16_t>(datagram, at + 6 + 4 * i, scope.ports()[first + i].last);
  }
}

std::optional<ScopePart> read_scope_part(util::ByteView datagram, std::size_t place) {
  const util::ByteView bytes = datagram.subspan(kHeader + place * kRecord, kRecord);
  const std::uint8_t protocol = bytes[2];
  const std::size_t count = bytes[3];
  if ((protocol != 0 && protocol != 6 && protocol != 17) || count > kRangesARecord ||
      !are_zero(bytes, 4 + 4 * count, kRecord - 4 - 4 * count)) {
    return std::nullopt;
  }
  ScopePart part{get<std::uint16_t>(bytes, 0), static_cast<Protocol>(protocol), {}};
  for (std::size_t i = 0; i < count; ++i) {
    part.ports.push_back(
        {get<std::uint16_t>(bytes, 4 + 4 * i), get<std::uint16_t>(bytes, 6 + 4 * i)});
  }
  return part;
}

void put_summary(Datagram& datagram, const Summary& summary) {
  const std::size_t at = kHeader;
  const std::size_t length = std::min(summary.text.size(), kLongestText);
  put<std::uint16_t>(
      datagram, at,
      static_cast<std::uint16_t>(summary.error ? 1 + static_cast<unsigned>(*summary.error) : 0));
  put<std::uint16_t>(datagram, at + 2, static_cast<std::uint16_t>(length));
  put<std::uint32_t>(datagram, at + 4, summary.report.added);
  put<std::uint32_t>(datagram, at + 8, summary.report.extended);
  put<std::uint32_t>(datagram, at + 12, summary.report.unchanged);
  put<std::uint32_t>(datagram, at + 16, summary.report.removed);
  put<std::uint32_t>(datagram, at + 20, summary.report.outlasting);
  put_traffic(datagram, at + 24, summary.traffic);
  std::copy_n(summary.text.begin(), length, datagram.begin() + kSummaryText);
}

std::optional<Summary> read_summary(util::ByteView datagram) {
  const util::ByteView bytes = datagram.subspan(kHeader);
  const unsigned error = get<std::uint16_t>(bytes, 0);
  const std::size_t length = get<std::uint16_t>(bytes, 2);
  if (error > 1 + static_cast<unsigned>(util::ErrorCode::kInternal) || length > kLongestText ||
      !are_zero(bytes, 40, 24)) {
    return std::nullopt;
  }
  Summary summary;
  if (error != 0) {
    summary.error = static_cast<util::ErrorCode>(error - 1);
  }
  summary.text = std::string(util::as_text(datagram.subspan(kSummaryText, length)));
  summary.report.added = get<std::uint32_t>(bytes, 4);
  summary.report.extended = get<std::uint32_t>(bytes, 8);
  summary.report.unchanged = get<std::uint32_t>(bytes, 12);
  summary.report.removed = get<std::uint32_t>(bytes, 16);
  summary.report.outlasting = get<std::uint32_t>(bytes, 20);
  summary.traffic = get_traffic(bytes, 24);
  return summary;
}

void put_refusal(Datagram& datagram, std::size_t place, const Refusal& refusal) {
  const std::size_t at = kRefusals + place * kRecord;
  put<std::uint32_t>(datagram, at, refusal.change);
  datagram[at + 4] = static_cast<std::uint8_t>(refusal.reason);
  if (refusal.because) {
    put_prefix(datagram, at + 5, at + 8, *refusal.because);
  }
  put<std::uint32_t>(datagram, at + 24, static_cast<std::uint32_t>(refusal.kernel_error));
}

std::optional<Refusal> read_refusal(util::ByteView datagram, std::size_t place) {
  const util::ByteView bytes = datagram.subspan(kRefusals + place * kRecord, kRecord);
  const std::uint8_t reason = bytes[4];
  const auto kernel_error = get<std::uint32_t>(bytes, 24);
  if (reason < 1 || reason > static_cast<std::uint8_t>(Reason::kTooManySets) || bytes[7] != 0 ||
      kernel_error > 4095 || !are_zero(bytes, 28, 4)) {
    return std::nullopt;
  }
  Refusal refusal{get<std::uint32_t>(bytes, 0), static_cast<Reason>(reason), std::nullopt,
                  static_cast<int>(kernel_error)};
  if (bytes[5] != 0) {
    refusal.because = get_prefix(bytes, 5, 8);
    if (!refusal.because) {
      return std::nullopt;
    }
  } else if (!are_zero(bytes, 6, 18)) {
    return std::nullopt;
  }
  return refusal;
}

void put_element(Datagram& datagram, std::size_t place, const TimedElement& element) {
  const std::size_t at = kHeader + place * kElement;
  put<std::uint16_t>(datagram, at, element.element.scope);
  put_prefix(datagram, at + 2, at + 8, element.element.prefix);
  put_left(datagram, at + 24, element.left);
  put_traffic(datagram, at + 32, element.element.traffic);
}

std::optional<TimedElement> read_element(util::ByteView datagram, std::size_t place) {
  const util::ByteView bytes = datagram.subspan(kHeader + place * kElement, kElement);
  TimedElement result;
  const auto prefix = get_prefix(bytes, 2, 8);
  if (!prefix || !are_zero(bytes, 4, 4) || !get_left(bytes, 24, result.left)) {
    return std::nullopt;
  }
  result.element.scope = get<std::uint16_t>(bytes, 0);
  result.element.prefix = *prefix;
  result.element.traffic = get_traffic(bytes, 32);
  return result;
}

}  // namespace warder::firewall::wire
