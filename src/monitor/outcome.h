#pragma once

#include "monitor/options.h"
#include "util/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace warder::monitor {

// How one check came out. Plain value. All texts are valid UTF-8; what comes from outside went
// through util::printable().
struct Outcome {
  enum class State : std::uint8_t {
    kGood,
    kBad,
    kUnknown,  // the check could not be made
  };
  static constexpr std::size_t kLongestText = 900;

  Check check = Check::kIntegrity;
  State state = State::kGood;
  std::string text;   // what was found, one sentence
  std::string cause;  // why that is, as far as it can be told; empty when good
  std::string next;   // the command to run next; empty when good
  std::string facts;  // a JSON object in text with the figures
  // Names what is wrong: another trouble of the same check is told anew. Of a good one it is empty.
  std::string mark;
  // kSchema only: the schema as it is now, as baseline text.
  std::string baseline;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

std::string_view to_string(Outcome::State state);

// For the way from the child process that reads the database; parse is strict, since the child has
// read what others wrote: at most kChecks outcomes, texts cut to their lengths.
std::string outcomes_json(const std::vector<Outcome>& outcomes);
util::Result<std::vector<Outcome>> parse_outcomes(std::string_view text);

}  // namespace warder::monitor
