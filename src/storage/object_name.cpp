#include "storage/storage.h"

#include <algorithm>

namespace warder::storage {

bool is_valid_object_name(std::string_view name) {
  return !name.empty() && name.size() <= 200 && name.front() != '.' &&
         std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-';
         });
}

util::Status check_object_name(std::string_view name) {
  if (!is_valid_object_name(name)) {
    return util::Error(util::ErrorCode::kInvalid, "not a name for a storage");
  }
  return {};
}

}  // namespace warder::storage
