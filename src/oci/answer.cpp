#include "oci/answer.h"

#include "oci/signature.h"
#include "util/strings.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <cstdlib>

namespace warder::oci {
namespace {

using util::Error;
using util::ErrorCode;

// Four of the five minutes that the service allows: a skew near the limit is the likelier cause
// than a key that stopped working.
constexpr std::chrono::seconds kSuspiciousSkew{240};

struct Body {
  std::string code;
  std::string message;
};

Body read_body(std::string_view text) {
  Body body;
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) {
    return body;
  }
  const auto member = [&](const char* name) -> std::string {
    const auto found = json.find(name);
    return found != json.end() && found->is_string()
               ? util::printable(found->get_ref<const std::string&>(), 200)
               : std::string();
  };
  return {.code = member("code"), .message = member("message")};
}

// What to look at when the identity is refused, by the kind of it.
std::string_view remedy_for(std::string_view kind) {
  if (kind == "API key") {
    return "check that the public key is still among the user's API keys and that user, tenancy "
           "and fingerprint in the configuration belong together";
  }
  if (kind == "security token") {
    return "begin a new session with: oci session authenticate";
  }
  return "check that a dynamic group has a rule that matches this instance";
}

}  // namespace

std::optional<std::chrono::seconds> clock_skew(std::string_view date, util::WallTime now) {
  const auto theirs = parse_http_date(date);
  if (!theirs) {
    return std::nullopt;
  }
  return std::chrono::duration_cast<std::chrono::seconds>(*theirs - now);
}

Meaning describe(const Answer& answer, std::string_view what, std::string_view kind,
                 util::WallTime now, std::string_view policy) {
  const Body body = read_body(answer.body);
  const auto meaning = [&](Advice advice, ErrorCode code, std::string_view cause,
                           std::string_view next) {
    std::string text = fmt::format("{}: OCI answered {}", what, answer.status);
    if (!body.code.empty()) {
      text += fmt::format(" {}", body.code);
    }
    text += fmt::format(": {}; {}", cause, next);
    if (!answer.request_id.empty()) {
      text += fmt::format(" (opc-request-id {})", util::printable(answer.request_id, 100));
    }
    return Meaning{advice, Error(code, std::move(text))};
  };
  const auto in_words = [&](std::string_view otherwise) -> std::string {
    return body.message.empty() ? std::string(otherwise) : body.message;
  };
  switch (answer.status) {
    case 400:
      if (body.code == "LimitExceeded" || body.code == "QuotaExceeded") {
        return meaning(Advice::kGiveUp, ErrorCode::kUnavailable,
                       "a limit of the tenancy is reached",
                       "raise it or remove what is not needed");
      }
      if (body.code == "RelatedResourceNotAuthorizedOrNotFound") {
        return meaning(Advice::kGiveUp, ErrorCode::kDenied,
                       "something that the request names (vault, key, compartment) is not there or "
                       "not permitted",
                       "check these OCIDs and the policy 'use keys'");
      }
      // OCI says by a code what is wrong; without one something between has answered.
      return meaning(
          Advice::kGiveUp, body.code.empty() ? ErrorCode::kConfiguration : ErrorCode::kInvalid,
          in_words("it refuses the request"), "check the OCIDs and names in the configuration");
    case 401: {
      const auto skew = clock_skew(answer.date, now);
      if (skew && std::abs(skew->count()) >= kSuspiciousSkew.count()) {
        return meaning(
            Advice::kGiveUp, ErrorCode::kDenied,
            fmt::format("this host's clock is {} s {}, which is why the signature is refused",
                        std::abs(skew->count()), skew->count() > 0 ? "behind" : "ahead"),
            "synchronise it: timedatectl set-ntp true");
      }
      return meaning(Advice::kRenew, ErrorCode::kDenied,
                     fmt::format("it does not accept the {}", kind), remedy_for(kind));
    }
    case 402:
    case 403:
      return meaning(
          Advice::kGiveUp, ErrorCode::kDenied, in_words("not permitted"),
          policy.empty()
              ? "the policy needs 'read secret-family' for the secret and, which is mostly what is "
                "missing, 'use keys' for the key that seals it"
              : fmt::format("the policy needs '{}'", policy));
    case 404:
      if (body.code.empty() || body.code == "NotAuthorizedOrNotFound") {
        return meaning(Advice::kGiveUp, ErrorCode::kNotFound,
                       "it is not there, or this identity may not see it (OCI does not tell which)",
                       fmt::format("check the OCID or name, that it lies in this region and is "
                                   "not being deleted, and the policy '{}' of its compartment",
                                   policy.empty() ? "read secret-family" : policy));
      }
      return meaning(Advice::kGiveUp, ErrorCode::kNotFound, in_words("there is no such thing"),
                     "check the OCID or name in the configuration");
    case 409:
      if (body.code == "IncorrectState" || body.code == "LockConflict") {
        return meaning(Advice::kWait, ErrorCode::kUnavailable, in_words("it is being changed"),
                       "it is tried again");
      }
      return meaning(Advice::kReadAgain, ErrorCode::kConflict,
                     in_words("it exists already, or may not be seen"), "read it before you write");
    case 412:
      return meaning(Advice::kReadAgain, ErrorCode::kConflict,
                     "somebody else changed it in the meantime", "read it again before you write");
    case 413:
      return meaning(Advice::kGiveUp, ErrorCode::kInvalid, "that is too much at once",
                     "make it smaller");
    case 429:
      return meaning(Advice::kWait, ErrorCode::kUnavailable, "too many requests",
                     "it is tried again, more slowly; if it goes on, raise the interval");
    case 501:
      return meaning(Advice::kGiveUp, ErrorCode::kConfiguration,
                     "the service does not know this request",
                     "check the endpoint in the configuration");
    default:
      break;
  }
  if (answer.status >= 500) {
    return meaning(Advice::kWait, ErrorCode::kUnavailable, in_words("the service has a fault"),
                   "it is tried again; see the status page of the region");
  }
  if (answer.status >= 300 && answer.status < 400) {
    return meaning(Advice::kGiveUp, ErrorCode::kConfiguration,
                   "it points elsewhere, which a signed request must not follow",
                   "check the endpoint and the region in the configuration");
  }
  // Of these none says anything about what was sent: a proxy before the service, a wrong endpoint.
  return meaning(Advice::kGiveUp, ErrorCode::kConfiguration, in_words("it refuses the request"),
                 "check the configuration");
}

}  // namespace warder::oci
