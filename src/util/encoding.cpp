#include "util/encoding.h"

#include <array>

namespace warder::util {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<std::int8_t, 256> make_reverse(std::string_view alphabet) {
  std::array<std::int8_t, 256> table{};
  table.fill(-1);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
  }
  return table;
}

constexpr auto kBase64Reverse = make_reverse(kBase64);

int hex_digit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  if (c >= 'A' && c <= 'F') {
    return c - 'A' + 10;
  }
  return -1;
}

}  // namespace

std::string to_hex(ByteView bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    text += kHex[byte >> 4U];
    text += kHex[byte & 0x0FU];
  }
  return text;
}

Result<Bytes> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) {
    return Error(ErrorCode::kInvalid, "hexadecimal text has an odd number of digits");
  }
  Bytes bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_digit(text[i]);
    const int low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0) {
      return Error(ErrorCode::kInvalid, "text is not hexadecimal");
    }
    bytes.push_back(static_cast<std::uint8_t>(high * 16 + low));
  }
  return bytes;
}

std::string to_base64(ByteView bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  std::size_t i = 0;
  for (; i + 2 < bytes.size(); i += 3) {
    const std::uint32_t group =
        (std::uint32_t{bytes[i]} << 16U) | (std::uint32_t{bytes[i + 1]} << 8U) | bytes[i + 2];
    text += kBase64[group >> 18U];
    text += kBase64[(group >> 12U) & 0x3FU];
    text += kBase64[(group >> 6U) & 0x3FU];
    text += kBase64[group & 0x3FU];
  }
  if (i + 1 == bytes.size()) {
    const std::uint32_t group = std::uint32_t{bytes[i]} << 16U;
    text += kBase64[group >> 18U];
    text += kBase64[(group >> 12U) & 0x3FU];
    text += "==";
  } else if (i + 2 == bytes.size()) {
    const std::uint32_t group =
        (std::uint32_t{bytes[i]} << 16U) | (std::uint32_t{bytes[i + 1]} << 8U);
    text += kBase64[group >> 18U];
    text += kBase64[(group >> 12U) & 0x3FU];
    text += kBase64[(group >> 6U) & 0x3FU];
    text += '=';
  }
  return text;
}

Result<Bytes> from_base64(std::string_view text) {
  const Error invalid(ErrorCode::kInvalid, "text is not base64");
  if (text.size() % 4 != 0) {
    return invalid;
  }
  Bytes bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    const bool last = i + 4 == text.size();
    std::size_t padding = 0;
    if (last && text[i + 3] == '=') {
      padding = text[i + 2] == '=' ? 2 : 1;
    }
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 4; ++j) {
      std::uint32_t digit = 0;
      if (j < 4 - padding) {
        const std::int8_t value = kBase64Reverse[static_cast<unsigned char>(text[i + j])];
        if (value < 0) {
          return invalid;
        }
        digit = static_cast<std::uint32_t>(value);
      }
      group = (group << 6U) | digit;
    }
    const std::uint32_t unused = padding == 2 ? group & 0xFFFFU : padding == 1 ? group & 0xFFU : 0;
    if (unused != 0) {
      return invalid;
    }
    bytes.push_back(static_cast<std::uint8_t>(group >> 16U));
    if (padding < 2) {
      bytes.push_back(static_cast<std::uint8_t>((group >> 8U) & 0xFFU));
    }
    if (padding < 1) {
      bytes.push_back(static_cast<std::uint8_t>(group & 0xFFU));
    }
  }
  return bytes;
}

}  // namespace warder::util
