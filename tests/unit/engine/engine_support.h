#pragma once

#include "engine/recorder.h"
#include "engine/routes.h"
#include "net/address.h"
#include "unit/store/store_support.h"

#include <catch2/catch.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace warder::testing {

inline net::Prefix prefix(std::string_view text) {
  const auto parsed = net::Prefix::parse(text);
  REQUIRE(parsed);
  return *parsed;
}

// "kind severity [jail] message"
inline std::string told(const model::Event& event) {
  std::string line(to_string(event.kind));
  line += ' ';
  line += to_string(event.severity);
  if (!event.jail.empty()) {
    line += " [" + event.jail + "]";
  }
  return line + " " + event.message;
}

inline void no_positions(std::vector<model::Position>& /*positions*/) {}

class OpenStoreFixture : public StoreFixture {
 public:
  OpenStoreFixture() { open(); }
};

// A recorder over a real store, both on a clock that stands still.
class RecorderFixture : public OpenStoreFixture {
 public:
  // Events on disk after this step, oldest first.
  std::vector<model::Event> recorded() {
    recorder.flush(no_positions);
    REQUIRE(store->flush(kLongEnough));
    std::vector<model::Event> all;
    for (const store::StoredEvent& stored : events()) {
      all.push_back(stored.event);
    }
    return all;
  }
  std::vector<std::string> all_told() {
    std::vector<std::string> lines;
    for (const model::Event& event : recorded()) {
      lines.push_back(told(event));
    }
    return lines;
  }

  engine::Routes routes;
  engine::Recorder recorder{*store, routes, clock};
};

}  // namespace warder::testing
