// Credentials that end with a lease, against scripted answers: when they are renewed, replaced and
// given back, and what a vault does to them that refuses, is sealed or away.
#include "vault/leases.h"

#include "log/log.h"
#include "support/manual_clock.h"
#include "support/test_server.h"
#include "vault/cache.h"
#include "vault/server_vault.h"
#include "vault/upkeep.h"

#include <catch2/catch.hpp>
#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <future>
#include <latch>

using namespace warder;
using namespace std::chrono_literals;
using util::ErrorCode;
using vault::Answer;
using vault::Call;
using vault::Meaning;

namespace {

const std::string kPath = "database/creds/app";

std::string lease_text(std::string_view id, unsigned seconds, bool renewable = true) {
  return fmt::format(
      R"({{"lease_id":"{0}","renewable":{1},"lease_duration":{2},"data":{{"password":"canary-{0}"}}}})",
      id, renewable, seconds);
}

Answer good(const std::string& body) {
  Answer answer;
  answer.meaning = Meaning::kOk;
  answer.body = std::move(*vault::SecretJson::parse(body));
  return answer;
}

Answer bad(Meaning meaning, ErrorCode code, std::string text) {
  Answer answer;
  answer.meaning = meaning;
  answer.code = code;
  answer.text = std::move(text);
  return answer;
}

Answer sealed() { return bad(Meaning::kSealed, ErrorCode::kUnavailable, "the vault is sealed"); }

struct Fixture {
  testing::ManualClock clock;
  std::deque<Answer> answers;
  std::vector<std::string> asked;
  std::uint64_t session = 1;
  vault::Leases leases{
      [this](Call call) {
        asked.push_back(call.path + (call.body.empty() ? "" : " " + std::string(call.body.view())));
        REQUIRE_FALSE(answers.empty());
        Answer answer = std::move(answers.front());
        answers.pop_front();
        return answer;
      },
      [this] { return session; }, clock};

  std::string content() {
    const auto document = leases.get(kPath);
    return document ? std::string(document->content.view()) : document.error().message();
  }
  // What is asked for in a call of `function`.
  template <typename Function>
  std::vector<std::string> asks(Function function) {
    asked.clear();
    function();
    return asked;
  }
};

using Paths = std::vector<std::string>;
const std::string kRenew = "sys/leases/renew ";

std::string renewal(std::string_view id) {
  return kRenew + fmt::format(R"({{"lease_id":"{}"}})", id);
}
std::string secret(std::string_view id) { return fmt::format(R"({{"password":"canary-{}"}})", id); }

}  // namespace

TEST_CASE("a lease is used from memory, renewed at two thirds, and its secret stays") {
  Fixture f;
  f.answers.push_back(good(lease_text("one", 60)));
  CHECK(f.content() == secret("one"));
  CHECK(f.asked == Paths{kPath});
  f.clock.advance(39s);
  CHECK(f.asks([&] {
    CHECK(f.content() == secret("one"));
    CHECK(f.leases.upkeep(1h) == 1s);
  }) == Paths{});
  f.clock.advance(1s);
  f.answers.push_back(good(lease_text("one", 60)));
  CHECK(f.asks([&] { CHECK(f.leases.upkeep(1h) == 40s); }) == Paths{renewal("one")});
  // Whoever asks late renews by himself.
  f.clock.advance(50s);
  f.answers.push_back(good(lease_text("one", 60)));
  CHECK(f.asks([&] { CHECK(f.content() == secret("one")); }) == Paths{renewal("one")});
  CHECK(f.leases.news().empty());
}

TEST_CASE("near its longest life new credentials are asked for while the old ones hold") {
  Fixture f;
  f.answers.push_back(good(lease_text("one", 60)));
  CHECK(f.leases.get(kPath)->version == 1);
  f.clock.advance(40s);
  f.answers.push_back(good(lease_text("one", 20)));  // no more than what was left
  CHECK(f.leases.upkeep(1h) == 1h);
  f.clock.advance(13s);
  CHECK(f.content() == secret("one"));
  f.clock.advance(1s);
  f.answers.push_back(good(lease_text("two", 60)));
  const auto next = f.leases.get(kPath);
  REQUIRE(next);
  CHECK(next->content.view() == secret("two"));
  CHECK(next->version == 2);
  CHECK(f.leases.held() == Paths{"two", "one"});
  f.clock.advance(6s);
  (void)f.leases.upkeep(1h);
  CHECK(f.leases.held() == Paths{"two"});
}

