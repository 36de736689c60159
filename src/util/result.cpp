#include "util/result.h"

#include <fmt/core.h>

#include <system_error>

namespace warder::util {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::kNotFound:
      return "not found";
    case ErrorCode::kInvalid:
      return "invalid";
    case ErrorCode::kDenied:
      return "denied";
    case ErrorCode::kIo:
      return "i/o";
    case ErrorCode::kTimeout:
      return "timeout";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kConflict:
      return "conflict";
    case ErrorCode::kInternal:
      return "internal";
    case ErrorCode::kConfiguration:
      return "configuration";
  }
  return "internal";
}

Error Error::with_context(std::string_view context) const {
  return Error(code_, fmt::format("{}: {}", context, message_));
}

Error errno_error(std::string_view what, int errno_value) {
  ErrorCode code = ErrorCode::kIo;
  switch (errno_value) {
    case ENOENT:
      code = ErrorCode::kNotFound;
      break;
    case EACCES:
    case EPERM:
      code = ErrorCode::kDenied;
      break;
    case EAGAIN:
    case ECONNREFUSED:
    case ENOBUFS:
    case EHOSTUNREACH:
    case ENETUNREACH:
      code = ErrorCode::kUnavailable;
      break;
    case ETIMEDOUT:
      code = ErrorCode::kTimeout;
      break;
    case EEXIST:
      code = ErrorCode::kConflict;
      break;
    case EINVAL:
      code = ErrorCode::kInvalid;
      break;
    default:
      break;
  }
  // generic_category().message() is thread safe, strerror() is not.
  return Error(code, fmt::format("{}: {}", what, std::generic_category().message(errno_value)));
}

}  // namespace warder::util
