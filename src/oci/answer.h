#pragma once

#include "util/clock.h"
#include "util/result.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace warder::oci {

// What an answer that is no 2xx asks of the caller.
enum class Advice {
  kGiveUp,     // repeating it changes nothing
  kRenew,      // once more after the credentials were renewed
  kWait,       // later, with back-off
  kReadAgain,  // somebody else changed the thing: read it, then decide
};

// The parts of an answer that its meaning depends on. Views must stay valid during the call.
struct Answer {
  int status = 0;
  std::string_view body = {};
  std::string_view date = {};        // the header of that name; may be empty
  std::string_view request_id = {};  // opc-request-id; may be empty
};

struct Meaning {
  Advice advice = Advice::kGiveUp;
  util::Error error;  // cause and remedy, in the operator's words; never the request's content
};

// `what` is what was tried ("reading the secret jails"), `kind` the credentials' kind, `now` this
// host's time when the answer came, `policy` what the identity must be permitted ("use
// log-content"); empty: reading secrets. The statuses and codes are those of Oracle's documented
// API errors; a body that is no JSON, or none at all, is taken by its status.
Meaning describe(const Answer& answer, std::string_view what, std::string_view kind,
                 util::WallTime now, std::string_view policy = {});

// How far this host's clock is behind (positive) or ahead of the service's, by the Date of an
// answer. The service refuses signatures from five minutes on.
std::optional<std::chrono::seconds> clock_skew(std::string_view date, util::WallTime now);

}  // namespace warder::oci
