// The network vault against a scripted server: what goes over the wire, what is never sent where,
// and what a failure does.
#include "vault/server_vault.h"

#include "support/manual_clock.h"
#include "support/temporary_folder.h"
#include "support/test_server.h"
#include "util/file.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <atomic>
#include <deque>
#include <map>
#include <thread>

using namespace warder;
using namespace std::chrono_literals;
using crypto::SecretString;
using testing::TestReply;
using testing::TestRequest;
using testing::TestServer;
using util::ErrorCode;

namespace {

const std::string kMounts = "/v1/sys/internal/ui/mounts/secret/warder";
const std::string kMountV2 = R"({"data":{"path":"secret/","type":"kv","options":{"version":"2"}}})";

// A server that answers by method and path; what it does not know is 404.
class Script {
 public:
  Script() {
    say("GET " + kMounts, {.body = kMountV2});
    say("GET /v1/auth/token/lookup-self",
        {.body = R"({"data":{"display_name":"token","policies":["default"],"ttl":0}})"});
  }
  // The answers in turn; the last one stays.
  void say(const std::string& what, TestReply reply) { answers_[what] = {std::move(reply)}; }
  void then(const std::string& what, TestReply reply) {
    answers_[what].push_back(std::move(reply));
  }
  TestReply operator()(const TestRequest& request) {
    const auto found = answers_.find(request.method + " " + request.path);
    if (found == answers_.end()) {
      return {.status = 404, .body = R"({"errors":[]})"};
    }
    TestReply reply = found->second.front();
    if (found->second.size() > 1) {
      found->second.pop_front();
    }
    return reply;
  }

 private:
  std::map<std::string, std::deque<TestReply>> answers_;
};

struct Fixture {
  testing::ManualClock clock;
  Script script;
  TestServer server{[this](const TestRequest& request) { return script(request); }};
  vault::ServerVaultOptions options;

  Fixture() {
    options.connection.addresses = {server.url("")};
    options.connection.retry_wait = 1ms;
    options.login.secret = []() -> util::Result<SecretString> {
      return SecretString("hvs.the-token");
    };
  }
  std::unique_ptr<vault::ServerVault> vault() {
    return std::make_unique<vault::ServerVault>(std::move(options), clock, 1);
  }
  std::size_t count(std::string_view what) const {
    std::size_t n = 0;
    for (const TestRequest& request : server.requests()) {
      n += request.method + " " + request.path == what ? 1 : 0;
    }
    return n;
  }
  TestRequest last(std::string_view what) const {
    TestRequest found;
    for (const TestRequest& request : server.requests()) {
      if (request.method + " " + request.path == what) {
        found = request;
      }
    }
    return found;
  }
};

const std::string kJails = "GET /v1/secret/data/warder/jails";
const TestReply kJailsReply{
    .body =
        R"({"data":{"data":{"sshd":{"maxretry":3}},"metadata":{"version":7,"created_time":"2026-11-22T03:57:36.25Z"}}})"};

void use_approle(Fixture* f) {
  f->options.login.method = vault::LoginMethod::kAppRole;
  f->options.login.mount = "approle";
  f->options.login.name = "the-role";
  f->options.login.secret = []() -> util::Result<SecretString> {
    return SecretString("canary-secret-id");
  };
  f->script.say(
      "POST /v1/auth/approle/login",
      {.body =
           R"({"auth":{"client_token":"hvs.first","policies":["default","warder"],"metadata":{"role_name":"warder"},"lease_duration":1200,"renewable":true}})"});
  f->script.say("POST /v1/auth/token/revoke-self", {.status = 204});
}

}  // namespace

TEST_CASE("a document is read with token, namespace and the header against forged requests") {
  Fixture f;
  f.options.connection.name_space = "team1/";
  f.script.say(kJails, kJailsReply);
  const auto vault = f.vault();
  CHECK(f.server.requests().empty());  // nothing before it is needed
  const auto document = vault->get("jails");
  REQUIRE(document);
  CHECK(document->content.view() == R"({"sshd":{"maxretry":3}})");
  CHECK(document->version == 7);
  CHECK(util::format_rfc3339(document->time) == "2026-11-22T03:57:36.250000Z");
  const TestRequest asked = f.last(kJails);
  CHECK(asked.headers.at("x-vault-token") == "hvs.the-token");
  CHECK(asked.headers.at("x-vault-request") == "true");
  CHECK(asked.headers.at("x-vault-namespace") == "team1/");
  // Mount and session are found out once.
  CHECK(vault->get("jails"));
  CHECK(f.count("GET " + kMounts) == 1);
  CHECK(f.count("GET /v1/auth/token/lookup-self") == 1);
}

