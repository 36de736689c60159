#include "store/leaf.h"

#include <fmt/core.h>

namespace warder::store {
namespace {

template <unsigned kBytes>
void append_integer(std::string* out, std::uint64_t value) {
  for (unsigned i = kBytes; i-- > 0;) {
    out->push_back(static_cast<char>(value >> (8 * i)));
  }
}

}  // namespace

std::string encode_address(const net::Prefix& address) {
  std::string bytes(address.address().byte_view());
  if (!address.is_single()) {
    bytes.push_back(static_cast<char>(address.length()));
  }
  return bytes;
}

util::Result<net::Prefix> decode_address(std::string_view bytes) {
  const bool has_length = bytes.size() == 5 || bytes.size() == 17;
  const auto address =
      net::IpAddress::from_bytes(has_length ? bytes.substr(0, bytes.size() - 1) : bytes);
  if (!address) {
    return address.error();
  }
  if (!has_length) {
    return net::Prefix(*address);
  }
  const auto length = static_cast<std::uint8_t>(bytes.back());
  if (length > address->bits()) {
    return util::Error(
        util::ErrorCode::kInvalid,
        fmt::format("a prefix length of {} in an address of {} bits", length, address->bits()));
  }
  return net::Prefix(*address, length);
}

void encode_leaf(std::uint64_t sequence, const model::Event& event, std::string* entry) {
  entry->clear();
  append_integer<1>(entry, event.line ? 2 : 1);
  append_integer<8>(entry, sequence);
  for (const std::uint8_t byte : event.id.bytes) {
    append_integer<1>(entry, byte);
  }
  append_integer<8>(entry, static_cast<std::uint64_t>(event.time.time_since_epoch().count()));
  append_integer<1>(entry, static_cast<std::uint8_t>(event.kind));
  append_integer<1>(entry, static_cast<std::uint8_t>(event.severity));
  append_integer<2>(entry, event.jail.size());
  entry->append(event.jail);
  if (event.address) {
    append_integer<1>(entry, event.address->address().size());
    entry->append(event.address->address().byte_view());
    append_integer<1>(entry, event.address->length());
  } else {
    append_integer<1>(entry, 0);
  }
  append_integer<4>(entry, event.message.size());
  entry->append(event.message);
  append_integer<4>(entry, event.detail.size());
  entry->append(event.detail);
  if (event.line) {
    append_integer<2>(entry, event.line->log.size());
    entry->append(event.line->log);
    append_integer<8>(entry, event.line->at);
    append_integer<4>(entry, event.line->pattern);
    append_integer<4>(entry, event.line->attempts);
    append_integer<2>(entry, event.line->user.size());
    entry->append(event.line->user);
  }
}

}  // namespace warder::store
