#pragma once

#include "crypto/merkle.h"
#include "model/event.h"
#include "store/database.h"
#include "store/names.h"
#include "store/time_spans.h"
#include "util/result.h"

#include <cstdint>
#include <optional>
#include <string>

namespace warder::store {

// The events and the Merkle tree over them. Works inside the transaction of its caller, who says
// how that ended.
class EventLog {
 public:
  // Reads how far the tree goes. kInvalid when there are events behind its end, which no crash
  // leaves: the database is damaged.
  util::Status open(Connection& connection, Names& jails);

  // Appends an event and gives its sequence; nothing when its id is there already. A message or
  // detail over its limit is cut, which the stored text shows.
  util::Result<std::optional<std::uint64_t>> append(const model::Event& event);

  // Writes the tree, if it grew; the last thing before COMMIT.
  util::Status save();
  void committed();
  void rolled_back();

  const crypto::merkle::Frontier& tree() const { return tree_; }

 private:
  util::Result<std::optional<std::uint64_t>> insert(const model::Event& event);

  Connection* connection_ = nullptr;
  Names* jails_ = nullptr;
  Names logs_;
  TimeSpans spans_;
  Statement find_;
  Statement insert_;
  Statement save_;
  crypto::merkle::Frontier tree_;
  crypto::merkle::Frontier durable_;
  std::string entry_;
};

}  // namespace warder::store
