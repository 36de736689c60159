#include "vault/patience.h"

#include <algorithm>

namespace warder::vault {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kSealedMost = std::chrono::minutes(1);
constexpr milliseconds kRetryAfterMost = std::chrono::hours(1);
constexpr milliseconds kThrottledMost = std::chrono::minutes(15);
constexpr milliseconds kRefusedMost = std::chrono::minutes(5);
constexpr unsigned kMostDoublings = 20;

}  // namespace

Failure failure_of(const util::Error& error) {
  switch (error.code()) {
    case util::ErrorCode::kDenied:
      return {Trouble::kRefused};
    case util::ErrorCode::kUnavailable:
    case util::ErrorCode::kTimeout:
    case util::ErrorCode::kNotFound:       // who answers so without being there is away
    case util::ErrorCode::kConfiguration:  // nobody was asked, and a file may come back
      return {Trouble::kUnreachable};
    default:
      return {Trouble::kFault};
  }
}

milliseconds Patience::after(const Failure& failure) {
  failures_ = failure.trouble == last_ ? std::min(failures_ + 1, kMostDoublings) : 1;
  last_ = failure.trouble;
  const auto doubled = [](milliseconds from, unsigned times, milliseconds most) {
    return std::min(from * (std::int64_t{1} << times), std::max(from, most));
  };
  milliseconds wait = interval_;
  switch (failure.trouble) {
    case Trouble::kPassing:
    case Trouble::kUnreachable:
      wait = std::min(doubled(first_, failures_ - 1, interval_), interval_);
      break;
    case Trouble::kSealed:
      wait = std::min(interval_, kSealedMost);
      break;
    case Trouble::kThrottled:
      wait = failure.retry_after ? std::min<milliseconds>(*failure.retry_after, kRetryAfterMost)
                                 : doubled(interval_, failures_, kThrottledMost);
      break;
    case Trouble::kRefused:
    case Trouble::kFault:
      wait = doubled(interval_, failures_, kRefusedMost);
      break;
  }
  // Linear congruential steps are random enough to spread hosts (Knuth, MMIX).
  chance_ = chance_ * 6364136223846793005U + 1442695040888963407U;
  const auto quarter = static_cast<std::uint64_t>(wait.count() / 4);
  return wait + milliseconds(quarter == 0 ? 0 : (chance_ >> 20U) % (quarter + 1));
}

}  // namespace warder::vault
