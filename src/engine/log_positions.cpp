#include "engine/log_positions.h"

#include <string_view>

namespace warder::engine {
namespace {

// Where it is stored, beside the positions, whether the history holds findings from behind them.
constexpr const char* kOwnPosition = "engine";
constexpr const char* kBehind = "behind";

}  // namespace

source::PositionLookup LogPositions::lookup_for(std::string source) {
  return [this, source = std::move(source)](std::string_view log) -> std::optional<std::string> {
    if (const auto taken = known_.find({source, std::string(log)}); taken != known_.end()) {
      return taken->second.record;
    }
    const auto stored = reader_.position(source, log);
    if (!stored || !*stored) {
      return std::nullopt;
    }
    return (*stored)->record;
  };
}

bool LogPositions::take(std::vector<model::Position> moved, bool judged) {
  bool new_log = false;
  for (model::Position& position : moved) {
    auto [known, added] = known_.try_emplace({position.source, position.log}, Known{});
    known->second.record = std::move(position.record);
    known->second.stored = false;
    known->second.at_begin = added && !judged;
    new_log = new_log || added;
  }
  unstored_ = unstored_ || !moved.empty();
  return new_log;
}

void LogPositions::append_unstored(Which which, std::vector<model::Position>* positions) {
  if (!unstored_) {
    return;
  }
  for (auto& [key, position] : known_) {
    if ((which == Which::kAll || position.at_begin) && !std::exchange(position.stored, true)) {
      positions->push_back({key.first, key.second, position.record});
    }
  }
  unstored_ = which != Which::kAll;
}

void LogPositions::append_storable(OpenCases& cases, std::vector<model::Position>* positions) {
  const bool open = cases.any();
  if (held_ && cases.decided(held_->moment)) {
    *positions = std::move(held_->positions);
    held_.reset();
  }
  append_unstored(Which::kAtBegin, positions);
  if (!open) {
    append_unstored(Which::kAll, positions);
  } else if (!held_) {
    held_ = Held{cases.mark(), {}};
    append_unstored(Which::kAll, &held_->positions);
  }
  if (open != behind_) {
    positions->push_back({kOwnPosition, kBehind, open ? "1" : "0"});
    behind_ = open;
  }
}

util::Result<bool> LogPositions::read_behind() {
  WARDER_ASSIGN_OR_RETURN(const auto behind, reader_.position(kOwnPosition, kBehind));
  behind_ = behind && behind->record == "1";
  return behind_;
}

void LogPositions::forget() {
  known_.clear();
  held_.reset();
}

void LogPositions::store_again() {
  for (auto& [key, position] : known_) {
    position.stored = false;
  }
  unstored_ = !known_.empty();
  behind_ = false;
}

}  // namespace warder::engine
