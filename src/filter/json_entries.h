#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace warder::filter {

// What is left of the entries in a line that is no JSON object as a whole.
struct JsonEntries {
  std::vector<std::string_view> whole;  // closed objects, in their order; views into the line
  // An entry began and did not end: a full disk or a crash cut it off.
  bool cut = false;
};

// A line may have text in front (the `prefix` of an audit device, a syslog head), hold two entries
// that were glued together, or one that was cut off with the next one behind it. In each case the
// entries begin with one of `begins` ({"time":), which no text within JSON can hold, since its
// quotes are escaped there. An object inside a cut entry may begin alike; it is found as an entry
// of its own, which is why conditions should ask for what only an entry has.
//
// Linear: at most kMostTries objects that do not end are looked at, then the rest is given up.
class JsonEntryFinder {
 public:
  static constexpr std::size_t kMostTries = 16;

  explicit JsonEntryFinder(std::vector<std::string> begins) : begins_(std::move(begins)) {}
  bool looks() const { return !begins_.empty(); }
  JsonEntries find(std::string_view line) const;

 private:
  std::size_t next_begin(std::string_view line, std::size_t from) const;

  std::vector<std::string> begins_;
};

}  // namespace warder::filter
