#include "ship/webhook.h"

#include "crypto/hmac.h"
#include "ship/alert_forms.h"
#include "support/manual_clock.h"
#include "support/memory_outbox.h"
#include "support/test_server.h"
#include "util/encoding.h"

#include <catch2/catch.hpp>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <mutex>

using namespace warder;
using namespace std::chrono_literals;
using crypto::SecretString;
using ship::Outcome;
using testing::TestReply;
using testing::TestRequest;
using testing::TestServer;
using Kind = Outcome::Kind;

namespace {

ship::SecretSource secret(std::string text) {
  return [text = std::move(text)] { return util::Result<SecretString>(SecretString(text)); };
}

std::vector<ship::Message> messages(std::size_t count) {
  std::vector<ship::Message> made;
  for (std::size_t i = 0; i < count; ++i) {
    ship::Message message;
    message.what = testing::ban("203.0.113.9", "sshd", testing::ManualClock().now());
    message.event()->id.bytes[15] = static_cast<std::uint8_t>(i + 1);
    message.event()->detail = R"({"count":5})";
    message.key = ship::event_key("ops", message.event()->id);
    message.items = {i + 1};
    made.push_back(std::move(message));
  }
  return made;
}

struct Fixture {
  // What the server answers, unless `answer` is replaced before the first request.
  void reply(TestReply next) {
    const std::lock_guard lock(mutex_);
    reply_ = std::move(next);
  }
  TestServer server{[this](const TestRequest& request) { return answer(request); }};
  testing::ManualClock clock;
  ship::WebhookOptions options;
  std::function<TestReply(const TestRequest&)> answer = [this](const TestRequest&) {
    const std::lock_guard lock(mutex_);
    return reply_;
  };

  Fixture() {
    options.name = "ops";
    options.host = "web-1";
    options.url = secret(server.url("/canary-token"));
    options.allowed_hosts = {"127.0.0.1"};
    options.timeout = 10s;
  }
  std::string where() const { return fmt::format("http://127.0.0.1:{}", server.port()); }
  std::unique_ptr<ship::Destination> make() const { return ship::make_webhook(options, clock); }
  Outcome send(std::size_t count = 1) const {
    const auto outcomes = make()->deliver(messages(count));
    REQUIRE(outcomes.size() == count);
    CHECK(outcomes[0].reason.find("canary") == std::string::npos);
    return outcomes[0];
  }

 private:
  std::mutex mutex_;
  TestReply reply_;  // guarded by mutex_
};

}  // namespace

TEST_CASE("the generic form carries many messages, a key, a token and a signature") {
  Fixture f;
  f.options.bearer = secret("token-1");
  f.options.signing_key = secret("signing");
  const auto destination = f.make();
  CHECK(destination->batch_limit() == 50);
  const auto outcomes = destination->deliver(messages(3));
  REQUIRE(outcomes.size() == 3);
  CHECK(outcomes[2].kind == Kind::kDelivered);
  const TestRequest request = f.server.requests().at(0);
  CHECK(request.method == "POST");
  CHECK(request.path == "/canary-token");
  CHECK(request.headers.at("content-type") == "application/json");
  CHECK(request.headers.at("authorization") == "Bearer token-1");
  CHECK(request.headers.at("idempotency-key") == "ops-00000000000000000000000000000001+2");
  CHECK(request.headers.at("x-warder-signature") ==
        "sha256=" + util::to_hex(*crypto::hmac_sha256(util::as_bytes("signing"),
                                                      util::as_bytes(request.body))));
  CHECK(request.body == ship::generic_body({"web-1", "ops"}, messages(3), f.clock.now()));
}

TEST_CASE("the chat forms send one message a request") {
  Fixture f;
  const auto sent = [&](ship::Form form) {
    f.options.form = form;
    const auto destination = f.make();
    CHECK(destination->batch_limit() == 1);
    CHECK(destination->deliver(messages(1)).at(0).kind == Kind::kDelivered);
    return f.server.requests().back();
  };
  const ship::Sender sender{"web-1", "ops"};
  CHECK(sent(ship::Form::kSlack).body == ship::slack_body(sender, messages(1)[0]));
  CHECK(sent(ship::Form::kDiscord).body == ship::discord_body(sender, messages(1)[0]));
  const TestRequest ntfy = sent(ship::Form::kNtfy);
  CHECK(ntfy.path == "/");
  CHECK(ntfy.body == ship::ntfy_body(sender, "canary-token", messages(1)[0]));
  CHECK(ntfy.headers.at("idempotency-key") == "ops-00000000000000000000000000000001");
  f.options.url = secret(f.server.url("/no.topic"));
  CHECK(f.make()->deliver(messages(1)).at(0).reason ==
        f.where() +
            "/...: the address must end with the topic, as in https://ntfy.sh/TOPIC "
            "(letters, digits, - and _)");
}

