#pragma once

#include "model/event.h"
#include "monitor/outcome.h"
#include "util/clock.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace warder::monitor {

// What is known of each check of one monitor, and what is told of it: a change of its state, not
// each run. Survives a restart as text. Plain value, time is passed in.
class Watch {
 public:
  struct Known {
    std::optional<Outcome::State> state;  // empty: never made
    util::WallTime since{};               // when it came into that state
    util::WallTime last{};                // when it was made last
    std::uint32_t failures = 0;           // in a row
    std::string mark;
    std::string text;
  };

  // What a run leaves in the history: nothing; that it was made (info); that something is wrong
  // (the severity of the check) or cannot be checked (warning); that it is good again (notice).
  // Integrity runs always leave an event. `options`: limits and severities as configured now.
  std::vector<model::Event> judge(const MonitorOptions& options, const Outcome& outcome,
                                  util::WallTime now);

  const Known& known(Check check) const { return known_[static_cast<std::size_t>(check)]; }
  const std::string& schema_baseline() const { return schema_baseline_; }
  // The schema of the next run becomes the baseline, whatever it is.
  void accept_schema() { accept_ = true; }
  bool accepting_schema() const { return accept_; }

  std::string to_text() const;
  // What is no such text gives a Watch that knows nothing.
  static Watch parse(std::string_view text);

 private:
  std::array<Known, kChecks> known_;
  std::string schema_baseline_;
  bool accept_ = false;
};

// The name of what belongs together over time: "monitor/NAME/CHECK".
std::string incident_of(std::string_view monitor, Check check);

}  // namespace warder::monitor
