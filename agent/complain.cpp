#include "agent/command.h"
#include "log/log.h"

#include <fmt/core.h>

#include <cstdio>

namespace warder::agent {

ExitStatus complain(const util::Error& error) {
  fmt::print(stderr, "warder: {}\n", log::redact(error.message()));
  switch (error.code()) {
    case util::ErrorCode::kDenied:
      return ExitStatus::kDenied;
    case util::ErrorCode::kNotFound:
      return ExitStatus::kNotFound;
    case util::ErrorCode::kUnavailable:
      return ExitStatus::kNoAgent;
    case util::ErrorCode::kConfiguration:
      return ExitStatus::kConfiguration;
    default:
      return ExitStatus::kFailed;
  }
}

}  // namespace warder::agent
