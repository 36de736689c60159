#include "vault/server_answer.h"

#include <catch2/catch.hpp>

using namespace warder;
using namespace std::chrono_literals;
using util::ErrorCode;
using vault::Answer;
using vault::Asked;
using vault::Meaning;

namespace {

const std::string kWhere = "https://vault.example:8200";

Answer read(int status, std::string body, Asked asked = {.path = "secret/data/warder/jails"},
            std::vector<std::pair<std::string, std::string>> headers = {}) {
  http::Response response;
  response.status = status;
  response.body = std::move(body);
  response.headers = std::move(headers);
  return vault::read_answer(std::move(response), asked, kWhere, util::WallTime{});
}

std::string text(std::string_view what) {
  return kWhere + ": secret/data/warder/jails: " + std::string(what);
}

struct Case {
  int status;
  std::string body;
  Meaning meaning;
  ErrorCode code;
  std::string text;
};

}  // namespace

TEST_CASE("a success gives the data and the receipt") {
  const Answer answer = read(
      200, R"({"request_id":"20440321-62cb","data":{"data":{"a":1}},"warnings":["mind the gap"]})");
  CHECK(answer.ok());
  CHECK(answer.request_id == "20440321-62cb");
  CHECK(answer.data()["data"]["a"] == 1);
  CHECK(answer.warnings == std::vector<std::string>{"mind the gap"});
  const Answer empty = read(204, "");
  CHECK(empty.ok());
  CHECK(empty.data().is_null());
}

TEST_CASE("each failure has its meaning, its code, and a text with cause and remedy") {
  const std::vector<Case> cases{
      {404, R"({"errors":[]})", Meaning::kNeverExisted, ErrorCode::kNotFound,
       "there is no such document"},
      {404,
       R"({"data":{"data":null,"metadata":{"deletion_time":"2026-11-22T03:57:36Z","destroyed":false,"version":2}}})",
       Meaning::kSoftDeleted, ErrorCode::kNotFound,
       "was deleted on purpose at 2026-11-22T03:57:36Z; bring it back with: warder vault undelete"},
      {404, R"({"data":{"data":null,"metadata":{"deletion_time":"","destroyed":true}}})",
       Meaning::kDestroyed, ErrorCode::kNotFound,
       "this version was destroyed on purpose and cannot be brought back; write a new one"},
      {404,
       R"({"data":null,"warnings":["Invalid path for a versioned K/V secrets engine. See the API docs"]})",
       Meaning::kWrongKind, ErrorCode::kInvalid,
       "the mount is KV version 2, but was asked like version 1; leave kv_version of [vault] "
       "(VAULT_KV_VERSION) unset, it is found out"},
      {404, R"({"errors":["no handler for route \"nosuch/path\". route entry not found."]})",
       Meaning::kNoMount, ErrorCode::kInvalid,
       "nothing is mounted there; check mount of [vault] (VAULT_MOUNT_PATH) and the namespace"},
      {404, "", Meaning::kSaysNothing, ErrorCode::kInvalid,
       "is answered 404 without JSON, so this is no vault; check address of [vault] (VAULT_ADDR)"},
      {404, R"({"message":"not here"})", Meaning::kNotAVault, ErrorCode::kInvalid,
       "is answered 404 in JSON that is not a vault's; check address of [vault] (VAULT_ADDR) and "
       "what stands between"},
      {404, "<html>not here</html>", Meaning::kNotAVault, ErrorCode::kInvalid,
       "is answered 404 without JSON, so this is no vault; check address of [vault] (VAULT_ADDR)"},
      {403, R"({"errors":["2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"]})",
       Meaning::kBadToken, ErrorCode::kDenied,
       "the token has expired, was revoked, or never was one of this vault"},
      {403, R"({"errors":["1 error occurred:\n\t* permission denied\n\n"]})", Meaning::kDenied,
       ErrorCode::kDenied,
       "permission denied: the identity lacks a right on this path, or its token is no longer "
       "good; see: warder vault policies check"},
      {403, "blocked", Meaning::kNotAVault, ErrorCode::kDenied,
       "is refused (403) without JSON: by a proxy or firewall before the vault"},
      {400, R"({"errors":["check-and-set parameter did not match the current version"]})",
       Meaning::kConflict, ErrorCode::kConflict,
       "somebody else wrote a newer version first; read it and try again"},
      {400, R"({"errors":["check-and-set parameter required for this call"]})", Meaning::kConflict,
       ErrorCode::kConflict, "the vault wants to be told which version is replaced (cas_required)"},
      {400, R"({"errors":["wrapping token is not valid or does not exist"]})",
       Meaning::kWrappingGone, ErrorCode::kDenied,
       "the wrapping token was used before or has expired. If nobody of yours used it, somebody "
       "else has the secret that was in it: revoke it, find out who, and deliver a new one"},
      {400, "Client sent an HTTP request to an HTTPS server.\n", Meaning::kNotAVault,
       ErrorCode::kInvalid,
       "the server speaks TLS; write https:// in address of [vault] (VAULT_ADDR)"},
      {400, R"({"errors":["illegal base64 data at input byte 0"]})", Meaning::kBadRequest,
       ErrorCode::kInvalid,
       "the server refuses the request (the server says: illegal base64 data at input byte 0)"},
      {400, R"({"errors":["Upgrading from non-versioned to versioned data. This backend"]})",
       Meaning::kBehind, ErrorCode::kUnavailable,
       "the mount is being prepared by the server; try again"},
      {412, R"({"errors":["missing \"X-Vault-Request\" header"]})", Meaning::kHeaderMissing,
       ErrorCode::kInvalid, "a proxy took the header X-Vault-Request away"},
      {412, R"({"errors":["required index state not present"]})", Meaning::kBehind,
       ErrorCode::kUnavailable, "this node has not yet what was written on another one; try again"},
      {413, "", Meaning::kTooLarge, ErrorCode::kInvalid,
       "the document is larger than the server or a proxy before it takes"},
      {500, R"({"errors":["internal error"]})", Meaning::kServerFault, ErrorCode::kUnavailable,
       "the server failed (HTTP 500); its own log says why. \"internal error\" often means that "
       "none of its audit devices can write. A write may have happened all the same (the server "
       "says: internal error)"},
      {500, R"({"error":"Logical backend path not supported."})", Meaning::kBadRequest,
       ErrorCode::kInvalid,
       "the server does not support this operation here (an older version, or another kind of "
       "mount) (the server says: Logical backend path not supported.)"},
      {500, R"({"errors":["local node not active but active cluster node not found"]})",
       Meaning::kNoActiveNode, ErrorCode::kUnavailable,
       "the vault's nodes have no leader at the moment; if it lasts, its operators must look at "
       "the cluster"},
      {500, R"({"errors":["JSON string value exceeds allowed length"]})", Meaning::kTooLarge,
       ErrorCode::kInvalid,
       "the document is larger than this server takes; split it (the server says: JSON string "
       "value exceeds allowed length)"},
      {501, "{}", Meaning::kNotInitialised, ErrorCode::kUnavailable,
       "the vault was never initialised; its operators must do so"},
      {503, R"({"errors":["Vault is sealed"]})", Meaning::kSealed, ErrorCode::kUnavailable,
       "the vault is sealed; its operators must unseal it"},
      {503, "<html>", Meaning::kServerFault, ErrorCode::kUnavailable,
       "the server or a proxy before it is out of service (HTTP 503)"},
      {200, "<html>a login page</html>", Meaning::kNotAVault, ErrorCode::kInvalid,
       "the answer is no JSON object, so this is no vault; check address of [vault] (VAULT_ADDR) "
       "and what stands between"},
      {418, "", Meaning::kNotAVault, ErrorCode::kInvalid, "answers HTTP 418, which no vault does"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.status, c.body);
    const Answer answer = read(c.status, c.body);
    CHECK(answer.meaning == c.meaning);
    CHECK(answer.code == c.code);
    CHECK(answer.text == text(c.text));
  }
}

