#pragma once

#include "util/result.h"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace warder::filter {

// Many expressions searched for in one pass. Expressions that can match at the begin of a line only
// are kept apart, because for them most lines are decided after a few bytes.
//
// One thread at a time: it keeps its result buffer.
class Sieve {
 public:
  Sieve();
  ~Sieve();
  Sieve(Sieve&&) noexcept;
  Sieve& operator=(Sieve&&) noexcept;

  // The number under which search() reports the expression; the same text has the same number.
  // Before compile() only.
  util::Result<std::size_t> add(std::string_view expression);
  // kInvalid when all expressions together are too large.
  util::Status compile();

  enum class Outcome {
    kFound,        // `numbers` holds every expression that matches, in no order
    kOutOfMemory,  // not known: all are to be tried one by one; `numbers` holds them all
  };
  Outcome search(std::string_view text, std::vector<std::size_t>& numbers);

 private:
  struct Half;
  std::vector<std::string> expressions_;
  std::unique_ptr<Half> anchored_;
  std::unique_ptr<Half> floating_;
  std::vector<int> hits_;
};

}  // namespace warder::filter
