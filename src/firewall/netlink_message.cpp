#include "firewall/netlink_message.h"

#include <linux/netlink.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <endian.h>

namespace warder::firewall {
namespace {

constexpr std::size_t aligned(std::size_t size) { return (size + 3) & ~std::size_t{3}; }

template <typename T>
util::ByteView bytes_of(const T& value) {
  return {reinterpret_cast<const std::uint8_t*>(&value), sizeof value};
}

template <typename T>
std::optional<T> number(util::ByteView data) {
  if (data.size() != sizeof(T)) {
    return std::nullopt;
  }
  T value;
  std::memcpy(&value, data.data(), sizeof value);
  return value;
}

}  // namespace

std::uint8_t* MessageWriter::grow(std::size_t size) {
  const std::size_t at = size_;
  size_ += aligned(size);
  if (size_ > bytes_.size()) {
    bytes_.resize(std::max(size_, 2 * bytes_.size()));
  }
  std::uint8_t* const place = bytes_.data() + at;
  std::fill(place + size, place + aligned(size), 0);
  return place;
}

void MessageWriter::append(util::ByteView bytes) {
  std::copy(bytes.begin(), bytes.end(), grow(bytes.size()));
}

void MessageWriter::begin(std::uint16_t type, std::uint16_t flags, std::uint32_t sequence) {
  end_message();
  message_ = size_;
  open_ = true;
  nlmsghdr header{};
  header.nlmsg_type = type;
  header.nlmsg_flags = flags;
  header.nlmsg_seq = sequence;
  append(bytes_of(header));
}

void MessageWriter::end_message() {
  if (open_) {
    const auto length = static_cast<std::uint32_t>(size_ - message_);
    std::memcpy(bytes_.data() + message_, &length, sizeof length);
    open_ = false;
  }
}

void MessageWriter::header(util::ByteView bytes) { append(bytes); }

void MessageWriter::put(std::uint16_t attribute, util::ByteView bytes) {
  assert(bytes.size() <= 0xFFFF - sizeof(nlattr));
  nlattr header{};
  header.nla_type = attribute;
  header.nla_len = static_cast<std::uint16_t>(sizeof header + bytes.size());
  std::uint8_t* const place = grow(header.nla_len);
  std::memcpy(place, &header, sizeof header);
  std::copy(bytes.begin(), bytes.end(), place + sizeof header);
}

void MessageWriter::put_name(std::uint16_t attribute, std::string_view text) {
  nlattr header{};
  header.nla_type = attribute;
  header.nla_len = static_cast<std::uint16_t>(sizeof header + text.size() + 1);
  std::uint8_t* const place = grow(header.nla_len);
  std::memcpy(place, &header, sizeof header);
  std::copy(text.begin(), text.end(), place + sizeof header);
  place[sizeof header + text.size()] = 0;
}

void MessageWriter::put_be32(std::uint16_t attribute, std::uint32_t value) {
  const std::uint32_t network = htobe32(value);
  put(attribute, bytes_of(network));
}

void MessageWriter::put_be64(std::uint16_t attribute, std::uint64_t value) {
  const std::uint64_t network = htobe64(value);
  put(attribute, bytes_of(network));
}

std::size_t MessageWriter::nest(std::uint16_t attribute) {
  const std::size_t start = size_;
  nlattr header{};
  header.nla_type = static_cast<std::uint16_t>(attribute | NLA_F_NESTED);
  append(bytes_of(header));
  return start;
}

void MessageWriter::end_nest(std::size_t start) {
  assert(size_ - start <= 0xFFFF);
  const auto length = static_cast<std::uint16_t>(size_ - start);
  std::memcpy(bytes_.data() + start, &length, sizeof length);
}

util::ByteView MessageWriter::finish() {
  end_message();
  return util::ByteView(bytes_).first(size_);
}

void MessageWriter::clear() {
  size_ = 0;
  open_ = false;
}

std::optional<Message> MessageReader::next() {
  nlmsghdr header{};
  if (rest_.size() < sizeof header) {
    return std::nullopt;
  }
  std::memcpy(&header, rest_.data(), sizeof header);
  if (header.nlmsg_len < sizeof header || header.nlmsg_len > rest_.size()) {
    rest_ = {};
    return std::nullopt;
  }
  Message message{header.nlmsg_type, header.nlmsg_flags, header.nlmsg_seq, header.nlmsg_pid,
                  rest_.subspan(sizeof header, header.nlmsg_len - sizeof header)};
  rest_ = rest_.subspan(std::min(aligned(header.nlmsg_len), rest_.size()));
  return message;
}

std::optional<Attribute> AttributeReader::next() {
  nlattr header{};
  if (rest_.size() < sizeof header) {
    return std::nullopt;
  }
  std::memcpy(&header, rest_.data(), sizeof header);
  if (header.nla_len < sizeof header || header.nla_len > rest_.size()) {
    rest_ = {};
    return std::nullopt;
  }
  Attribute attribute{static_cast<std::uint16_t>(header.nla_type & NLA_TYPE_MASK),
                      rest_.subspan(sizeof header, header.nla_len - sizeof header)};
  rest_ = rest_.subspan(std::min(aligned(header.nla_len), rest_.size()));
  return attribute;
}

std::optional<std::uint32_t> Attribute::be32() const {
  const auto value = number<std::uint32_t>(data);
  return value ? std::optional(be32toh(*value)) : std::nullopt;
}

std::optional<std::uint64_t> Attribute::be64() const {
  const auto value = number<std::uint64_t>(data);
  return value ? std::optional(be64toh(*value)) : std::nullopt;
}

std::optional<std::uint32_t> Attribute::native32() const { return number<std::uint32_t>(data); }

std::string_view Attribute::name() const {
  const std::string_view text = util::as_text(data);
  return text.substr(0, text.find('\0'));
}

std::optional<Attribute> find_attribute(util::ByteView attributes, std::uint16_t type) {
  AttributeReader reader(attributes);
  while (const auto attribute = reader.next()) {
    if (attribute->type == type) {
      return attribute;
    }
  }
  return std::nullopt;
}

std::optional<int> error_of(const Message& message) {
  std::int32_t value = 0;
  if (message.type != NLMSG_ERROR || message.payload.size() < sizeof value) {
    return std::nullopt;
  }
  std::memcpy(&value, message.payload.data(), sizeof value);
  return -value;
}

}  // namespace warder::firewall
