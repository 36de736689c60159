#pragma once

#include "crypto/rsa.h"
#include "util/clock.h"
#include "util/result.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace warder::oci {

// Which headers are signed; the service asks for other sets in two places.
enum class SignedSet {
  kUsual,       // date, target and host; with a body also its length, type and digest
  kObject,      // PutObject and UploadPart of Object Storage: as if there were no body
  kFederation,  // the token service: as usual, but the host is left out
};

// A request as it will go over the wire: path and query encoded, body complete. All views must
// stay valid during sign().
struct Request {
  std::string_view method;  // "GET"
  std::string_view target;  // path and query, "/20190301/secretbundles/ocid1...?stage=CURRENT"
  std::string_view host;    // with the port if it is not the scheme's
  std::string_view body = {};
  std::string_view content_type = "application/json";
  SignedSet signed_set = SignedSet::kUsual;
};

// The headers to send beside those that every HTTP client adds (host, content-length): date,
// authorization and, when a body is signed, content-type and x-content-sha256.
//
// Oracle's request signature, version 1: draft-cavage-http-signatures-08 with RSASSA-PKCS1-v1_5 and
// SHA-256, the headers in the order date, (request-target), host, content-length, content-type,
// x-content-sha256. A signature holds for five minutes round `time`; each attempt signs anew.
util::Result<std::vector<std::pair<std::string, std::string>>> sign(
    const Request& request, std::string_view key_id, const crypto::RsaPrivateKey& key,
    util::WallTime time);

// What is signed: a line a header, no line end at the end.
std::string signing_string(const Request& request, util::WallTime time);

// "Mon, 02 Nov 2026 12:00:00 GMT" (RFC 9110 section 5.6.7, IMF-fixdate).
std::string format_http_date(util::WallTime time);
// Reads that form only; nothing for any other.
std::optional<util::WallTime> parse_http_date(std::string_view text);

}  // namespace warder::oci
