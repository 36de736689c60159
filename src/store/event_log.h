#pragma once

#include "crypto/merkle.h"
#include "model/event.h"
#include "store/database.h"
#include "util/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace warder::store {

// Numbers of the jails, made as names come. The cache only holds what is in the database or in the
// open transaction.
class JailNames {
 public:
  util::Status open(Connection& connection);
  util::Result<std::int64_t> number(std::string_view name);
  // The transaction that may have made numbers is gone.
  void rolled_back() { numbers_.clear(); }

 private:
  Statement find_;
  Statement insert_;
  std::unordered_map<std::string, std::int64_t> numbers_;
};

// The events and the Merkle tree over them. Works inside the transaction of its caller, who says
// how that ended.
class EventLog {
 public:
  // Reads how far the tree goes. kInvalid when there are events behind its end, which no crash
  // leaves: the database is damaged.
  util::Status open(Connection& connection, JailNames& names);

  // Appends an event and gives its sequence; nothing when its id is there already. A message or
  // detail over its limit is cut, which the stored text shows.
  util::Result<std::optional<std::uint64_t>> append(const model::Event& event);

  // Writes the tree, if it grew; the last thing before COMMIT.
  util::Status save();
  void committed() { durable_ = tree_; }
  void rolled_back() { tree_ = durable_; }

  const crypto::merkle::Frontier& tree() const { return tree_; }

 private:
  util::Result<std::optional<std::uint64_t>> insert(const model::Event& event);

  Connection* connection_ = nullptr;
  JailNames* names_ = nullptr;
  Statement insert_;
  Statement save_;
  crypto::merkle::Frontier tree_;
  crypto::merkle::Frontier durable_;
  std::string entry_;
};

}  // namespace warder::store
