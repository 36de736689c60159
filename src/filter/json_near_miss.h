#pragma once

#include "filter/json_filter.h"
#include "filter/near_miss.h"

#include <memory>
#include <optional>
#include <string_view>

namespace warder::filter {

// MissExplainer for JSON filters: the rule of which most comparisons hold, and the first of the
// others with what the field really holds. One thread.
class JsonMissExplainer {
 public:
  explicit JsonMissExplainer(std::shared_ptr<const JsonFilter> filter);
  ~JsonMissExplainer();
  JsonMissExplainer(const JsonMissExplainer&) = delete;
  JsonMissExplainer& operator=(const JsonMissExplainer&) = delete;

  // Nothing when the line is no JSON, or no comparison of any rule holds.
  std::optional<NearMiss> explain(std::string_view line);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace warder::filter
