#include "agent/command.h"
#include "agent/status_of.h"
#include "log/log.h"

#include <fmt/core.h>

#include <cstdio>

namespace warder::agent {

ExitStatus status_of(const util::Error& error) {
  switch (error.code()) {
    case util::ErrorCode::kDenied:
      return ExitStatus::kDenied;
    case util::ErrorCode::kNotFound:
      return ExitStatus::kNotFound;
    case util::ErrorCode::kUnavailable:
    case util::ErrorCode::kTimeout:
      return ExitStatus::kNoAgent;
    case util::ErrorCode::kConfiguration:
      return ExitStatus::kConfiguration;
    default:
      return ExitStatus::kFailed;
  }
}

ExitStatus complain(const util::Error& error) {
  fmt::print(stderr, "warder: {}\n", log::redact(error.message()));
  return status_of(error);
}

}  // namespace warder::agent
