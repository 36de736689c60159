#include "storage/sigv4.h"

#include "crypto/hmac.h"
#include "crypto/sha256.h"
#include "util/encoding.h"

#include <fmt/core.h>

#include <algorithm>

namespace warder::storage {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

// "20261125T155057Z"
std::string basic_time(util::WallTime time) {
  std::string text = util::format_rfc3339(time).substr(0, 19) + 'Z';
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text;
}

util::Result<std::string> mac(std::string_view key, std::string_view text) {
  WARDER_ASSIGN_OR_RETURN(const crypto::Hmac out,
                          crypto::hmac_sha256(util::as_bytes(key), util::as_bytes(text)));
  return std::string(util::as_text(out));
}

std::string hex_digest(std::string_view text) {
  return util::to_hex(crypto::sha256(util::as_bytes(text)));
}

}  // namespace

std::string encode(std::string_view text, Slash slash) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~' ||
                       (c == '/' && slash == Slash::kKept);
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::string encode_query(const std::map<std::string, std::string>& query) {
  std::string text;
  for (const auto& [name, value] : query) {
    text += fmt::format("{}{}={}", text.empty() ? "" : "&", encode(name, Slash::kEncoded),
                        encode(value, Slash::kEncoded));
  }
  return text;
}

util::Result<std::vector<std::string>> sign_v4(const SigV4Request& request, const SigV4Key& key,
                                               util::WallTime time) {
  const std::string stamp = basic_time(time);
  const std::string day = stamp.substr(0, 8);
  std::map<std::string, std::string> headers = request.headers;
  headers["host"] = request.host;
  headers["x-amz-date"] = stamp;
  headers["x-amz-content-sha256"] = request.payload_sha256;
  if (!key.session_token.empty()) {
    headers["x-amz-security-token"] = key.session_token;
  }
  std::string canonical_headers;
  std::string names;
  for (const auto& [name, value] : headers) {
    canonical_headers += fmt::format("{}:{}\n", name, value);
    names += fmt::format("{}{}", names.empty() ? "" : ";", name);
  }
  const std::string canonical =
      fmt::format("{}\n{}\n{}\n{}\n{}\n{}", request.method, request.path,
                  encode_query(request.query), canonical_headers, names, request.payload_sha256);
  const std::string scope = fmt::format("{}/{}/{}/aws4_request", day, key.region, key.service);
  const std::string to_sign =
      fmt::format("{}\n{}\n{}\n{}", kAlgorithm, stamp, scope, hex_digest(canonical));
  std::string start = fmt::format("AWS4{}", key.secret_key.view());
  auto derived = mac(start, day);
  crypto::wipe(&start);
  for (const std::string_view part :
       {key.region, key.service, std::string_view("aws4_request"), std::string_view(to_sign)}) {
    if (!derived) {
      return derived.error();
    }
    derived = mac(*derived, part);
  }
  if (!derived) {
    return derived.error();
  }
  std::vector<std::string> out;
  for (const auto& [name, value] : headers) {
    if (name != "host") {  // libcurl sends it
      out.push_back(fmt::format("{}: {}", name, value));
    }
  }
  out.push_back(fmt::format("authorization: {} Credential={}/{}, SignedHeaders={}, Signature={}",
                            kAlgorithm, key.access_key, scope, names,
                            util::to_hex(util::as_bytes(*derived))));
  return out;
}

}  // namespace warder::storage
