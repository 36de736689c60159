#include "vault/server_answer.h"

#include "crypto/secret.h"
#include "http/retry_after.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace warder::vault {
namespace {

using nlohmann::json;
using util::ErrorCode;

constexpr std::size_t kMostShown = 300;
constexpr std::size_t kMostErrors = 8;

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// The server's errors in one text; "" without any.
std::string errors_of(const json& body) {
  std::string text;
  if (const std::string single = text_member(body, "error"); !single.empty()) {
    return single;  // RustyVault
  }
  const json& errors = member(body, "errors");
  std::size_t count = 0;
  if (errors.is_array()) {
    for (const json& error : errors) {
      if (error.is_string() && count++ < kMostErrors) {
        text += (text.empty() ? "" : "; ") + error.get<std::string>();
      }
    }
  }
  return text;
}

std::vector<std::string> warnings_of(const json& body) {
  std::vector<std::string> texts;
  const json& warnings = member(body, "warnings");
  if (warnings.is_array()) {
    for (const json& warning : warnings) {
      if (warning.is_string() && texts.size() < kMostErrors) {
        texts.push_back(shown(warning.get<std::string>()));
      }
    }
  }
  return texts;
}

// A verdict on one answer, filled in by the functions below.
struct Judge {
  Answer* answer;
  const Asked& asked;
  std::string_view where;
  std::string said;     // the server's words, raw
  bool silent = false;  // not a byte of an answer

  void verdict(Meaning meaning, ErrorCode code, std::string_view what) const {
    answer->meaning = meaning;
    answer->code = code;
    answer->text = fmt::format("{}: {}: {}", where, asked.path, what);
  }
  // The same with the server's own words behind.
  void quoting(Meaning meaning, ErrorCode code, std::string_view what) const {
    verdict(meaning, code, what);
    if (!said.empty()) {
      answer->text += fmt::format(" (the server says: {})", shown(said));
    }
  }

  void not_found() const {
    const json& body = answer->body.value();
    const json& data = member(body, "data");
    const json& metadata = member(data, "metadata");
    if (metadata.is_object()) {
      if (true_member(metadata, "destroyed")) {
        return verdict(Meaning::kDestroyed, ErrorCode::kNotFound,
                       "this version was destroyed on purpose and cannot be brought back; write a "
                       "new one");
      }
      return verdict(
          Meaning::kSoftDeleted, ErrorCode::kNotFound,
          fmt::format("was deleted on purpose at {}; bring it back with: warder vault undelete",
                      shown(text_member(metadata, "deletion_time"))));
    }
    for (const std::string& warning : answer->warnings) {
      if (has(warning, "versioned K/V")) {
        return verdict(Meaning::kWrongKind, ErrorCode::kInvalid,
                       "the mount is KV version 2, but was asked like version 1; leave kv_version "
                       "of [vault] (VAULT_KV_VERSION) unset, it is found out");
      }
    }
    if (asked.login && (silent || !body.is_null())) {
      return quoting(Meaning::kLoginRefused, ErrorCode::kDenied,
                     "the vault has no such login; check login and login_mount of [vault], and the "
                     "namespace");
    }
    if (has(said, "no handler for route") || has(said, "route entry not found")) {
      return verdict(Meaning::kNoMount, ErrorCode::kInvalid,
                     "nothing is mounted there; check mount of [vault] (VAULT_MOUNT_PATH) and the "
                     "namespace");
    }
    if (!said.empty()) {
      return quoting(Meaning::kBadRequest, ErrorCode::kInvalid,
                     "the server does not know this path; check mount and namespace of [vault]");
    }
    if (body.is_null()) {
      return verdict(silent ? Meaning::kSaysNothing : Meaning::kNotAVault, ErrorCode::kInvalid,
                     "is answered 404 without JSON, so this is no vault; check address of [vault] "
                     "(VAULT_ADDR)");
    }
    if (!member(body, "errors").is_array() && text_member(body, "request_id").empty()) {
      return verdict(Meaning::kNotAVault, ErrorCode::kInvalid,
                     "is answered 404 in JSON that is not a vault's; check address of [vault] "
                     "(VAULT_ADDR) and what stands between");
    }
    verdict(Meaning::kNeverExisted, ErrorCode::kNotFound, "there is no such document");
  }