TEST_CASE("KV version 1 is found out and has its own paths") {
  Fixture f;
  f.script.say("GET " + kMounts,
               {.body = R"({"data":{"path":"secret/","type":"kv","options":null}})"});
  f.script.say("GET /v1/secret/warder/jails",
               {.body = R"({"lease_duration":2764800,"data":{"a":1}})"});
  f.script.then("GET /v1/secret/warder/jails",
                {.body = R"({"lease_duration":2764800,"data":{"a":2}})"});
  f.script.say("POST /v1/secret/warder/jails", {.status = 204});
  const auto vault = f.vault();
  const auto first = vault->get("jails");
  REQUIRE(first);
  CHECK(first->content.view() == R"({"a":1})");
  const auto second = vault->version("jails");
  REQUIRE(second);
  CHECK(*second != first->version);
  CHECK(vault->put("jails", SecretString(R"({"a":2})"), {}).value_or(0) == *second);
  CHECK(f.last("POST /v1/secret/warder/jails").body == R"({"a":2})");
  CHECK(vault->put("jails", SecretString("{}"), {.expected_version = 3}).error().code() ==
        ErrorCode::kInvalid);
}

TEST_CASE("an identity that may not ask for the mount gets what is configured") {
  Fixture f;
  f.script.say("GET " + kMounts, {.status = 403, .body = R"({"errors":["permission denied"]})"});
  f.options.kv_version = 1;
  f.script.say("GET /v1/secret/warder/jails", {.body = R"({"data":{"a":1}})"});
  CHECK(f.vault()->get("jails"));
}

TEST_CASE("a mount that keeps no documents is refused by name") {
  Fixture f;
  f.script.say("GET " + kMounts, {.body = R"({"data":{"path":"secret/","type":"transit"}})"});
  CHECK(f.vault()->get("jails").error().message() ==
        f.server.url("") +
            ": the mount at secret keeps no documents, it is of type 'transit'; name a kv mount in "
            "mount of [vault] (VAULT_MOUNT_PATH)");
}

TEST_CASE("the token never follows a redirect to a host that was not named") {
  Fixture f;
  TestServer elsewhere([](const TestRequest&) { return kJailsReply; });
  f.script.say(kJails, {.status = 307,
                        .headers = {{"Location", elsewhere.url("/v1/secret/data/warder/jails")}}});
  const auto vault = f.vault();
  const auto answer = vault->get("jails");
  REQUIRE_FALSE(answer);
  CHECK(answer.error().message().find("the token is not sent to") != std::string::npos);
  CHECK(elsewhere.requests().empty());
}

TEST_CASE("a redirect to another node of the same vault is followed once") {
  Fixture f;
  std::atomic<unsigned> asked{0};
  TestServer leader([&](const TestRequest& request) {
    ++asked;
    return request.headers.at("x-vault-token") == "hvs.the-token" ? kJailsReply
                                                                  : TestReply{.status = 403};
  });
  f.options.connection.addresses.push_back(leader.url(""));
  f.script.say(kJails, {.status = 307,
                        .headers = {{"Location", leader.url("/v1/secret/data/warder/jails")}}});
  CHECK(f.vault()->get("jails"));
  CHECK(asked == 1);
}

TEST_CASE("another node answers when the first one is sealed or gone") {
  Fixture f;
  f.script.say(kJails, kJailsReply);
  TestServer sealed([](const TestRequest&) {
    return TestReply{.status = 503, .body = R"({"errors":["Vault is sealed"]})"};
  });
  f.options.connection.addresses = {sealed.url(""), "http://127.0.0.1:1", f.server.url("")};
  CHECK(f.vault()->get("jails"));
}

TEST_CASE("what passes is tried again, what does not is not") {
  Fixture f;
  f.script.say(kJails, {.status = 412, .body = R"({"errors":["required index"]})"});
  f.script.then(kJails, {.status = 500, .body = R"({"errors":["internal error"]})"});
  f.script.then(kJails, kJailsReply);
  const auto vault = f.vault();
  CHECK(vault->get("jails"));
  CHECK(f.count(kJails) == 3);
  f.script.say(kJails, {.status = 503, .body = R"({"errors":["Vault is sealed"]})"});
  CHECK(vault->get("jails").error().code() == ErrorCode::kUnavailable);
  CHECK(f.count(kJails) == 4);
}

