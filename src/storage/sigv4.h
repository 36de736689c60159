#pragma once

#include "crypto/secret.h"
#include "util/clock.h"
#include "util/result.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace warder::storage {

// A request to a service of Amazon's kind, before it is signed.
struct SigV4Request {
  std::string method;
  std::string host;                            // with the port, if it is not the scheme's
  std::string path;                            // encoded as it goes over the wire
  std::map<std::string, std::string> query;    // not encoded; in the order that is signed
  std::map<std::string, std::string> headers;  // lower-case names, to be sent and signed
  std::string payload_sha256;                  // hex, or "UNSIGNED-PAYLOAD"
};

struct SigV4Key {
  std::string_view access_key;
  const crypto::SecretString& secret_key;
  std::string_view region;
  std::string_view service = "s3";
  std::string_view session_token = {};  // of temporary credentials: sent and signed; empty: none
};

// The headers to send ("name: value"), Authorization among them: AWS Signature Version 4 as
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
// describes it. libcurl 7.88 signs too, but leaves queries unsorted and unencoded.
util::Result<std::vector<std::string>> sign_v4(const SigV4Request& request, const SigV4Key& key,
                                               util::WallTime time);

// "a=1&b=x%20y", as it is signed and sent.
std::string encode_query(const std::map<std::string, std::string>& query);
// RFC 3986 section 2.3: all but unreserved characters as %XX; '/' too unless it is kept.
enum class Slash { kEncoded, kKept };
std::string encode(std::string_view text, Slash slash);

}  // namespace warder::storage