  void bad_request() const {
    if (has(said, "check-and-set parameter did not match")) {
      return verdict(Meaning::kConflict, ErrorCode::kConflict,
                     "somebody else wrote a newer version first; read it and try again");
    }
    if (has(said, "check-and-set parameter required")) {
      return verdict(Meaning::kConflict, ErrorCode::kConflict,
                     "the vault wants to be told which version is replaced (cas_required)");
    }
    if (has(said, "wrapping token is not valid")) {
      return verdict(
          Meaning::kWrappingGone, ErrorCode::kDenied,
          "the wrapping token was used before or has expired. If nobody of yours used "
          "it, somebody else has the secret that was in it: revoke it, find out who, and "
          "deliver a new one");
    }
    if (has(said, "HTTP request to an HTTPS server")) {
      return verdict(Meaning::kNotAVault, ErrorCode::kInvalid,
                     "the server speaks TLS; write https:// in address of [vault] (VAULT_ADDR)");
    }
    if (has(said, "Upgrading from non-versioned")) {
      return verdict(Meaning::kBehind, ErrorCode::kUnavailable,
                     "the mount is being prepared by the server; try again");
    }
    if (asked.login) {
      return quoting(Meaning::kLoginRefused, ErrorCode::kDenied,
                     "the vault refuses the login; check the credentials, whether they expired or "
                     "were used up, and from which addresses they may be used");
    }
    if (answer->body.value().is_null()) {
      return verdict(Meaning::kNotAVault, ErrorCode::kInvalid,
                     "is refused without JSON; check address of [vault] (VAULT_ADDR) and what "
                     "stands between");
    }
    quoting(Meaning::kBadRequest, ErrorCode::kInvalid, "the server refuses the request");
  }

  void forbidden() const {
    if (answer->body.value().is_null()) {
      return verdict(Meaning::kNotAVault, ErrorCode::kDenied,
                     "is refused (403) without JSON: by a proxy or firewall before the vault");
    }
    if (asked.login) {
      return quoting(Meaning::kLoginRefused, ErrorCode::kDenied,
                     "the vault refuses the login; wrong credentials, a locked account, or (for "
                     "kubernetes) a token of the wrong audience");
    }
    if (has(said, "invalid token") || has(said, "missing client token")) {
      return verdict(Meaning::kBadToken, ErrorCode::kDenied,
                     "the token has expired, was revoked, or never was one of this vault");
    }
    verdict(Meaning::kDenied, ErrorCode::kDenied,
            "permission denied: the identity lacks a right on this path, or its token is no longer "
            "good; see: warder vault policies check");
  }

  void unavailable() const {
    if (has(said, "sealed")) {
      return verdict(Meaning::kSealed, ErrorCode::kUnavailable,
                     "the vault is sealed; its operators must unseal it");
    }
    if (has(said, "no active Vault instance") || has(said, "active cluster node not found")) {
      return verdict(Meaning::kNoActiveNode, ErrorCode::kUnavailable,
                     "the vault's nodes have no leader at the moment; if it lasts, its operators "
                     "must look at the cluster");
    }
    quoting(
        Meaning::kServerFault, ErrorCode::kUnavailable,
        fmt::format("the server or a proxy before it is out of service (HTTP {})", answer->status));
  }

  void unsupported() const {
    quoting(Meaning::kBadRequest, ErrorCode::kInvalid,
            "the server does not support this operation here (an older version, or another kind of "
            "mount)");
  }

  void server_fault() const {
    if (has(said, "active cluster node not found") || has(said, "local node not active")) {
      return unavailable();
    }
    if (has(said, "exceeds allowed length") || has(said, "exceeded maximum")) {
      return quoting(Meaning::kTooLarge, ErrorCode::kInvalid,
                     "the document is larger than this server takes; split it");
    }
    if (has(said, "backend path not supported")) {  // RustyVault
      return unsupported();
    }
    quoting(Meaning::kServerFault, ErrorCode::kUnavailable,
            fmt::format("the server failed (HTTP {}); its own log says why. \"internal error\" "
                        "often means that none of its audit devices can write. A write may have "
                        "happened all the same",
                        answer->status));
  }

  void health() const {
    switch (answer->status) {
      case 429:
      case 472:
      case 473:
        return verdict(Meaning::kStandby, ErrorCode::kUnavailable, "is a standby node");
      case 474:
        return verdict(Meaning::kNoActiveNode, ErrorCode::kUnavailable,
                       "is a standby that does not reach the active node");
      case 501:
        return verdict(Meaning::kNotInitialised, ErrorCode::kUnavailable,
                       "the vault was never initialised; its operators must do so");
      case 503:
        return verdict(Meaning::kSealed, ErrorCode::kUnavailable,
                       "the vault is sealed; its operators must unseal it");
      case 530:
        return verdict(Meaning::kNoActiveNode, ErrorCode::kUnavailable,
                       "this node was removed from its cluster; name another one");
      default:
        return by_status();
    }
  }

