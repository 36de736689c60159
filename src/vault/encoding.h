#pragma once

#include "crypto/secret.h"
#include "util/encoding.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace warder::vault {

// Little-endian binary fields, for content that must not lie about in strings: what grows is wiped
// before it is given back.
class Writer {
 public:
  void u16(std::uint16_t value) { number(value, 2); }
  void u32(std::uint32_t value) { number(value, 4); }
  void u64(std::uint64_t value) { number(value, 8); }
  void raw(util::ByteView bytes);
  // A length of 2 bytes, then the text (cut at 65,535 bytes).
  void text(std::string_view text);
  // A length of 4 bytes, then the bytes.
  void block(util::ByteView bytes);

  util::ByteView bytes() const { return buffer_.bytes().first(size_); }

 private:
  void number(std::uint64_t value, unsigned width);

  crypto::SecretString buffer_;
  std::size_t size_ = 0;
};

// Reads what Writer wrote. After the first read beyond the end everything is empty and failed() is
// true: check once at the end. Views point into the bytes given.
class Reader {
 public:
  explicit Reader(util::ByteView bytes) : rest_(bytes) {}

  std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
  std::uint64_t u64() { return number(8); }
  util::ByteView raw(std::size_t size);
  std::string text() { return std::string(util::as_text(raw(u16()))); }
  util::ByteView block() { return raw(u32()); }

  bool failed() const { return failed_; }
  bool at_end() const { return rest_.empty(); }

 private:
  std::uint64_t number(unsigned width);

  util::ByteView rest_;
  bool failed_ = false;
};

}  // namespace warder::vault
