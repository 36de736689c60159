#pragma once

#include "files/difference.h"
#include "files/options.h"
#include "files/packages.h"
#include "util/pace.h"
#include "util/result.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace warder::files {

// What one comparison found, sorted out into what packages explain and what nothing does. Packages
// are asked about many at once; memory is bounded however much differs. Of one thread.
class Findings {
 public:
  // Differences that are kept one by one; further ones are counted.
  static constexpr std::size_t kMostListed = 5000;
  // Changes that a package explains, taken into the baseline by one scan; further ones by the next.
  static constexpr std::size_t kMostExpected = 50'000;

  // All must outlive it.
  Findings(const FilesOptions& options, const Packages& packages, util::Pace& pace)
      : options_(options), packages_(packages), pace_(pace) {}

  util::Status add(Difference difference);
  // Sorts out what is still waiting: nothing is added after it.
  util::Status finish() { return explain(); }

  std::vector<Difference> found;     // unexplained, in the order they were added
  std::vector<Difference> expected;  // what a package explains
  std::uint64_t all = 0;             // unexplained ones, also those beyond kMostListed
  std::uint64_t not_taken = 0;       // expected ones beyond kMostExpected

 private:
  util::Status explain();

  const FilesOptions& options_;
  const Packages& packages_;
  util::Pace& pace_;
  std::vector<Difference> batch_;
};

}  // namespace warder::files
