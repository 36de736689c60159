#pragma once

#include "model/outbox.h"
#include "ship/message.h"
#include "util/clock.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace warder::ship {

// Items that will be told as one message. Bounded: counts a kind and jail (kMostJails),
// kMostAddresses addresses; of an item its id alone is kept, of which the owner allows kMostItems.
// Plain value, not thread safe.
class Gathering {
 public:
  static constexpr std::size_t kMostItems = 1'000'000;
  static constexpr std::size_t kMostAddresses = 4096;
  static constexpr std::size_t kMostJails = 256;

  void add(const model::OutboxItem& item);
  bool empty() const { return items_.empty(); }
  std::size_t size() const { return items_.size(); }

  // What was gathered in `window`, or longer when the events span more; a single item as what it
  // is. Not for an empty one, which has nothing to say.
  Message tell(std::string_view destination, std::chrono::seconds window) &&;

 private:
  struct Kind {
    std::uint64_t count = 0;
    std::map<std::string, std::uint64_t> jails;
    std::uint64_t other_jails = 0;
    std::string example;
    model::Severity example_severity = model::Severity::kInfo;
  };

  void note(const model::Event& event);

  std::vector<std::uint64_t> items_;
  // To send a single item as what it is; one of nothing while it is empty.
  model::OutboxItem first_;
  model::EventId last_;
  util::WallTime from_{};
  util::WallTime until_{};
  model::Severity severity_ = model::Severity::kInfo;
  std::map<model::EventKind, Kind> kinds_;
  std::vector<Summary::Line> worst_;
  std::map<net::Prefix, std::uint64_t> addresses_;
  bool addresses_estimated_ = false;
};

// A message of one item.
Message single_message(std::string_view destination, const model::OutboxItem& item);

}  // namespace warder::ship
