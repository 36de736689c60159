#pragma once

#include "util/encoding.h"

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace warder::crypto {

// Bytes that must not outlive their use: a key, a token, the address of a webhook. Wiped when
// destroyed, moved from or replaced; moves but never copies by accident (copy() says so); has no
// way to a stream or a formatter, so that it cannot be logged in passing. Not thread safe.
class SecretString {
 public:
  SecretString() = default;
  // Takes a copy; the caller's bytes stay as they are.
  explicit SecretString(std::string_view text);
  // Copies and wipes the source.
  static SecretString take(std::string&& text);
  // `size` zero bytes, to be filled through mutable_bytes().
  static SecretString of_size(std::size_t size);

  SecretString(SecretString&& other) noexcept;
  SecretString& operator=(SecretString&& other) noexcept;
  ~SecretString();

  SecretString copy() const { return SecretString(view()); }

  // Valid until this object is changed or destroyed.
  std::string_view view() const { return {reinterpret_cast<const char*>(bytes_.get()), size_}; }
  util::ByteView bytes() const { return {bytes_.get(), size_}; }
  std::span<std::uint8_t> mutable_bytes() { return {bytes_.get(), size_}; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // Takes the same time wherever the first difference is; only the length shows.
  friend bool operator==(const SecretString& a, const SecretString& b);

 private:
  void wipe();

  std::unique_ptr<std::uint8_t[]> bytes_;
  std::size_t size_ = 0;
};

// Overwrites memory in a way that the compiler does not remove.
void wipe(std::string* text);

}  // namespace warder::crypto