  void by_status() const {
    const int status = answer->status;
    if (status == 400) {
      return bad_request();
    }
    if (status == 403 || status == 401) {
      return forbidden();
    }
    if (status == 404) {
      return not_found();
    }
    if (status == 405 || status == 415) {
      return unsupported();
    }
    if (status == 412) {
      if (has(said, "X-Vault-Request")) {
        return verdict(Meaning::kHeaderMissing, ErrorCode::kInvalid,
                       "a proxy took the header X-Vault-Request away");
      }
      return verdict(Meaning::kBehind, ErrorCode::kUnavailable,
                     "this node has not yet what was written on another one; try again");
    }
    if (status == 413) {
      return verdict(Meaning::kTooLarge, ErrorCode::kInvalid,
                     "the document is larger than the server or a proxy before it takes");
    }
    if (status == 429) {
      return quoting(
          Meaning::kRateLimited, ErrorCode::kUnavailable,
          answer->retry_after
              ? fmt::format("the vault's quota is used up; asked again in {} s, not before",
                            answer->retry_after->count())
              : "the vault's quota is used up");
    }
    if (status == 501) {
      return verdict(Meaning::kNotInitialised, ErrorCode::kUnavailable,
                     "the vault was never initialised; its operators must do so");
    }
    if (status == 503) {
      return unavailable();
    }
    if (status >= 500) {
      return server_fault();
    }
    if (status >= 300 && status < 400) {
      return verdict(Meaning::kRedirected, ErrorCode::kInvalid,
                     fmt::format("redirects to {}, where the token is not sent to; if that is a "
                                 "node of this vault, name it in address of [vault] (VAULT_ADDR)",
                                 http::masked_url(answer->location)));
    }
    verdict(Meaning::kNotAVault, ErrorCode::kInvalid,
            fmt::format("answers HTTP {}, which no vault does", status));
  }
};

bool in_token(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
}

// hvs.… of Vault, s.… of OpenBao and their kin: a short prefix, a dot, 20 or more of an alphabet.
std::string without_tokens(std::string_view text) {
  static constexpr std::array<std::string_view, 6> kPrefixes{"hvs", "hvb", "hvr", "s", "b", "r"};
  std::string clean;
  std::size_t i = 0;
  while (i < text.size()) {
    std::size_t end = i;
    while (end < text.size() && in_token(text[end])) {
      ++end;
    }
    const std::string_view word = text.substr(i, end - i);
    if (end < text.size() && text[end] == '.' &&
        std::find(kPrefixes.begin(), kPrefixes.end(), word) != kPrefixes.end()) {
      std::size_t tail = end + 1;
      while (tail < text.size() && (in_token(text[tail]) || text[tail] == '.')) {
        ++tail;
      }
      if (tail - end > 20) {
        clean += "[token]";
        i = tail;
        continue;
      }
    }
    clean += word;
    i = end;
    if (i < text.size()) {
      clean += text[i++];
    }
  }
  return clean;
}

}  // namespace

std::string bad_token_text(std::string_view where) {
  return fmt::format(
      "{}: the vault does not take the token: it has expired, was revoked, or is one of another "
      "vault or namespace; give a new one (VAULT_TOKEN, or token of [vault])",
      where);
}

std::string shown(std::string_view text) {
  // Cut with room to spare first: what follows costs no more than it shows.
  return util::printable(without_tokens(text.substr(0, 4 * kMostShown)), kMostShown);
}

Answer read_answer(http::Response response, const Asked& asked, std::string_view where,
                   util::WallTime now) {
  Answer answer;
  answer.status = response.status;
  if (const auto wait = response.header("retry-after")) {
    answer.retry_after = http::parse_retry_after(*wait, now);
  }
  if (const auto location = response.header("location")) {
    answer.location = std::string(*location);
  }
  const bool silent = response.body.empty();
  const Judge judge{&answer, asked, where, {}, silent};
  if (!response.body.empty()) {
    auto parsed = SecretJson::parse(response.body);
    const bool plain_http = has(response.body, "HTTP request to an HTTPS server");
    crypto::wipe(&response.body);
    if (parsed && parsed->value().is_object()) {
      answer.body = std::move(*parsed);
    } else if (answer.status / 100 == 2) {
      judge.verdict(Meaning::kNotAVault, ErrorCode::kInvalid,
                    "the answer is no JSON object, so this is no vault; check address of [vault] "
                    "(VAULT_ADDR) and what stands between");
      return answer;
    } else if (plain_http) {
      Judge{&answer, asked, where, "HTTP request to an HTTPS server", silent}.bad_request();
      return answer;
    }
  }
  const json& body = answer.body.value();
  answer.request_id = shown(text_member(body, "request_id"));
  answer.warnings = warnings_of(body);
  if (answer.status / 100 == 2) {
    answer.meaning = Meaning::kOk;
    return answer;
  }
  const Judge full{&answer, asked, where, errors_of(body), silent};
  if (asked.health) {
    full.health();
  } else {
    full.by_status();
  }
  return answer;
}

}  // namespace warder::vault
