#pragma once

#include "crypto/sha256.h"
#include "store/reader.h"
#include "store/store.h"
#include "support/manual_clock.h"
#include "support/temporary_folder.h"
#include "util/encoding.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace warder::testing {

inline constexpr std::chrono::seconds kLongEnough{30};

inline model::EventId event_id(std::uint32_t number) {
  const auto digest = crypto::sha256(util::as_bytes("id" + std::to_string(number)));
  model::EventId id;
  std::copy_n(digest.begin(), id.bytes.size(), id.bytes.begin());
  return id;
}

// The finding `number` of a fixed series: another second and address each.
inline model::Event finding(std::uint32_t number) {
  model::Event event;
  event.id = event_id(number);
  event.kind = model::EventKind::kFinding;
  event.severity = model::Severity::kNotice;
  event.time = ManualClock().now() + std::chrono::seconds(number);
  event.jail = number % 2 == 0 ? "sshd" : "caddy-auth";
  event.address = net::Prefix(net::IpAddress::v4(0xC0000200U + number % 200));
  event.message = "finding " + std::to_string(number);
  return event;
}

inline crypto::Ed25519SecretKey secret_key(std::uint8_t seed = 7) {
  return crypto::Ed25519SecretKey::from_bytes(util::Bytes(32, seed)).value();
}

// A store in a folder of its own, on a clock that stands still.
class StoreFixture {
 public:
  StoreFixture() {
    options.path = folder / "warder.db";
    options.origin = "warder/test.example";
    options.commit_interval = std::chrono::milliseconds(5);
    options.first_retry = std::chrono::milliseconds(5);
    options.longest_retry = std::chrono::milliseconds(20);
    options.reserve = util::kibibytes(64);
  }

  store::Store& open() {
    auto opened = store::Store::open(options, clock, secret_key(), hooks);
    if (!opened) {
      FAIL(opened.error().message());
    }
    store = std::move(opened).value();
    return *store;
  }
  void close() {
    REQUIRE(store->close(kLongEnough));
    store.reset();
  }
  void put(store::Batch batch) {
    const auto ticket = store->submit(std::move(batch));
    REQUIRE(ticket);
    REQUIRE(store->wait(*ticket, kLongEnough));
  }
  void put_findings(std::uint32_t first, std::uint32_t count) {
    store::Batch batch;
    for (std::uint32_t i = 0; i < count; ++i) {
      batch.events.push_back(finding(first + i));
    }
    put(std::move(batch));
  }
  store::Reader reader() const {
    auto opened = store::Reader::open(options.path);
    if (!opened) {
      FAIL(opened.error().message());
    }
    return std::move(opened).value();
  }
  std::vector<store::StoredEvent> events(store::EventFilter filter = {}) const {
    filter.order = store::EventFilter::Order::kOldestFirst;
    std::vector<store::StoredEvent> all;
    auto open_reader = reader();
    REQUIRE(open_reader.events(filter, [&](const store::StoredEvent& event) {
      all.push_back(event);
      return true;
    }));
    return all;
  }
  std::vector<std::string> messages(store::EventFilter filter = {}) const {
    std::vector<std::string> texts;
    for (const auto& event : events(std::move(filter))) {
      texts.push_back(event.event.message);
    }
    return texts;
  }

  TemporaryFolder folder;
  ManualClock clock;
  store::Options options;
  store::Hooks hooks;
  std::unique_ptr<store::Store> store;
};

}  // namespace warder::testing
