#pragma once

#include "filter/definition.h"
#include "filter/filter.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace warder::filter {

// Whether text from outside can move the address that a pattern captures; lint.md has the theory.
enum class Safety : std::uint8_t {
  kProven,   // no line has two readings, whatever its fields hold
  kAssumed,  // the same, as long as the fields named by `assume` hold what their patterns say
  kFields,   // no line has two readings as long as all fields do so; some has, if they do not
  kUnsafe,   // some line has two readings
  kUnknown,  // not analysed: too large, or several lines at once
};

// A line that shows what is wrong with a pattern.
struct Counterexample {
  std::string line;     // a message: without its date
  std::string genuine;  // the address that the program wrote; empty when the line has none
  std::string taken;    // the one that is read instead
  // The filter was given the line and took the wrong address. If not, the order of preference of
  // the expression saves it here, and perhaps not elsewhere.
  bool confirmed = false;
};

struct PatternLint {
  Safety safety = Safety::kUnknown;
  std::optional<Counterexample> example;  // with kFields and kUnsafe
  bool accepted = false;                  // by `accept-unsafe`
};

// What a warning has of a pattern of Safety::kUnknown.
inline constexpr std::string_view kTooLargeToProve = "it is too large to prove";

struct LintReport {
  std::vector<PatternLint> patterns;  // by number of the failregex
  // Each begins "file:line: ". Errors are what an own filter is refused for.
  std::vector<std::string> errors;
  // The same for what no expression can mend, a jail's own neither: forged lines.
  std::vector<std::string> refusals;
  std::vector<std::string> warnings;
};

// Whose filter it is: what fail2ban would do with it is of interest only where it came from there.
enum class Origin : std::uint8_t { kOwn, kFail2ban };

// Judges a compiled filter: the addresses of its patterns, what its ignoreregex lets pass, and
// slips of the pen that the compiler cannot see. A JSON filter takes addresses from named fields
// and has nothing to prove. Reads the options `assume` and `accept-unsafe` (filters/README.md).
// Bounded: some milliseconds for an ordinary filter, some hundred at most.
LintReport lint_filter(const std::shared_ptr<const Filter>& filter, const Definition& definition,
                       Origin origin);

// A filter's warnings for people: those of Safety::kUnknown, which stock filters of fail2ban have
// by the dozen, become one that counts them, at the end.
std::vector<std::string> with_unproven_counted(const std::vector<std::string>& warnings);

}  // namespace warder::filter
