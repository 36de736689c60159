#pragma once

#include "crypto/sha256.h"
#include "source/json_gist.h"
#include "util/bytes.h"

#include <optional>
#include <string_view>

namespace warder::source {

// What is kept of a line that is too long to be held: its hash, and of a JSON object what is wanted
// of it, if anything is. One thread.
struct LongLine {
  crypto::Sha256 hash;
  std::optional<JsonGist> gist;

  void feed(std::string_view bytes) {
    hash.update(util::as_bytes(bytes));
    if (gist) {
      gist->feed(bytes);
    }
  }
  // Empty when it was no JSON object or nothing is wanted; valid as long as this.
  std::string_view result() const { return gist ? gist->result() : std::string_view{}; }
};

}  // namespace warder::source
