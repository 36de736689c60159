#pragma once

#include "model/event.h"
#include "store/batch.h"
#include "store/outbox.h"
#include "util/result.h"

#include <cstddef>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <variant>

// What stands in the store's queue.
namespace warder::store {

struct NewDestination {
  std::string name;
  std::shared_ptr<std::promise<util::Result<DestinationId>>> answer;
  // Set by the transaction; told to the asker when that is on disk.
  std::optional<DestinationId> number;
};
struct MakeCheckpoint {};
struct Maintain {};
struct SetAside {
  std::string why;
};

struct Command {
  Ticket ticket = 0;
  std::size_t bytes = 0;
  std::size_t events = 0;
  std::variant<Batch, OutboxUpdate, NewDestination, MakeCheckpoint, Maintain, SetAside> what;
};

}  // namespace warder::store