TEST_CASE("a used-up quota is left alone until its time") {
  Fixture f;
  f.script.say(kJails, {.status = 429,
                        .headers = {{"Retry-After", "30"}},
                        .body = R"({"errors":["rate limit quota exceeded"]})"});
  f.script.then(kJails, kJailsReply);
  const auto vault = f.vault();
  CHECK(vault->get("jails").error().code() == ErrorCode::kUnavailable);
  f.clock.advance(29s);
  CHECK(vault->get("jails").error().code() == ErrorCode::kUnavailable);
  CHECK(f.count(kJails) == 1);
  f.clock.advance(1s);
  CHECK(vault->get("jails"));
}

TEST_CASE("a 403 with a good token names the identity and the right it lacks") {
  Fixture f;
  f.script.say(kJails, {.status = 403, .body = R"({"errors":["permission denied"]})"});
  CHECK(f.vault()->get("jails").error().message() ==
        f.server.url("") +
            ": token token (policies default) has no right to read secret/data/warder/jails; give "
            "it one, see: warder vault policies check");
  CHECK(f.count(kJails) == 1);
}

TEST_CASE("a session that was revoked is replaced by a new login, once") {
  Fixture f;
  use_approle(&f);
  f.script.say(kJails,
               {.status = 403, .body = R"({"errors":["permission denied","invalid token"]})"});
  f.script.then(kJails, kJailsReply);
  auto vault = f.vault();
  CHECK(vault->get("jails"));
  CHECK(f.count("POST /v1/auth/approle/login") == 2);
  f.script.say(kJails,
               {.status = 403, .body = R"({"errors":["permission denied","invalid token"]})"});
  CHECK(vault->get("jails").error().code() == ErrorCode::kDenied);
  CHECK(f.count("POST /v1/auth/approle/login") == 3);
  // What we got ourselves is given back at the end.
  vault.reset();
  CHECK(f.last("POST /v1/auth/token/revoke-self").headers.at("x-vault-token") == "hvs.first");
}

TEST_CASE("a token that was given is not revoked at the end") {
  Fixture f;
  f.script.say(kJails, kJailsReply);
  CHECK(f.vault()->get("jails"));
  CHECK(f.count("POST /v1/auth/token/revoke-self") == 0);
}

TEST_CASE("a refused login is not repeated before its time") {
  Fixture f;
  use_approle(&f);
  f.script.say("POST /v1/auth/approle/login",
               {.status = 400, .body = R"({"errors":["invalid role or secret ID"]})"});
  const auto vault = f.vault();
  const auto refused = vault->get("jails");
  CHECK(refused.error().code() == ErrorCode::kDenied);
  CHECK(refused.error().message().find("canary") == std::string::npos);
  f.clock.advance(7s);
  CHECK(vault->get("jails").error().message() == refused.error().message());
  CHECK(f.count("POST /v1/auth/approle/login") == 1);
  f.clock.advance(6s);  // 10 s, by chance a quarter more or less
  CHECK_FALSE(vault->get("jails"));
  CHECK(f.count("POST /v1/auth/approle/login") == 2);
}

TEST_CASE("a session is renewed after two thirds of its life and replaced when it grows no more") {
  Fixture f;
  use_approle(&f);
  f.script.say("POST /v1/auth/token/renew-self",
               {.body = R"({"auth":{"lease_duration":1200,"renewable":true}})"});
  const auto vault = f.vault();
  // 1,200 s; grace 10 to 20 %: due between 840 and 880 s.
  const auto due = vault->upkeep(24h);
  CHECK(due >= 840s);
  CHECK(due <= 881s);
  f.clock.advance(830s);
  (void)vault->upkeep(24h);
  CHECK(f.count("POST /v1/auth/token/renew-self") == 0);
  f.clock.advance(60s);
  (void)vault->upkeep(24h);
  CHECK(f.count("POST /v1/auth/token/renew-self") == 1);
  CHECK(f.count("POST /v1/auth/approle/login") == 1);
  // At its longest life: the same call gives only what was left.
  f.script.say("POST /v1/auth/token/renew-self",
               {.body = R"({"auth":{"lease_duration":300,"renewable":true}})"});
  f.clock.advance(890s);
  (void)vault->upkeep(24h);
  CHECK(f.count("POST /v1/auth/approle/login") == 2);
  CHECK(f.count("POST /v1/auth/token/revoke-self") == 1);  // the one it replaced
}