TEST_CASE("what keeps alerts gets its own forms; a routing key stands in the body alone") {
  Fixture f;
  f.options.bearer = secret("token-1");
  const auto sent = [&](ship::Form form) {
    f.options.form = form;
    f.reply({.status = 202});
    CHECK(f.make()->deliver(messages(1)).at(0).kind == Kind::kDelivered);
    return f.server.requests().back();
  };
  const ship::Sender sender{"web-1", "ops"};
  CHECK(sent(ship::Form::kTeams).body == ship::teams_body(sender, messages(1)[0]));
  const TestRequest gotify = sent(ship::Form::kGotify);
  CHECK(gotify.body == ship::gotify_body(sender, messages(1)[0]));
  CHECK(gotify.headers.at("authorization") == "Bearer token-1");
  CHECK(sent(ship::Form::kAlertmanager).body == ship::alertmanager_body(sender, messages(1)[0]));
  const TestRequest page = sent(ship::Form::kPagerDuty);
  CHECK(page.body == ship::pagerduty_body(sender, "token-1", messages(1)[0]));
  CHECK_FALSE(page.headers.contains("authorization"));
  // A wrong key is a 400 there: the vault's newer one is used the next time.
  std::string key = "canary-1";
  f.options.bearer = [&]() -> util::Result<crypto::SecretString> {
    return crypto::SecretString::take(std::string(key));
  };
  const auto destination = f.make();
  f.reply({.status = 400});
  const Outcome refused = destination->deliver(messages(1)).at(0);
  CHECK(refused.kind == Kind::kRefused);
  CHECK(refused.reason.find("canary") == std::string::npos);
  key = "canary-2";
  f.reply({.status = 202});
  CHECK(destination->deliver(messages(1)).at(0).kind == Kind::kDelivered);
  CHECK(f.server.requests().back().body ==
        ship::pagerduty_body(sender, "canary-2", messages(1)[0]));
}

TEST_CASE("each status has its rule") {
  Fixture f;
  const auto kind = [&](int status) {
    f.reply({.status = status});
    return f.send().kind;
  };
  for (const int status : {200, 201, 202, 204}) {
    CHECK(kind(status) == Kind::kDelivered);
  }
  for (const int status : {408, 425, 429, 500, 502, 503, 504}) {
    CHECK(kind(status) == Kind::kRetry);
  }
  for (const int status : {400, 413, 415, 422}) {
    CHECK(kind(status) == Kind::kRefused);
  }
  for (const int status : {301, 307, 401, 403, 404, 405, 410}) {
    CHECK(kind(status) == Kind::kRejected);
  }
}

TEST_CASE("the texts name status, cause and remedy, and nothing that was sent") {
  Fixture f;
  f.reply({.status = 403, .body = "invalid_token"});
  CHECK(f.send().reason ==
        f.where() +
            "/... answered 403 (invalid_token); check the token and that it is still valid");
  f.reply({.status = 404, .body = "no such hook: /canary-token"});
  CHECK(f.send().reason ==
        f.where() + "/... answered 404; check the address, the webhook may have been removed");
  f.reply({.status = 302, .headers = {{"Location", "/canary-login"}}});
  CHECK(f.send().reason ==
        f.where() +
            "/... answered 302; it redirects, which is not followed: name the final "
            "address");
  f.reply({.status = 500});
  CHECK(f.send().reason == f.where() + "/... answered 500");
}

TEST_CASE("Retry-After is passed on, as seconds or date") {
  Fixture f;
  f.reply({.status = 429, .headers = {{"Retry-After", "17"}}});
  CHECK(f.send().after == 17s);
  f.reply({.status = 429, .headers = {{"Retry-After", "Mon, 02 Nov 2026 12:01:00 GMT"}}});
  CHECK(f.send().after == 60s);
  f.reply({.status = 429, .headers = {{"Retry-After", "later"}}});
  CHECK_FALSE(f.send().after);
}

TEST_CASE("no answer is retried") {
  Fixture f;
  using Fault = TestReply::Fault;
  for (const Fault fault : {Fault::kClose, Fault::kReset, Fault::kMidBody}) {
    f.reply({.body = "0123456789", .fault = fault});
    const Outcome outcome = f.send();
    CHECK(outcome.kind == Kind::kRetry);
    CHECK(outcome.reason == f.where() + ": the connection ended before the answer was complete");
  }
  f.reply({.fault = Fault::kHang});
  f.options.timeout = 50ms;
  CHECK(f.send().reason == f.where() + ": no answer within the time limit");
}

TEST_CASE("a web page is no receipt") {
  Fixture f;
  f.reply({.body = "<html>please sign in</html>"});
  const Outcome outcome = f.send();
  CHECK(outcome.kind == Kind::kRetry);
  CHECK(outcome.reason == f.where() +
                              "/... answered 200 with a web page: something else than the "
                              "receiver answers there");
}

TEST_CASE("success with partial failure") {
  Fixture f;
  f.reply({.body = R"({"failed":[)"
                   R"({"key":"ops-00000000000000000000000000000002","reason":"bad\u001b"},)"
                   R"({"key":"ops-00000000000000000000000000000003","retry":true},)"
                   R"({"key":"unknown"},{"key":5},7]})"});
  const auto outcomes = f.make()->deliver(messages(4));
  REQUIRE(outcomes.size() == 4);
  CHECK(outcomes[0].kind == Kind::kDelivered);
  CHECK(outcomes[1].kind == Kind::kRefused);
  CHECK(outcomes[1].reason == "the receiver took the others and not this message: bad\\x1b");
  CHECK(outcomes[2].kind == Kind::kRetry);
  CHECK(outcomes[3].kind == Kind::kDelivered);
  f.reply({.body = "no json"});
  CHECK(f.send().kind == Kind::kDelivered);
}

