#pragma once

#include "util/clock.h"

#include <deque>
#include <optional>
#include <string>
#include <string_view>

namespace warder::engine {

// What is different between two configurations, both as effective_json() tells them, for people:
// "[sshd] maxretry 3 -> 5; [caddy] is new". At most `most` bytes; "" when nothing is.
std::string configuration_difference(std::string_view before, std::string_view after,
                                     std::size_t most = 600);

// Which configurations ran, by their hashes, so that one that comes back is noticed: whoever can
// write where rules are kept can put an old one back, which is valid in every other way. Kept
// beside the history (store::Kept) as JSON: [{"hash": "..", "time": 1790000000}], the latest last.
class ConfigurationHistory {
 public:
  static constexpr std::size_t kRemembered = 100;
  static constexpr const char* kKeptName = "configuration";

  // What is no such text counts as nothing.
  static ConfigurationHistory parse(std::string_view kept);
  std::string to_text() const;

  // Did this one run last?
  bool is_newest(std::string_view effective) const;
  // `effective` runs from now on. When it ran before, and another one since: until when.
  std::optional<util::WallTime> note(std::string_view effective, util::WallTime now);

 private:
  struct Entry {
    std::string hash;
    util::WallTime time{};  // from when on
  };
  std::deque<Entry> entries_;
};

}  // namespace warder::engine
