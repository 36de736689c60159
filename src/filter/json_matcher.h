#pragma once

#include "filter/json_filter.h"
#include "filter/matcher_options.h"
#include "filter/notice.h"
#include "filter/time_judge.h"
#include "model/line.h"
#include "util/clock.h"
#include "util/result.h"

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace warder::filter {

// One JSON filter of a log with its place in the list of all filters of that log.
struct JsonPart {
  std::shared_ptr<const JsonFilter> filter;
  std::size_t index = 0;  // for MatchHandler and Counters
};

// All JSON filters of one log, judged in one pass over each line. One thread at a time.
class JsonMatcher {
 public:
  virtual ~JsonMatcher() = default;
  static util::Result<std::unique_ptr<JsonMatcher>> build(std::vector<JsonPart> parts,
                                                          const MatcherOptions& options);

  // Reports through `handler` and counts in `counters`, both by JsonPart::index. A notice about the
  // line as a whole (kMalformed) goes to every part.
  virtual void match(const model::Line& line, util::WallTime now, Reading reading,
                     std::span<Counters> counters, MatchHandler& handler) = 0;
};

}  // namespace warder::filter
