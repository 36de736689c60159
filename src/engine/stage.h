#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace warder::engine {

// How a stage of a line's way is.
enum class Verdict : std::uint8_t {
  kGood,
  kNotice,  // works, but an operator should know
  kBroken,  // here the line stops
  kSkipped  // not looked at; `cause` says why
};
std::string_view to_string(Verdict verdict);

// One stage of the way of a line through a jail, judged: what `warder doctor` lists. Texts are for
// people and printable already.
struct Stage {
  std::string jail;
  std::string name;  // "log", "position", "date", "match", "count", "kernel", ...
  Verdict verdict = Verdict::kGood;
  std::string found;   // what was seen
  std::string cause;   // why it is so; empty when good
  std::string remedy;  // what to do; empty when good
};

// A JSON array of objects with the members of Stage.
std::string stages_json(const std::vector<Stage>& stages);

}  // namespace warder::engine
