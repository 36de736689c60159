#include "storage/storage.h"

namespace warder::storage {

std::string_view to_string(Protection::State state) {
  switch (state) {
    case Protection::State::kNone:
      return "none";
    case Protection::State::kUnlocked:
      return "unlocked";
    case Protection::State::kLocked:
      return "locked";
  }
  return "unknown";
}

util::Result<Protection> Storage::protection() {
  return Protection{Protection::State::kNone,
                    "nothing keeps what lies there from being removed by whoever may write there",
                    ""};
}

}  // namespace warder::storage
