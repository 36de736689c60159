#pragma once

#include "net/address.h"

#include <cstddef>
#include <string_view>

namespace warder::engine {

// Calls `found(address)` for each address that stands in `line` as a word of its own, in their
// order, until it returns false. A port behind an IPv4 address is cut off.
template <typename Found>
void for_each_address(std::string_view line, Found found) {
  const auto belongs = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' ||
           c == '.';
  };
  for (std::size_t at = 0; at < line.size();) {
    if (!belongs(line[at])) {
      ++at;
      continue;
    }
    std::size_t end = at;
    while (end < line.size() && belongs(line[end])) {
      ++end;
    }
    std::string_view word = line.substr(at, end - at);
    at = end;
    while (!word.empty() && (word.back() == '.' || word.back() == ':')) {
      word.remove_suffix(1);  // of the sentence
    }
    if (word.size() < 3) {
      continue;
    }
    if (const std::size_t colon = word.find(':'); word.find('.') < colon) {
      word = word.substr(0, colon);
    }
    if (const auto address = net::IpAddress::parse(word); address && !found(*address)) {
      return;
    }
  }
}

}  // namespace warder::engine