TEST_CASE("while the vault is away a session goes on and its renewal is tried again") {
  Fixture f;
  use_approle(&f);
  const auto vault = f.vault();
  (void)vault->upkeep(24h);
  f.script.say("POST /v1/auth/token/renew-self",
               {.status = 503, .body = R"({"errors":["Vault is sealed"]})"});
  f.clock.advance(890s);
  const auto next = vault->upkeep(24h);
  CHECK(next >= 7500ms);
  CHECK(next <= 12501ms);
  CHECK(f.count("POST /v1/auth/approle/login") == 1);
  // An expired one is not sent any more.
  f.clock.advance(400s);
  (void)vault->upkeep(24h);
  CHECK(f.count("POST /v1/auth/approle/login") == 2);
}

TEST_CASE("what is wrong with our own login is no word about a document") {
  Fixture f;
  auto given = std::make_shared<util::Result<SecretString>>(SecretString("hvs.the-token"));
  f.options.login.secret = [given]() -> util::Result<SecretString> {
    return *given ? util::Result<SecretString>((*given)->copy()) : given->error();
  };
  f.script.say(kJails, kJailsReply);
  const auto vault = f.vault();
  for (const ErrorCode code : {ErrorCode::kNotFound, ErrorCode::kInvalid}) {
    *given = util::Error(code, "/run/token: there is nothing");
    const auto error = vault->get("jails").error();
    CHECK(error.code() == ErrorCode::kConfiguration);
    CHECK(error.message() == "/run/token: there is nothing");
    CHECK(vault->version("jails").error().code() == ErrorCode::kConfiguration);
    CHECK(vault->list().error().code() == ErrorCode::kConfiguration);
    f.clock.advance(600s);  // a secret that is none is not tried again and again
  }
  CHECK(f.server.requests().empty());
  *given = SecretString("hvs.the-token");
  CHECK(vault->get("jails"));
}

TEST_CASE("a login that the vault does not have is told as one") {
  Fixture f;
  use_approle(&f);
  f.script.say(
      "POST /v1/auth/approle/login",
      {.status = 404,
       .body =
           R"({"errors":["no handler for route \"auth/approle/login\". route entry not found."]})"});
  const auto error = f.vault()->get("jails").error();
  CHECK(error.code() == ErrorCode::kDenied);
  CHECK(error.message() ==
        f.server.url("") +
            ": auth/approle/login: the vault has no such login; check login and login_mount of "
            "[vault], and the namespace (the server says: no handler for route "
            "\"auth/approle/login\". route entry not found.)");
}

TEST_CASE("a wrapped SecretID is checked, used once, and kept sealed for after a restart") {
  Fixture f;
  const testing::TemporaryFolder folder;
  const auto keep = folder / "secret-id.sealed";
  bool there = true;
  unsigned delivered = 0;
  const auto prepare = [&] {
    f.options = {};
    use_approle(&f);
    f.options.connection.addresses = {f.server.url("")};
    f.options.connection.retry_wait = 1ms;
    f.options.keep_key = SecretString(std::string(32, 'k'));
    f.options.login.wrapped = true;
    f.options.login.keep_file = keep;
    f.options.login.delivered = [&] {
      there = false;
      ++delivered;
    };
    f.options.login.secret = [&]() -> util::Result<SecretString> {
      if (!there) {
        return util::Error(ErrorCode::kNotFound, "no wrapping token");
      }
      return SecretString("hvs.wrapping");
    };
  };
  prepare();
  f.script.say(kJails, kJailsReply);
  f.script.say("POST /v1/sys/wrapping/lookup",
               {.body = R"({"data":{"creation_path":"auth/approle/role/warder/secret-id"}})"});
  f.script.say("POST /v1/sys/wrapping/unwrap",
               {.body = R"({"data":{"secret_id":"canary-unwrapped"}})"});
  CHECK(f.vault()->get("jails"));
  CHECK(delivered == 1);
  CHECK(f.last("POST /v1/sys/wrapping/unwrap").headers.at("x-vault-token") == "hvs.wrapping");
  CHECK(f.last("POST /v1/sys/wrapping/unwrap").body.empty());
  CHECK(nlohmann::json::parse(f.last("POST /v1/auth/approle/login").body)["secret_id"] ==
        "canary-unwrapped");
  const auto sealed = util::read_file(keep, util::kibibytes(4));
  REQUIRE(sealed);
  CHECK(sealed->find("canary") == std::string::npos);
  // After a restart, with no new delivery.
  prepare();
  CHECK(f.vault()->get("jails"));
  CHECK(f.count("POST /v1/sys/wrapping/unwrap") == 1);
  CHECK(nlohmann::json::parse(f.last("POST /v1/auth/approle/login").body)["secret_id"] ==
        "canary-unwrapped");
}

