#include "vault/encoding.h"

#include <algorithm>

namespace warder::vault {

void Writer::raw(util::ByteView bytes) {
  if (size_ + bytes.size() > buffer_.size()) {
    crypto::SecretString larger =
        crypto::SecretString::of_size(std::max<std::size_t>(256, 2 * (size_ + bytes.size())));
    std::copy_n(buffer_.bytes().begin(), size_, larger.mutable_bytes().begin());
    buffer_ = std::move(larger);
  }
  std::copy(bytes.begin(), bytes.end(), buffer_.mutable_bytes().data() + size_);
  size_ += bytes.size();
}

void Writer::text(std::string_view text) {
  const std::string_view cut = text.substr(0, 0xFFFF);
  u16(static_cast<std::uint16_t>(cut.size()));
  raw(util::as_bytes(cut));
}

void Writer::block(util::ByteView bytes) {
  u32(static_cast<std::uint32_t>(bytes.size()));
  raw(bytes);
}

void Writer::number(std::uint64_t value, unsigned width) {
  std::uint8_t bytes[8];
  for (unsigned i = 0; i < width; ++i) {
    bytes[i] = static_cast<std::uint8_t>(value >> (8 * i));
  }
  raw(util::ByteView(bytes, width));
}

util::ByteView Reader::raw(std::size_t size) {
  if (failed_ || size > rest_.size()) {
    failed_ = true;
    rest_ = {};
    return {};
  }
  const util::ByteView taken = rest_.first(size);
  rest_ = rest_.subspan(size);
  return taken;
}

std::uint64_t Reader::number(unsigned width) {
  std::uint64_t value = 0;
  unsigned shift = 0;
  for (const std::uint8_t byte : raw(width)) {
    value |= std::uint64_t{byte} << shift;
    shift += 8;
  }
  return value;
}

}  // namespace warder::vault
