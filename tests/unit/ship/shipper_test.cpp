// The loop with its thread, a real server and the real clock.
#include "ship/shipper.h"

#include "log/log.h"
#include "ship/webhook.h"
#include "support/memory_outbox.h"
#include "support/test_server.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <atomic>

using namespace warder;
using namespace std::chrono_literals;
using testing::TestReply;
using testing::TestRequest;
using testing::TestServer;

namespace {

// Shares an outbox that outlives the shipper.
class SharedOutbox : public ship::Outbox {
 public:
  explicit SharedOutbox(testing::MemoryOutbox& outbox) : outbox_(outbox) {}
  util::Result<std::vector<model::OutboxItem>> next(std::uint64_t after,
                                                    std::size_t limit) override {
    return outbox_.next(after, limit);
  }
  util::Status delivered(std::span<const std::uint64_t> ids,
                         std::span<const Receipt> receipts) override {
    return outbox_.delivered(ids, receipts);
  }
  util::Status retry(std::span<const std::uint64_t> ids, util::WallTime until,
                     std::string_view error) override {
    return outbox_.retry(ids, until, error);
  }
  util::Status give_up(std::span<const std::uint64_t> ids, std::string_view error) override {
    return outbox_.give_up(ids, error);
  }

 private:
  testing::MemoryOutbox& outbox_;
};

struct Fixture {
  const util::SystemClock clock;
  testing::MemoryOutbox outbox;

  void add(unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
      outbox.add(testing::ban("203.0.113.1", "sshd", clock.now()));
    }
  }
  std::unique_ptr<ship::Shipper> start(const TestServer& server) {
    ship::WebhookOptions webhook;
    webhook.name = "ops";
    webhook.host = "web-1";
    webhook.url = [url = server.url("/hook")] {
      return util::Result<crypto::SecretString>(crypto::SecretString(url));
    };
    webhook.allowed_hosts = {"127.0.0.1"};
    webhook.timeout = 1h;
    ship::ShipperOptions options;
    options.digest = 0s;
    options.first_retry = 1ms;
    options.longest_retry = 5ms;
    return std::make_unique<ship::Shipper>(std::make_unique<SharedOutbox>(outbox),
                                           ship::make_webhook(std::move(webhook), clock), options,
                                           clock, [](const ship::Report&) {});
  }
};

std::vector<std::string> keys_of(const std::vector<TestRequest>& requests) {
  std::vector<std::string> keys;
  for (const TestRequest& request : requests) {
    const auto json = nlohmann::json::parse(request.body);
    for (const auto& message : json["messages"]) {
      keys.push_back(message["key"]);
    }
  }
  return keys;
}

}  // namespace

TEST_CASE("a notified shipper delivers, through failures, in order, without doubles") {
  std::atomic<int> seen{0};
  TestServer server([&](const TestRequest&) {
    // Two of three fail in one way or another, before anything is taken.
    switch (seen++ % 3) {
      case 0:
        return TestReply{.status = 503};
      case 1:
        return TestReply{.fault = TestReply::Fault::kClose};
      default:
        return TestReply{};
    }
  });
  Fixture f;
  const auto shipper = f.start(server);
  CHECK(shipper->name() == "ops");
  f.add(1);
  shipper->notify();
  REQUIRE(server.wait_for_requests(3));
  f.add(1);
  shipper->notify();
  REQUIRE(server.wait_for_requests(6));
  shipper->stop();
  const auto keys = keys_of(server.requests());
  REQUIRE(keys.size() >= 6);
  CHECK(keys[0] == "ops-00000000000000000000000000000001");
  CHECK(keys[0] == keys[1]);
  CHECK(keys[1] == keys[2]);
  CHECK(keys[3] == "ops-00000000000000000000000000000002");
}

TEST_CASE("an answer lost after the server took the batch: sent again under the same key") {
  std::atomic<int> seen{0};
  TestServer server([&](const TestRequest&) {
    return TestReply{.fault = seen++ == 0 ? TestReply::Fault::kReset : TestReply::Fault::kNone};
  });
  Fixture f;
  f.add(3);
  const auto shipper = f.start(server);
  REQUIRE(server.wait_for_requests(2));
  shipper->stop();
  const auto requests = server.requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].headers.at("idempotency-key") == requests[1].headers.at("idempotency-key"));
  CHECK(keys_of({requests[0]}) == keys_of({requests[1]}));
}

TEST_CASE("stop ends a request that hangs, and its items stay") {
  TestServer server([](const TestRequest&) { return TestReply{.fault = TestReply::Fault::kHang}; });
  Fixture f;
  f.add(2);
  auto shipper = f.start(server);
  REQUIRE(server.wait_for_requests(1));
  shipper->stop();
  CHECK(f.outbox.waiting() == 2);
  // The end of the agent is no failure of the destination.
  CHECK_FALSE(shipper->status().failing_since);
  CHECK(f.outbox.attempts(1) == 0);
  shipper->stop();
}

TEST_CASE("a shipper without work stops") {
  TestServer server([](const TestRequest&) { return TestReply{}; });
  Fixture f;
  const auto shipper = f.start(server);
  shipper->stop();
  CHECK(server.requests().empty());
}