TEST_CASE("what cannot be renewed is replaced at two thirds") {
  Fixture f;
  f.answers.push_back(good(lease_text("one", 30, false)));
  CHECK(f.content() == secret("one"));
  CHECK(f.leases.upkeep(1h) == 1h);
  f.clock.advance(20s);
  f.answers.push_back(good(lease_text("two", 30, false)));
  CHECK(f.asks([&] { CHECK(f.content() == secret("two")); }) == Paths{kPath});
  // Nobody asks: it ends, and nothing is made for nobody.
  f.clock.advance(30s);
  CHECK(f.asks([&] { (void)f.leases.upkeep(1h); }) == Paths{});
  CHECK(f.leases.held().empty());
}

TEST_CASE("a renewal that is refused leads to new credentials, and is told") {
  Fixture f;
  f.answers.push_back(good(lease_text("one", 60)));
  CHECK(f.content() == secret("one"));
  f.clock.advance(40s);
  SECTION("because the lease was revoked") {
    f.answers.push_back(bad(Meaning::kBadRequest, ErrorCode::kInvalid, "lease not found"));
    (void)f.leases.upkeep(1h);
    CHECK(f.leases.held().empty());
    const auto news = f.leases.news();
    REQUIRE(news.size() == 1);
    CHECK(news[0].severity == model::Severity::kWarning);
    CHECK(news[0].text ==
          "the credentials of database/creds/app are over before their time, new ones are "
          "asked for: lease not found");
    f.answers.push_back(good(lease_text("two", 60)));
    CHECK(f.asks([&] { CHECK(f.content() == secret("two")); }) == Paths{kPath});
  }
  SECTION("because there is no right to renew: the old ones hold if there are no others") {
    f.answers.push_back(
        bad(Meaning::kDenied, ErrorCode::kDenied, "no right to write sys/leases/renew"));
    (void)f.leases.upkeep(1h);
    CHECK(f.leases.news().size() == 1);
    f.answers.push_back(sealed());
    CHECK(f.asks([&] { CHECK(f.content() == secret("one")); }) == Paths{kPath});
    CHECK(f.asks([&] { CHECK(f.content() == secret("one")); }) == Paths{});  // not asked each time
    f.clock.advance(10s);
    f.answers.push_back(good(lease_text("two", 60)));
    CHECK(f.asks([&] { CHECK(f.content() == secret("two")); }) == Paths{kPath});
    CHECK(f.leases.news().empty());
  }
}

TEST_CASE("credentials that were refused are looked up, and made anew when they were taken back") {
  Fixture f;
  const auto doubts = [&] { return f.asks([&] { f.leases.doubt(kPath); }); };
  const std::string lookup = R"(sys/leases/lookup {"lease_id":"one"})";
  CHECK(doubts() == Paths{});  // there are none
  f.answers.push_back(good(lease_text("one", 600)));
  CHECK(f.content() == secret("one"));
  SECTION("it stands: the receiver refuses for another reason") {
    f.answers.push_back(good("{}"));
    CHECK(doubts() == Paths{lookup});
    CHECK(f.asks([&] { CHECK(f.content() == secret("one")); }) == Paths{});
    // However often it refuses: once in ten seconds.
    CHECK(doubts() == Paths{});
    f.clock.advance(10s);
    f.answers.push_back(bad(Meaning::kBadRequest, ErrorCode::kInvalid, "invalid lease"));
    CHECK(doubts() == Paths{lookup});
    f.answers.push_back(good(lease_text("two", 600)));
    CHECK(f.asks([&] { CHECK(f.content() == secret("two")); }) == Paths{kPath});
    const auto news = f.leases.news();
    REQUIRE(news.size() == 1);
    CHECK(news[0].text ==
          "the credentials of database/creds/app are over before their time, new ones are asked "
          "for: invalid lease");
  }
  SECTION("it may not be looked up: new ones, but not each time") {
    f.answers.push_back(bad(Meaning::kDenied, ErrorCode::kDenied, "no right"));
    CHECK(doubts() == Paths{lookup});
    CHECK(f.asks([&] { CHECK(f.content() == secret("one")); }) == Paths{});
    f.clock.advance(60s);
    f.answers.push_back(bad(Meaning::kDenied, ErrorCode::kDenied, "no right"));
    CHECK(doubts() == Paths{lookup});
    f.answers.push_back(good(lease_text("two", 600)));
    CHECK(f.asks([&] { CHECK(f.content() == secret("two")); }) == Paths{kPath});
    CHECK(f.leases.news().size() == 1);
  }
  SECTION("the vault is away: they are used as long as they last") {
    f.answers.push_back(sealed());
    CHECK(doubts() == Paths{lookup});
    CHECK(f.asks([&] { CHECK(f.content() == secret("one")); }) == Paths{});
    CHECK(f.leases.news().empty());
  }
}

