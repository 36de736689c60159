#include "oci/answer.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <string>

namespace {

using namespace warder;
using namespace std::chrono;

const util::WallTime kNow(sys_days(year(2026) / 11 / 2) + 12h);

oci::Meaning meaning(int status, const char* body, const char* date = "",
                     const char* kind = "API key") {
  return oci::describe({.status = status, .body = body, .date = date, .request_id = "R1"},
                       "reading the secret jails", kind, kNow);
}

}  // namespace

TEST_CASE("a wrong clock is told apart from a wrong key") {
  const char* body = R"({"code":"NotAuthenticated","message":"The required information..."})";
  const auto clock = meaning(401, body, "Mon, 02 Nov 2026 12:06:00 GMT");
  CHECK(clock.advice == oci::Advice::kGiveUp);
  CHECK(clock.error.message() ==
        "reading the secret jails: OCI answered 401 NotAuthenticated: this host's clock is 360 s "
        "behind, which is why the signature is refused; synchronise it: timedatectl set-ntp true "
        "(opc-request-id R1)");
  const auto key = meaning(401, body, "Mon, 02 Nov 2026 12:00:10 GMT");
  CHECK(key.advice == oci::Advice::kRenew);
  CHECK(key.error.message() ==
        "reading the secret jails: OCI answered 401 NotAuthenticated: it does not accept the API "
        "key; check that the public key is still among the user's API keys and that user, tenancy "
        "and fingerprint in the configuration belong together (opc-request-id R1)");
  CHECK(meaning(401, "", "", "instance principal").error.message() ==
        "reading the secret jails: OCI answered 401: it does not accept the instance principal; "
        "check that a dynamic group has a rule that matches this instance (opc-request-id R1)");
}

TEST_CASE("each status asks for what helps") {
  using oci::Advice;
  using util::ErrorCode;
  const auto check = [](int status, const char* body, Advice advice, ErrorCode code) {
    INFO(status << " " << body);
    const auto m = meaning(status, body);
    CHECK(m.advice == advice);
    CHECK(m.error.code() == code);
  };
  check(400, R"({"code":"InvalidParameter","message":"x"})", Advice::kGiveUp, ErrorCode::kInvalid);
  check(400, R"({"code":"LimitExceeded"})", Advice::kGiveUp, ErrorCode::kUnavailable);
  check(403, R"({"code":"NotAllowed"})", Advice::kGiveUp, ErrorCode::kDenied);
  check(404, R"({"code":"NotAuthorizedOrNotFound"})", Advice::kGiveUp, ErrorCode::kNotFound);
  check(404, R"({"code":"404","message":"x logId not found"})", Advice::kGiveUp,
        ErrorCode::kNotFound);
  check(409, R"({"code":"IncorrectState"})", Advice::kWait, ErrorCode::kUnavailable);
  check(409, R"({"code":"Conflict"})", Advice::kReadAgain, ErrorCode::kConflict);
  check(412, R"({"code":"NoEtagMatch"})", Advice::kReadAgain, ErrorCode::kConflict);
  check(413, "", Advice::kGiveUp, ErrorCode::kInvalid);
  check(429, "<html>", Advice::kWait, ErrorCode::kUnavailable);
  check(501, "", Advice::kGiveUp, ErrorCode::kConfiguration);
  check(503, "<html>", Advice::kWait, ErrorCode::kUnavailable);
  check(307, "", Advice::kGiveUp, ErrorCode::kConfiguration);
  check(400, "<html>plain HTTP sent to an HTTPS port</html>", Advice::kGiveUp,
        ErrorCode::kConfiguration);
  // A proxy before the service: no word about what was sent.
  check(407, "", Advice::kGiveUp, ErrorCode::kConfiguration);
}

TEST_CASE("text of the service is made harmless and bounded") {
  const std::string body =
      R"({"code":"NotFound","message":"\u001b[31m)" + std::string(1000, 'x') + "\"}";
  const auto message = meaning(404, body.c_str()).error.message();
  CHECK(message.find('\x1b') == std::string::npos);
  CHECK(message.size() < 500);
}
