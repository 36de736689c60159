#pragma once

#include "model/event.h"
#include "util/clock.h"
#include "util/result.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace warder::backup {

// What a run lacked, where the code of its error alone does not say what to do about it.
enum class Lack { kNothing, kPassphrase };

// What one run did, for a terminal, a mail, a program and the history.
struct Report {
  std::string verb;  // "now", "verify", "restore", "drill", "prune", "re-encrypt"
  std::string set;
  std::string host;
  util::WallTime begun{};
  double seconds = 0;
  bool good = true;
  std::string summary;             // one sentence
  std::vector<std::string> notes;  // what else the operator should know
  std::string cause;               // of a failure
  std::vector<std::string> next;   // what to do about it: commands, in order
  // Names and figures: {"bytes", "1048576"}; shown in this order.
  std::vector<std::pair<std::string, std::string>> facts;
  std::uint64_t failures_in_a_row = 0;  // of "now"
  // Set before fail(), which chooses the next steps by it. Not part of the texts.
  Lack lack = Lack::kNothing;

  // The outcome itself; one that failed shows what the run lacks.
  template <typename Outcome>
  Outcome lacking(Lack what, Outcome outcome) {
    if (!outcome) {
      lack = what;
    }
    return outcome;
  }
  void fail(const util::Error& error, std::string what);
};

// For people: headings, facts in two columns, ERROR / CAUSE / NEXT STEPS on failure.
std::string to_text(const Report& report);
nlohmann::json to_json(const Report& report);
// What to_json() gave. kInvalid for anything else.
util::Result<Report> read_report(std::string_view text);

// The report as a row of the history: three failures in a row are critical.
model::Event event_of(const Report& report);

// How many failures in a row are told as critical.
inline constexpr std::uint64_t kFailuresTold = 3;

}  // namespace warder::backup
