#pragma once

#include "unit/source/following.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace warder::testing {

// Keeps the books beside a FileSource: what was written, what was judged, what of it was stored.
// After a kill what was not stored is forgotten, and must come again under the same id.
class Oracle {
 public:
  void wrote(std::string line) { written_.push_back(std::move(line)); }
  // Takes over what a recorder got since the last call.
  void judged(std::vector<Recorder::Read> lines);
  void stored() { stored_ = judged_.size(); }
  void killed();

  // What is wrong, in words; nothing when every line was judged once, in the order written.
  std::optional<std::string> complaint() const;

 private:
  using Id = std::pair<model::GenerationId, std::uint64_t>;
  std::vector<std::string> written_;
  std::vector<Recorder::Read> judged_;
  std::size_t stored_ = 0;
  std::map<std::string, Id> forgotten_;
  std::optional<std::string> wrong_;
};

}  // namespace warder::testing