TEST_CASE("a wrapping token made for something else, or used before, is an alarm") {
  Fixture f;
  use_approle(&f);
  f.options.login.wrapped = true;
  f.script.say("POST /v1/sys/wrapping/lookup",
               {.body = R"({"data":{"creation_path":"sys/wrapping/wrap"}})"});
  const auto vault = f.vault();
  CHECK(vault->get("jails").error().message() ==
        "logging in at the vault by approle: the wrapping token was made for sys/wrapping/wrap, "
        "not for a SecretID of auth/approle: somebody else may have put it there; find out who "
        "delivered it");
  CHECK(f.count("POST /v1/sys/wrapping/unwrap") == 0);
  f.script.say(
      "POST /v1/sys/wrapping/lookup",
      {.status = 400, .body = R"({"errors":["wrapping token is not valid or does not exist"]})"});
  f.clock.advance(13s);
  CHECK(vault->get("jails").error().message().find("somebody else has the secret") !=
        std::string::npos);
}

TEST_CASE("each login sends what it must, in the body and never in the path") {
  Fixture f;
  f.script.say(kJails, kJailsReply);
  const TestReply in{.body = R"({"auth":{"client_token":"hvs.in","lease_duration":60}})"};
  f.options.login.secret = []() -> util::Result<SecretString> {
    return SecretString("canary\"quoted");
  };
  SECTION("kubernetes") {
    f.options.login.method = vault::LoginMethod::kKubernetes;
    f.options.login.mount = "kubernetes";
    f.options.login.name = "guard";
    f.script.say("POST /v1/auth/kubernetes/login", in);
    CHECK(f.vault()->get("jails"));
    CHECK(nlohmann::json::parse(f.last("POST /v1/auth/kubernetes/login").body) ==
          nlohmann::json{{"role", "guard"}, {"jwt", "canary\"quoted"}});
  }
  SECTION("userpass") {
    f.options.login.method = vault::LoginMethod::kUserpass;
    f.options.login.mount = "people/userpass";
    f.options.login.name = "al/ice";
    f.script.say("POST /v1/auth/people/userpass/login/al%2Fice", in);
    CHECK(f.vault()->get("jails"));
    CHECK(nlohmann::json::parse(f.last("POST /v1/auth/people/userpass/login/al%2Fice").body) ==
          nlohmann::json{{"password", "canary\"quoted"}});
  }
  SECTION("a second factor is a mistake of the set-up") {
    f.options.login.method = vault::LoginMethod::kUserpass;
    f.options.login.mount = "userpass";
    f.options.login.name = "alice";
    f.script.say(
        "POST /v1/auth/userpass/login/alice",
        {.body = R"({"auth":{"client_token":"","mfa_requirement":{"mfa_request_id":"x"}}})"});
    CHECK(f.vault()->get("jails").error().message() ==
          "the vault wants a second factor from userpass, which an agent cannot give; exempt this "
          "identity, or use AppRole");
  }
  SECTION("a proxy gets no token at all") {
    f.options.login.method = vault::LoginMethod::kProxy;
    CHECK(f.vault()->get("jails"));
    CHECK(f.last(kJails).headers.count("x-vault-token") == 0);
    CHECK(f.last(kJails).headers.at("x-vault-request") == "true");
  }
}

TEST_CASE("a write carries its condition, and who wrote it stands in the metadata") {
  Fixture f;
  f.script.say("POST /v1/secret/data/warder/jails", {.body = R"({"data":{"version":8}})"});
  f.script.say("PATCH /v1/secret/metadata/warder/jails", {.status = 204});
  const auto vault = f.vault();
  const auto version = vault->put("jails", SecretString(R"({"a":1})"),
                                  {.expected_version = 7, .author = "alice", .comment = "looser"});
  REQUIRE(version);
  CHECK(*version == 8);
  CHECK(f.last("POST /v1/secret/data/warder/jails").body ==
        R"({"options":{"cas":7},"data":{"a":1}})");
  const TestRequest patch = f.last("PATCH /v1/secret/metadata/warder/jails");
  CHECK(patch.headers.at("content-type") == "application/merge-patch+json");
  CHECK(patch.body == R"({"custom_metadata":{"by.8":"alice: looser"}})");
  // A write that got no answer may have happened: it is not sent twice.
  f.script.say("POST /v1/secret/data/warder/jails", {.fault = TestReply::Fault::kClose});
  CHECK(vault->put("jails", SecretString("{}"), {}).error().code() == ErrorCode::kUnavailable);
  CHECK(f.count("POST /v1/secret/data/warder/jails") == 2);
  CHECK(vault->put("jails", SecretString("[canary"), {}).error().message() ==
        "jails: this vault keeps JSON objects; write for instance {\"value\": \"...\"}");
}

