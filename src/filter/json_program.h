#pragma once

#include "filter/json_condition.h"
#include "filter/json_fields.h"
#include "filter/json_reader.h"
#include "util/result.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace warder::filter {

// A set of conditions, by number.
using ConditionSet = std::vector<std::uint64_t>;

// The conditions of all filters of a log, compiled together: equal tests are asked once a line, and
// what can rule out a condition is looked up before anything is evaluated, numbers first, then
// equal texts, then one Sieve a field. A line that concerns nobody mostly costs the look-up of
// its status. One thread.
//
// Use: add() everything, finish() once, then for each line start_line(), candidates(), holds().
class JsonProgram {
 public:
  // Paths are added to `fields`, which a JsonReader is then made of.
  explicit JsonProgram(JsonFields& fields);
  ~JsonProgram();
  JsonProgram(const JsonProgram&) = delete;
  JsonProgram& operator=(const JsonProgram&) = delete;

  // A condition that candidates() judges. Numbers rise from 0, separately for each kind.
  std::size_t add_condition(const Expression& expression);
  // An expression that is only ever asked by holds().
  std::size_t add_exception(const Expression& expression);
  // kInvalid when the regular expressions of one field are together too large.
  util::Status finish();

  // The reader must have read the line.
  void start_line(JsonReader& reader);
  // All conditions that may hold; the others do not.
  const ConditionSet& candidates();
  bool condition_holds(std::size_t condition);
  bool exception_holds(std::size_t exception);

  // A joint search ran out of its memory in this line, so that patterns were tried one by one.
  bool out_of_memory() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace warder::filter
