#include "oci/signature.h"

#include "crypto/sha256.h"
#include "util/day_time.h"
#include "util/encoding.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <array>
#include <charconv>
#include <chrono>
#include <optional>

namespace warder::oci {
namespace {

using namespace std::chrono;

constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// A POST without a body still signs its length and digest; a DELETE has none.
bool has_body(const Request& request) {
  return request.signed_set != SignedSet::kObject &&
         (request.method == "POST" || request.method == "PUT" || request.method == "PATCH");
}

std::string digest_of(std::string_view body) {
  return util::to_base64(crypto::sha256(util::as_bytes(body)));
}

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && text.front() != '-'
             ? std::optional(value)
             : std::nullopt;
}

}  // namespace

std::string format_http_date(util::WallTime time) { return util::format_day_time(time) + " GMT"; }

std::optional<util::WallTime> parse_http_date(std::string_view text) {
  // "Mon, 02 Nov 2026 12:00:00 GMT"
  if (text.size() != 29 || text.substr(3, 2) != ", " || text.substr(25) != " GMT" ||
      text[7] != ' ' || text[11] != ' ' || text[16] != ' ' || text[19] != ':' || text[22] != ':') {
    return std::nullopt;
  }
  const auto d = number(text.substr(5, 2));
  const auto y = number(text.substr(12, 4));
  const auto hour = number(text.substr(17, 2));
  const auto minute = number(text.substr(20, 2));
  const auto second = number(text.substr(23, 2));
  unsigned m = 0;
  while (m < kMonths.size() && kMonths[m] != text.substr(8, 3)) {
    ++m;
  }
  if (!d || !y || !hour || !minute || !second || m == kMonths.size() || *hour > 23 ||
      *minute > 59 || *second > 60) {
    return std::nullopt;
  }
  const year_month_day date(year(*y), month(m + 1), day(static_cast<unsigned>(*d)));
  if (!date.ok()) {
    return std::nullopt;
  }
  return util::WallTime(sys_days(date)) + hours(*hour) + minutes(*minute) + seconds(*second);
}

std::string signing_string(const Request& request, util::WallTime time) {
  std::string text = fmt::format("date: {}\n(request-target): {} {}", format_http_date(time),
                                 util::to_lower(request.method), request.target);
  if (request.signed_set != SignedSet::kFederation) {
    text += fmt::format("\nhost: {}", request.host);
  }
  if (has_body(request)) {
    text += fmt::format("\ncontent-length: {}\ncontent-type: {}\nx-content-sha256: {}",
                        request.body.size(), request.content_type, digest_of(request.body));
  }
  return text;
}

util::Result<std::vector<std::pair<std::string, std::string>>> sign(
    const Request& request, std::string_view key_id, const crypto::RsaPrivateKey& key,
    util::WallTime time) {
  WARDER_ASSIGN_OR_RETURN(const util::Bytes signature,
                          key.sign_sha256(util::as_bytes(signing_string(request, time))));
  const bool body = has_body(request);
  std::vector<std::pair<std::string, std::string>> headers;
  headers.emplace_back("date", format_http_date(time));
  if (body) {
    headers.emplace_back("content-type", request.content_type);
    headers.emplace_back("x-content-sha256", digest_of(request.body));
  }
  headers.emplace_back(
      "authorization",
      fmt::format(R"(Signature version="1",keyId="{}",algorithm="rsa-sha256",)"
                  R"(headers="date (request-target){}{}",signature="{}")",
                  key_id, request.signed_set == SignedSet::kFederation ? "" : " host",
                  body ? " content-length content-type x-content-sha256" : "",
                  util::to_base64(signature)));
  return headers;
}

}  // namespace warder::oci
