#pragma once

#include "util/result.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace warder::filter {

// What a character of the text is, for `.` and classes.
enum class SieveText : std::uint8_t {
  kBytes,  // a byte: text logs hold anything
  kUtf8,   // a code point: the text is known to be valid
};

// Many expressions searched for in one pass. Expressions that can match at the begin of a line only
// are kept apart, because for them most lines are decided after a few bytes.
//
// One thread at a time: it keeps its result buffer.
class Sieve {
 public:
  Sieve() : Sieve(SieveText::kBytes) {}
  explicit Sieve(SieveText text);
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
  SieveText text_;
  std::vector<std::string> expressions_;
  std::unique_ptr<Half> anchored_;
  std::unique_ptr<Half> floating_;
  std::vector<int> hits_;
};

}  // namespace warder::filter