TEST_CASE("an event that is too long goes once more without its detail") {
  Fixture f;
  f.answer = [](const TestRequest& request) {
    return TestReply{.status = request.body.find("\"detail\"") == std::string::npos ? 200 : 413};
  };
  CHECK(f.send().kind == Kind::kDelivered);
  CHECK(f.server.requests().size() == 2);
  // A batch is halved by the shipper instead.
  CHECK(f.send(2).kind == Kind::kRefused);
  CHECK(f.server.requests().size() == 3);
}

TEST_CASE("a secret that was changed in the vault is used at once") {
  Fixture f;
  std::string token = "old";
  f.options.bearer = [&token] { return util::Result<SecretString>(SecretString(token)); };
  f.answer = [](const TestRequest& request) {
    return TestReply{.status = request.headers.at("authorization") == "Bearer new" ? 200 : 401};
  };
  const auto destination = f.make();
  CHECK(destination->deliver(messages(1)).at(0).kind == Kind::kRejected);
  // The same secret again would be asking for a lock-out.
  CHECK(f.server.requests().size() == 1);
  token = "new";
  CHECK(destination->deliver(messages(1)).at(0).kind == Kind::kDelivered);
  CHECK(f.server.requests().size() == 3);
}

TEST_CASE("a secret that cannot be read is retried and named") {
  Fixture f;
  f.options.url = [] {
    return util::Result<SecretString>(
        util::Error(util::ErrorCode::kUnavailable, "vault:alerts/url: the vault is away"));
  };
  const Outcome outcome = f.send();
  CHECK(outcome.kind == Kind::kRetry);
  CHECK(outcome.reason == "vault:alerts/url: the vault is away");
}

TEST_CASE("a webhook inside the network needs leave by name") {
  Fixture f;
  f.options.allowed_hosts = {};
  const Outcome outcome = f.send();
  CHECK(outcome.kind == Kind::kRetry);
  CHECK(outcome.reason == f.where() +
                              ": goes to 127.0.0.1, a loopback address, where no webhook "
                              "is sent to; if this is wanted, name the host in "
                              "allow_private");
  CHECK(f.server.requests().empty());
}

TEST_CASE("a banned address is reported to AbuseIPDB, with the key in its own header") {
  Fixture f;
  f.options.form = ship::Form::kAbuseIpDb;
  f.options.bearer = secret("key-1");
  f.options.target = "18,22";
  CHECK(f.send().kind == Kind::kDelivered);
  const TestRequest request = f.server.requests().at(0);
  CHECK(request.headers.at("content-type") == "application/x-www-form-urlencoded");
  CHECK(request.headers.at("key") == "key-1");
  CHECK_FALSE(request.headers.contains("authorization"));
  CHECK(request.body.starts_with("ip=203.0.113.9&categories=18%2C22&comment=sshd%3A%20banned"));
  CHECK(request.body.find("&timestamp=2") != std::string::npos);

  // It has heard of the address already: not an error, and nothing to try again.
  f.reply({429,
           {},
           R"({"errors":[{"detail":"You can only report the same IP address )"
           R"((`203.0.113.9`) once in 15 minutes.","status":429}]})"});
  CHECK(f.send().kind == Kind::kDelivered);
  f.reply({429, {}, "daily limit"});
  CHECK(f.send().kind == Kind::kRetry);
  f.reply({401, {}, "no"});
  CHECK(f.send().kind == Kind::kRejected);
}

TEST_CASE("a banned address is reported to blocklist.de") {
  Fixture f;
  f.options.form = ship::Form::kBlocklistDe;
  f.options.bearer = secret("key&1");
  f.options.target = "ops@example.org";
  CHECK(f.send().kind == Kind::kDelivered);
  const TestRequest request = f.server.requests().at(0);
  CHECK_FALSE(request.headers.contains("authorization"));
  CHECK(request.body.starts_with(
      "server=ops%40example.org&apikey=key%261&service=sshd&ip=203.0.113.9&logs=sshd%3A%20banned"));
  CHECK(request.body.ends_with("&format=text"));
}

TEST_CASE("nobody is told but of bans of single public addresses") {
  Fixture f;
  f.options.form = ship::Form::kAbuseIpDb;
  f.options.bearer = secret("key-1");
  std::vector<ship::Message> list = messages(4);
  list[0].event()->kind = model::EventKind::kFinding;
  list[1].event()->address = *net::Prefix::parse("10.0.0.1");
  list[2].event()->address = *net::Prefix::parse("2001:db8::/64");
  list[3].event()->address.reset();
  for (const Outcome& outcome : f.make()->deliver(list)) {
    CHECK(outcome.kind == Kind::kDelivered);
  }
  CHECK(f.server.requests().empty());
}
