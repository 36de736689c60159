#pragma once

#include "files/difference.h"
#include "files/options.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace warder::files {

// What a comparison found, beside what was told before.
struct Reconciled {
  std::vector<Difference> listed;  // what differs now, at most `most`: the new list
  std::uint64_t beyond = 0;        // what differs and is not on it
  std::vector<Difference> fresh;   // what is to be told
  std::vector<Difference> over;    // what was told and is as in the baseline again
};

// All lists are in the order of paths. `is_in_range`: which paths the comparison speaks of; of the
// others the old list stays. `expected`: what a package explains, which is told otherwise.
Reconciled reconcile(const std::vector<Difference>& told, std::vector<Difference> found,
                     const std::vector<Difference>& expected, const FilesOptions& options,
                     const std::function<bool(const std::string& path)>& is_in_range,
                     std::size_t most);

// Null when it is not among them.
const Difference* find(const std::vector<Difference>& list, std::string_view path);

}  // namespace warder::files