TEST_CASE("a sealed vault is asked again every ten seconds until the lease is over") {
  Fixture f;
  f.answers.push_back(good(lease_text("one", 60)));
  CHECK(f.content() == secret("one"));
  f.clock.advance(40s);
  f.answers.push_back(sealed());
  CHECK(f.leases.upkeep(1h) == 10s);
  CHECK(f.asks([&] { CHECK(f.content() == secret("one")); }) == Paths{});
  f.clock.advance(10s);
  f.answers.push_back(sealed());
  CHECK(f.asks([&] { CHECK(f.content() == secret("one")); }) == Paths{renewal("one")});
  f.clock.advance(8s);  // with 2 s left they are not given out
  f.answers.push_back(sealed());
  CHECK(f.content() == "/database/creds/app: the vault is sealed");
  CHECK(f.leases.news().empty());
  f.answers.push_back(good(lease_text("two", 60)));
  CHECK(f.content() == secret("two"));
}

TEST_CASE("a new session makes all credentials new, for the old ones ended with theirs") {
  Fixture f;
  f.answers.push_back(good(lease_text("one", 60)));
  CHECK(f.content() == secret("one"));
  f.session = 2;
  f.answers.push_back(good(lease_text("two", 60)));
  CHECK(f.asks([&] { CHECK(f.content() == secret("two")); }) == Paths{kPath});
  CHECK(f.leases.held() == Paths{"two"});
}

TEST_CASE("an answer without a lease and paths that are none are refused by name") {
  Fixture f;
  f.answers.push_back(good(R"({"lease_id":"","lease_duration":0,"data":{"a":"b"}})"));
  CHECK(f.content().find("/database/creds/app: the vault's answer carries no lease") == 0);
  for (const std::string path : {"", "a//b", "../sys/seal", "a/./b", "a/"}) {
    CAPTURE(path);
    const auto refused = f.leases.get(path);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == ErrorCode::kInvalid);
  }
  CHECK(f.asked == Paths{kPath});
}

TEST_CASE("a secret that ended is no longer struck out of messages, one that runs is") {
  Fixture f;
  f.answers.push_back(good(lease_text("one", 60, false)));
  CHECK(f.content() == secret("one"));
  log::register_secret("canary-one");  // as vault::resolve() does
  CHECK(log::redact("it is canary-one") == "it is [redacted]");
  f.clock.advance(60s);
  (void)f.leases.upkeep(1h);
  CHECK(log::redact("it is canary-one") == "it is canary-one");
}

TEST_CASE("however many ask at once, the vault makes credentials once") {
  testing::ManualClock clock;
  std::atomic<int> made = 0;
  vault::Leases leases(
      [&](Call /*call*/) {
        ++made;
        return good(lease_text("one", 60));
      },
      [] { return 1; }, clock);
  std::latch start(8);
  std::vector<std::future<bool>> all;
  for (int i = 0; i < 8; ++i) {
    all.push_back(std::async(std::launch::async, [&] {
      start.arrive_and_wait();
      const auto document = leases.get(kPath);
      return document && document->content.view() == secret("one");
    }));
  }
  CHECK(std::all_of(all.begin(), all.end(), [](auto& one) { return one.get(); }));
  CHECK(made == 1);
}

