#pragma once

#include "files/difference.h"
#include "files/options.h"
#include "model/event.h"
#include "util/clock.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace warder::files {

// So many changes are told one by one; more of them in one event with counts, folders and the first
// of them.
inline constexpr std::size_t kMostSingly = 16;

// What is told about a set of changes.
enum class Tale : std::uint8_t {
  kDiffers,   // something is not as in the baseline
  kExpected,  // a package explains it; the baseline takes it
  kOver,      // as in the baseline again
  kAccepted,  // the operator takes it for the baseline
};

// The events of kind integrity for these changes; `by` says who accepted them. Each has in its
// detail: files, change, path, state, severity, incident, cause, next, before and after.
std::vector<model::Event> tell(const FilesOptions& options, Tale tale,
                               std::span<const Difference> differences, util::WallTime now);

// An event about the section as a whole, with `facts` (a JSON object in text, or empty).
model::Event tell_whole(const FilesOptions& options, model::Severity severity,
                        std::string_view state, const std::string& message,
                        const std::string& cause, const std::string& next, const std::string& facts,
                        util::WallTime now);

// The name of what belongs together over time: "files/NAME/PATH", of a long path a hash.
std::string incident_of(std::string_view name, std::string_view path);

}  // namespace warder::files
