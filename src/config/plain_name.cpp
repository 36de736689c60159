#include "config/plain_name.h"

#include <algorithm>

namespace warder::config {
namespace {

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && is_alnum(name.front()) &&
         std::ranges::all_of(
             name, [](char c) { return is_alnum(c) || c == '_' || c == '.' || c == '-'; });
}

}  // namespace warder::config
