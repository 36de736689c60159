#pragma once

#include "filter/lint_automaton.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace warder::filter {

// A line with two readings.
struct TwoReadings {
  std::size_t genuine = 0;  // LintPattern::index of the pattern whose line it is
  std::size_t taken = 0;    // and of the one that it can be taken for
  std::string line;
  // Marks by byte of the line.
  std::vector<std::uint8_t> genuine_marks;
  std::vector<std::uint8_t> taken_marks;
};

struct TwinSearch {
  // At most one for each pattern whose line it is, a shortest.
  std::vector<TwoReadings> found;
  // The search ended; if not, what was not found may still be there.
  bool complete = true;
  std::size_t pairs = 0;  // looked at: what it cost
};

// Pairs of states looked at before the search gives up: some hundred milliseconds.
inline constexpr std::size_t kMostPairs = 2'000'000;

// Lines that `genuine` reads one way and `taken` another, with a different address, prefix length
// or name of a session: a breadth-first search of the two automata reading the same line side by
// side. Finds one for each genuine pattern that has one.
TwinSearch find_twins(const Automaton& genuine, const Automaton& taken,
                      std::size_t most_pairs = kMostPairs);

// Can `line` be read with exactly these marks by byte?
bool can_read(const Automaton& automaton, const std::string& line,
              const std::vector<std::uint8_t>& marks);

// Lines of `genuine` in which `ignored` finds what it looks for without a character of the address
// and with one of a field: text from outside decides that the line is passed over.
TwinSearch find_excuses(const Automaton& genuine, const Automaton& ignored,
                        std::size_t most_pairs = kMostPairs);

}  // namespace warder::filter