TEST_CASE("a login that is refused is told apart from a request that is") {
  const Asked login{.path = "auth/approle/login", .login = true};
  const Answer answer = read(400, R"({"errors":["invalid role or secret ID"]})", login);
  CHECK(answer.meaning == Meaning::kLoginRefused);
  CHECK(answer.code == ErrorCode::kDenied);
  CHECK(answer.text ==
        kWhere +
            ": auth/approle/login: the vault refuses the login; check the credentials, whether "
            "they expired or were used up, and from which addresses they may be used (the server "
            "says: invalid role or secret ID)");
  CHECK(read(403, R"({"errors":["permission denied"]})", login).meaning == Meaning::kLoginRefused);
  CHECK(read(503, R"({"errors":["Vault is sealed"]})", login).meaning == Meaning::kSealed);
}

TEST_CASE("429 is a quota with a time to wait, but a standby when health was asked") {
  const Answer quota = read(429, R"({"errors":["request path \"x\": rate limit quota exceeded"]})",
                            {.path = "secret/data/warder/jails"}, {{"retry-after", "30"}});
  CHECK(quota.meaning == Meaning::kRateLimited);
  CHECK(quota.retry_after == 30s);
  CHECK(quota.text == text("the vault's quota is used up; asked again in 30 s, not before (the "
                           "server says: request path \"x\": rate limit quota exceeded)"));
  const Asked health{.path = "sys/health", .health = true};
  CHECK(read(429, "{}", health).meaning == Meaning::kStandby);
  CHECK(read(472, "{}", health).meaning == Meaning::kStandby);
  CHECK(read(473, "{}", health).meaning == Meaning::kStandby);
  CHECK(read(474, "{}", health).meaning == Meaning::kNoActiveNode);
  CHECK(read(501, "{}", health).meaning == Meaning::kNotInitialised);
  CHECK(read(503, "{}", health).meaning == Meaning::kSealed);
  CHECK(read(530, "{}", health).meaning == Meaning::kNoActiveNode);
}

TEST_CASE("a redirect names the other host and nothing more of it") {
  const Answer answer = read(307, "", {.path = "secret/data/warder/jails"},
                             {{"location", "https://other.example:8200/v1/secret?canary"}});
  CHECK(answer.meaning == Meaning::kRedirected);
  CHECK(answer.text == text("redirects to https://other.example:8200/..., where the token is not "
                            "sent to; if that is a node of this vault, name it in address of "
                            "[vault] (VAULT_ADDR)"));
}

TEST_CASE("the server's words are shown without tokens, control characters and length") {
  CHECK(vault::shown("token hvs.CAESIJ0123456789abcdefghij is bad") == "token [token] is bad");
  CHECK(vault::shown("s.PB0Rs8PB0Rs8PB0Rs8PB0Rs8, b.AAAA") == "[token], b.AAAA");
  CHECK(vault::shown("version 1.21.4 of errors.New") == "version 1.21.4 of errors.New");
  CHECK(vault::shown("a\nb") == "a\\x0ab");
  CHECK(vault::shown(std::string(100000, 'x')).size() == 300);
}

TEST_CASE("a body nested too deep is no answer") {
  const std::string deep(100, '[');
  CHECK(read(200, R"({"data":)" + deep).meaning == Meaning::kNotAVault);
}
