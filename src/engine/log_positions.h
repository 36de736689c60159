#pragma once

#include "engine/open_cases.h"
#include "model/line.h"
#include "source/source.h"
#include "store/reader.h"
#include "util/result.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace warder::engine {

// How far each log was judged, stored or not yet, so that sources can be made anew at any time; and
// which of it may be stored: nothing that lies behind a finding that is still open. One for an
// engine, which owns it; pipeline thread only.
class LogPositions {
 public:
  // `reader` is asked for what the last run stored, and must outlive it.
  explicit LogPositions(store::Reader& reader) : reader_(reader) {}

  // For the source of that name; must not outlive this.
  source::PositionLookup lookup_for(std::string source);

  // What sources moved. `judged`: lines may have been judged in them. True when one is of a log
  // never seen before.
  bool take(std::vector<model::Position> moved, bool judged);
  // What is to be stored now. The caller stores it, or calls store_again() or forget().
  void append_storable(OpenCases& cases, std::vector<model::Position>* positions);

  // Whether the last run stored findings from behind its positions. Read once, at start, and when
  // reading goes back.
  util::Result<bool> read_behind();

  // The stored ones hold: reading goes back to them.
  void forget();
  // The store begins anew.
  void store_again();

 private:
  struct Known {
    std::string record;
    bool stored = false;
    // Of a log in which nothing was judged yet: may be stored whatever is still open.
    bool at_begin = false;
  };
  // The positions of a moment at which findings were open: stored when those are decided.
  struct Held {
    std::uint64_t moment = 0;
    std::vector<model::Position> positions;
  };
  enum class Which : std::uint8_t { kAtBegin, kAll };
  void append_unstored(Which which, std::vector<model::Position>* positions);

  store::Reader& reader_;
  std::map<std::pair<std::string, std::string>, Known> known_;  // by source and log
  std::optional<Held> held_;
  bool unstored_ = false;
  bool behind_ = false;  // so it is stored
};

}  // namespace warder::engine
