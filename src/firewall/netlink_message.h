#pragma once

#include "util/encoding.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

// Netlink messages as bytes (RFC 3549; linux/netlink.h), for nf_tables, rtnetlink and sock_diag.
// Written here and not taken from libmnl, because its buffers have a fixed size and its readers
// trust the length that the caller gives them: here every read is checked against the bytes that
// are there, which the fuzz target firewall_netlink proves.
namespace warder::firewall {

// Builds a datagram of one or more messages. Not thread safe.
class MessageWriter {
 public:
  // Begins a message; ends the one before.
  void begin(std::uint16_t type, std::uint16_t flags, std::uint32_t sequence);
  // A fixed header that the message's kind wants behind nlmsghdr (struct nfgenmsg, rtmsg, ...).
  void header(util::ByteView bytes);

  void put(std::uint16_t attribute, util::ByteView bytes);
  // With its terminating zero, as nf_tables wants names.
  void put_name(std::uint16_t attribute, std::string_view text);
  // Numbers in network order, as nf_tables has them.
  void put_be32(std::uint16_t attribute, std::uint32_t value);
  void put_be64(std::uint16_t attribute, std::uint64_t value);

  // What is put between nest() and end_nest() is inside `attribute`. An attribute holds 64 KiB.
  std::size_t nest(std::uint16_t attribute);
  void end_nest(std::size_t start);

  // The whole datagram, the last message ended.
  util::ByteView finish();
  void clear();
  bool empty() const { return size_ == 0; }

 private:
  void end_message();
  // Room at the end, with anything in it; zeros fill it up to a multiple of four.
  std::uint8_t* grow(std::size_t size);
  void append(util::ByteView bytes);

  util::Bytes bytes_;     // its room; grows by doubling and stays
  std::size_t size_ = 0;  // of what is written
  std::size_t message_ = 0;
  bool open_ = false;
};

struct Message {
  std::uint16_t type = 0;
  std::uint16_t flags = 0;
  std::uint32_t sequence = 0;
  std::uint32_t port = 0;
  util::ByteView payload;  // what follows nlmsghdr
};

// Walks over the messages of a received datagram. Stops at the first one whose length does not fit.
class MessageReader {
 public:
  explicit MessageReader(util::ByteView datagram) : rest_(datagram) {}
  std::optional<Message> next();

 private:
  util::ByteView rest_;
};

struct Attribute {
  std::uint16_t type = 0;  // without the nested and byte order bits
  util::ByteView data;

  // Empty when the length is not that of the number.
  std::optional<std::uint32_t> be32() const;
  std::optional<std::uint64_t> be64() const;
  std::optional<std::uint32_t> native32() const;
  // Up to the first zero byte or the end.
  std::string_view name() const;
};

// Walks over attributes. Stops at the first one whose length does not fit.
class AttributeReader {
 public:
  explicit AttributeReader(util::ByteView attributes) : rest_(attributes) {}
  std::optional<Attribute> next();

 private:
  util::ByteView rest_;
};

// The first attribute of this type.
std::optional<Attribute> find_attribute(util::ByteView attributes, std::uint16_t type);

// errno of an NLMSG_ERROR message (0: an acknowledgement); empty when it is too short to hold one.
std::optional<int> error_of(const Message& message);

}  // namespace warder::firewall