TEST_CASE("history tells when, who and why, from the vault's metadata") {
  Fixture f;
  f.script.say(
      "GET /v1/secret/metadata/warder/jails",
      {.body =
           R"({"data":{"current_version":10,"custom_metadata":{"by.9":"alice: looser","by.10":"bob"},
"versions":{"9":{"created_time":"2026-11-22T03:57:36Z","deletion_time":"","destroyed":false},
"10":{"created_time":"2026-11-23T03:57:36Z","deletion_time":"","destroyed":false,"created_by":{"actor":"userpass-bob"}},
"8":{"created_time":"2026-11-21T03:57:36Z","deletion_time":"","destroyed":true}}}})"});
  const auto vault = f.vault();
  const auto versions = vault->history("jails");
  REQUIRE(versions);
  REQUIRE(versions->size() == 3);
  CHECK(versions->at(0).version == 10);
  CHECK(versions->at(0).author == "userpass-bob (bob)");
  CHECK(versions->at(1).author == "alice");
  CHECK(versions->at(1).comment == "looser");
  CHECK_FALSE(versions->at(2).readable);
  CHECK(vault->version("jails").value_or(0) == 10);
}

TEST_CASE("four gets run side by side, a fifth waits") {
  testing::ManualClock clock;
  TestServer* here = nullptr;
  // Answers none before four have come: they would wait for ever one after the other.
  TestServer server([&](const TestRequest&) {
    return here->wait_for_requests(4) ? kJailsReply : TestReply{.status = 500};
  });
  here = &server;
  vault::ServerConnection connection;
  connection.addresses = {server.url("")};
  connection.timeout = 120s;
  vault::ServerClient client(std::move(connection), clock, 1);
  std::vector<std::thread> threads;
  std::atomic<unsigned> good{0};
  for (unsigned i = 0; i < 5; ++i) {
    threads.emplace_back([&] {
      vault::Call call;
      call.path = "secret/data/warder/jails";
      good += client.perform(call).ok() ? 1U : 0U;
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  CHECK(good == 5);
}

TEST_CASE("stopping ends a call to a server that hangs") {
  Fixture f;
  f.script.say(kJails, {.fault = TestReply::Fault::kHang});
  const auto vault = f.vault();
  util::Result<vault::Document> answer = util::Error(ErrorCode::kInternal, "");
  std::thread asker([&] { answer = vault->get("jails"); });
  REQUIRE(f.server.wait_for_requests(3));
  vault->stop();
  asker.join();
  CHECK(answer.error().code() == ErrorCode::kUnavailable);
  CHECK(vault->get("jails").error().code() == ErrorCode::kUnavailable);
}

TEST_CASE("an answer without end is cut off") {
  Fixture f;
  f.script.say(kJails, {.body = "{\"data\":\"" + std::string(std::size_t{5} << 20U, 'x') + "\"}"});
  CHECK(f.vault()->get("jails").error().message() ==
        f.server.url("") + ": the answer is longer than 4194304 bytes");
}

TEST_CASE("health tells the clock's difference and why it is not ready") {
  Fixture f;
  const std::string path = "GET /v1/sys/health?standbyok=true&perfstandbyok=true";
  f.script.say(
      path,
      {.body =
           R"({"initialized":true,"sealed":false,"server_time_utc":1793620890,"version":"2.7.2"})"});
  const auto vault = f.vault();
  const auto good = vault->health();
  REQUIRE(good);
  CHECK(good->ready);
  CHECK(good->text == f.server.url("") + " answers, version 2.7.2");
  CHECK(vault->clock_difference() == 90s);
  f.script.say(path, {.status = 503, .body = R"({"initialized":true,"sealed":true})"});
  CHECK(vault->health()->text ==
        f.server.url("") + ": sys/health: the vault is sealed; its operators must unseal it");
}
