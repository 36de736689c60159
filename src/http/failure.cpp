#include "http/failure.h"

#include "http/library.h"

#include <fmt/core.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace warder::http {
namespace {

using util::Error;
using util::ErrorCode;

// Values of X509_V_ERR_* (openssl/x509_vfy.h), which CURLINFO_SSL_VERIFYRESULT hands through.
constexpr long kNotYetValid = 9;
constexpr long kExpired = 10;
constexpr long kSelfSigned = 18;
constexpr long kSelfSignedInChain = 19;
constexpr long kNoIssuerLocally = 20;
constexpr long kCannotVerifyFirst = 21;
constexpr long kRevoked = 23;
constexpr long kKeyTooSmall = 66;
constexpr long kCaKeyTooSmall = 67;
constexpr long kDigestTooWeak = 68;

std::string certificate_problem(long result) {
  switch (result) {
    // 1 is libcurl's starting value: OpenSSL found nothing wrong with the chain, so it is the name.
    case 0:
    case 1:
      return "its certificate is for another name; use the name that is in the certificate";
    case kNotYetValid:
      return "its certificate is not valid yet; check the clock of this machine and the "
             "certificate";
    case kExpired:
      return "its certificate has expired; renew it (or check the clock of this machine)";
    case kSelfSigned:
      return "its certificate is signed by itself; name it in ca_file if it is yours";
    case kSelfSignedInChain:
    case kNoIssuerLocally:
    case kCannotVerifyFirst:
      return "its certificate comes from an unknown authority; name the authority's certificate in "
             "ca_file if it is yours";
    case kRevoked:
      return "its certificate was revoked";
    case kKeyTooSmall:
    case kCaKeyTooSmall:
      return "its certificate has a key that is too weak; it needs a new one";
    case kDigestTooWeak:
      return "its certificate is signed with a hash that is too weak; it needs a new one";
    default:
      return fmt::format("its certificate was refused (OpenSSL's verify result {})", result);
  }
}

std::string connection_problem(CURL* handle) {
  long os_error = 0;
  library()->easy_getinfo(handle, CURLINFO_OS_ERRNO, &os_error);
  if (os_error == 0) {
    return "no connection";
  }
  const std::string reason = std::generic_category().message(static_cast<int>(os_error));
  switch (os_error) {
    case ECONNREFUSED:
      return reason +
             "; nothing listens there: check address and port, and whether the server runs";
    case ENETUNREACH:
    case EHOSTUNREACH:
      return reason + "; check the address, and the network of this machine";
    default:
      return reason;
  }
}

}  // namespace

Error describe_failure(CURLcode code, CURL* handle, std::string_view where) {
  const auto text = [&](ErrorCode kind, std::string_view what) {
    return Error(kind, fmt::format("{}: {}", where, what));
  };
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return text(ErrorCode::kUnavailable,
                  "its name cannot be resolved; check the name and this machine's name servers");
    case CURLE_COULDNT_RESOLVE_PROXY:
      return text(ErrorCode::kUnavailable, "the name of the proxy cannot be resolved");
    case CURLE_COULDNT_CONNECT:
      return text(ErrorCode::kUnavailable, connection_problem(handle));
    case CURLE_OPERATION_TIMEDOUT:
      return text(ErrorCode::kTimeout, "no answer within the time limit");
    case CURLE_PEER_FAILED_VERIFICATION: {
      long result = 0;
      library()->easy_getinfo(handle, CURLINFO_SSL_VERIFYRESULT, &result);
      return text(ErrorCode::kDenied, certificate_problem(result));
    }
    case CURLE_SSL_CONNECT_ERROR:
      return text(ErrorCode::kDenied,
                  where.starts_with("https")
                      ? "no TLS connection: the server offers no TLS 1.2 or newer, or is no TLS "
                        "server (the address of one without TLS begins with http://)"
                      : "no TLS connection: the server offers no TLS 1.2 or newer, or is no TLS "
                        "server");
    case CURLE_SSL_CACERT_BADFILE:
      return text(ErrorCode::kInvalid,
                  "the file named in ca_file cannot be read or holds no certificate");
    case CURLE_SSL_CERTPROBLEM:
      return text(ErrorCode::kInvalid,
                  "our own certificate or its key cannot be read, or they do not belong together");
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_PARTIAL_FILE:
      return text(ErrorCode::kUnavailable, "the connection ended before the answer was complete");
    case CURLE_URL_MALFORMAT:
      return text(ErrorCode::kInvalid, "is no http or https address");
    // Also what libcurl says to an answer of HTTP/0.9 or of an unknown version.
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
      return text(ErrorCode::kInvalid, "the answer is no HTTP");
    default:
      return text(ErrorCode::kUnavailable,
                  fmt::format("the request failed (libcurl error {}: {})", static_cast<int>(code),
                              library()->easy_strerror(code)));
  }
}

}  // namespace warder::http