namespace {

// A vault behind HTTP that gives one lease, and what it was asked.
struct Served {
  testing::ManualClock clock;
  testing::TestServer server{[](const testing::TestRequest& request) -> testing::TestReply {
    if (request.path == "/v1/database/creds/app") {
      return {.body = lease_text("database/creds/app/1", 60)};
    }
    if (request.path == "/v1/sys/leases/renew") {
      return {.body = lease_text("database/creds/app/1", 60)};
    }
    if (request.path == "/v1/auth/token/lookup-self") {
      return {.body = R"({"data":{"display_name":"token","policies":["default"],"ttl":0}})"};
    }
    if (request.path == "/v1/auth/approle/login") {
      return {.body =
                  R"({"auth":{"client_token":"hvs.own","lease_duration":1200,"renewable":true}})"};
    }
    return {.status = 204};
  }};
  vault::ServerVaultOptions options;

  Served() {
    options.connection.addresses = {server.url("")};
    options.login.secret = []() -> util::Result<crypto::SecretString> {
      return crypto::SecretString("hvs.given");
    };
  }
  Paths paths() const {
    Paths all;
    for (const testing::TestRequest& request : server.requests()) {
      all.push_back(request.method + " " + request.path +
                    (request.body.empty() ? "" : " " + request.body));
    }
    return all;
  }
};

}  // namespace

TEST_CASE(
    "a path beginning with '/' is read at the vault, passes the cache, and is given back at the "
    "end") {
  Served s;
  SECTION("by its own id where the session was not ours") {
    {
      vault::ServerVault vault(std::move(s.options), s.clock, 1);
      vault::Cache cache(vault, crypto::SecretString(std::string(32, 'k')), {}, s.clock, 1);
      const auto cached = cache.get("/database/creds/app");
      REQUIRE(cached);
      CHECK(cached->document.content.view() == secret("database/creds/app/1"));
      CHECK(cache.get("/database/creds/app"));
      CHECK(vault.leases() == 1);
      CHECK(vault.get("/database/creds/app", 1).error().code() == ErrorCode::kInvalid);
      s.clock.advance(40s);
      CHECK(vault.upkeep(1h) == 40s);
      vault.stop();
    }
    CHECK(s.paths() == Paths{"GET /v1/auth/token/lookup-self", "GET /v1/database/creds/app",
                             R"(POST /v1/sys/leases/renew {"lease_id":"database/creds/app/1"})",
                             R"(POST /v1/sys/leases/revoke {"lease_id":"database/creds/app/1"})"});
  }
  SECTION("with the session where it was") {
    s.options.login.method = vault::LoginMethod::kAppRole;
    s.options.login.mount = "approle";
    s.options.login.name = "role";
    {
      vault::ServerVault vault(std::move(s.options), s.clock, 1);
      CHECK(vault.get("/database/creds/app"));
      vault.stop();
    }
    CHECK(s.paths().back() == "POST /v1/auth/token/revoke-self");
    CHECK(s.paths().size() == 3);
  }
}

TEST_CASE("a command keeps its leases alive while it works") {
  Served s;
  std::atomic<int> asked = 0;
  struct Counting : vault::ServerVault {
    Counting(vault::ServerVaultOptions options, const util::Clock& clock, std::atomic<int>* count)
        : vault::ServerVault(std::move(options), clock, 1), count_(count) {}
    std::chrono::milliseconds upkeep(std::chrono::milliseconds longest) override {
      (void)vault::ServerVault::upkeep(longest);
      ++*count_;
      count_->notify_all();
      return 1ms;
    }
    std::atomic<int>* count_;
  };
  Counting vault(std::move(s.options), s.clock, &asked);
  CHECK(vault.get("/database/creds/app"));
  s.clock.advance(40s);
  {
    const vault::Upkeep upkeep(vault);
    for (int seen = 0; seen < 2; seen = asked) {
      asked.wait(seen);
    }
  }
  const Paths all = s.paths();
  CHECK(std::count_if(all.begin(), all.end(), [](const std::string& path) {
          return path.starts_with("POST /v1/sys/leases/renew");
        }) == 1);
}
