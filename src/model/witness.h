#pragma once

#include "model/event.h"

#include <cstdint>
#include <optional>
#include <string>

namespace warder::model {

// A signed checkpoint of the history on its way out of this machine: an event of kind kStore that
// stands right behind the events it speaks of. Kept by somebody else it shows later whether the
// history was changed, shortened or put back.
struct Witness {
  std::string origin;      // the log's name, as in the note
  std::uint64_t size = 0;  // the events [0, size) are covered
  std::string root;        // hexadecimal
  std::string note;        // C2SP tlog-checkpoint, signed
};

// Its detail: {"checkpoint":NOTE,"origin":..,"size":..,"root":..}.
std::string witness_detail(const Witness& witness);
// Whether an event is one, without reading it.
bool is_witness(const Event& event);
// Nothing for any other event. What comes from outside is not verified here.
std::optional<Witness> read_witness(const Event& event);

}  // namespace warder::model
