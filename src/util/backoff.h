#pragma once

#include <chrono>
#include <cstdint>

namespace warder::util {

// Waiting times between attempts: doubles from `first` up to `longest`, each made random within
// +-25 % so that many hosts do not come back in step. Not thread safe.
class Backoff {
 public:
  Backoff(std::chrono::milliseconds first, std::chrono::milliseconds longest, std::uint64_t seed);

  std::chrono::milliseconds next();
  void reset() { attempts_ = 0; }
  unsigned attempts() const { return attempts_; }

 private:
  std::chrono::milliseconds first_;
  std::chrono::milliseconds longest_;
  std::uint64_t state_;
  unsigned attempts_ = 0;
};

}  // namespace warder::util
