#pragma once

#include "http/client.h"
#include "util/clock.h"
#include "util/result.h"
#include "vault/secret_json.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace warder::vault {

// What an answer of HashiCorp Vault or OpenBao means. The same status means several things; the
// body decides (https://developer.hashicorp.com/vault/api-docs, https://openbao.org/api-docs).
enum class Meaning {
  kOk,
  // 404
  kNeverExisted,  // no such document, or no such version of it
  kSoftDeleted,   // KV v2: deleted on purpose, can be brought back
  kDestroyed,     // KV v2: deleted for good
  kWrongKind,     // a KV v1 path on a KV v2 mount
  kNoMount,       // nothing is mounted there
  // Not a byte: neither HashiCorp Vault nor OpenBao answers so, but RustyVault does, for documents
  // and for questions that it does not know. By itself not to be told from any web server.
  kSaysNothing,
  // 403
  kBadToken,  // the token is none, or no longer one
  kDenied,    // the token is good or cannot be told from a good one, but has no right to this
  // 400
  kLoginRefused,
  kConflict,      // check-and-set: another version is there now
  kWrappingGone,  // a wrapping token that was used before, or expired
  kBadRequest,
  // 412
  kBehind,         // this node has not yet what we wrote elsewhere
  kHeaderMissing,  // a proxy wants X-Vault-Request
  kTooLarge,
  kRateLimited,
  kStandby,         // 429, 472, 473 of sys/health
  kSealed,          // 503
  kNotInitialised,  // 501
  kNoActiveNode,    // 500 or 503 while nodes elect one; 474
  kServerFault,     // 500: often its audit devices; a write may have happened
  kRedirected,      // to a node that was not named
  kNotAVault,       // no JSON: a web server, a proxy's error page, plain HTTP to a TLS port
  kUnreachable,     // no answer at all
};

// One answer, read. Owns its body, which may hold secrets.
struct Answer {
  Meaning meaning = Meaning::kUnreachable;
  int status = 0;  // of HTTP; 0: none
  // The JSON object of the body; null without one.
  SecretJson body;
  // Of the server's audit log: the receipt for what was written.
  std::string request_id;
  std::vector<std::string> warnings;
  // When something failed: for the caller's code, and for the operator: cause and remedy.
  util::ErrorCode code = util::ErrorCode::kUnavailable;
  std::string text;
  // The server said when to come back.
  std::optional<std::chrono::seconds> retry_after;
  // Of a redirect.
  std::string location;

  bool ok() const { return meaning == Meaning::kOk; }
  // Only when not ok().
  util::Error error() const { return {code, text}; }
  // The member `data`; a null JSON value without one.
  const nlohmann::json& data() const { return member(body.value(), "data"); }
};

// What was asked, as far as it decides the meaning of an answer.
struct Asked {
  std::string path;  // "secret/data/jails", as in the server's audit log; no secret
  bool login = false;
  bool health = false;
};

// Reads any bytes in linear time. `where` ("https://vault:8200") and the path go into texts, of the
// server's own words only printable, bounded parts without anything that looks like a token.
Answer read_answer(http::Response response, const Asked& asked, std::string_view where,
                   util::WallTime now);

// What a token that is none, or no longer one, means to the operator.
std::string bad_token_text(std::string_view where);

// Text of the server's that may be shown: printable, at most 300 bytes, tokens struck out.
std::string shown(std::string_view text);

}  // namespace warder::vault
