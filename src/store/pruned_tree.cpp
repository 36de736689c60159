#include "store/pruned_tree.h"

#include "util/encoding.h"

#include <algorithm>

namespace warder::store {

using crypto::merkle::Hash;
using crypto::merkle::Subtree;

util::Status PrunedTree::open(Connection& connection) {
  connection_ = &connection;
  WARDER_ASSIGN_OR_RETURN(load_end_, connection.prepare("SELECT pruned FROM tree"));
  WARDER_ASSIGN_OR_RETURN(load_cuts_,
                          connection.prepare("SELECT size FROM checkpoint WHERE size >= ?1"));
  WARDER_ASSIGN_OR_RETURN(
      load_parts_, connection.prepare(
                       "SELECT first, level, hash FROM pruned WHERE first >= (SELECT "
                       "coalesce(max(size), 0) FROM checkpoint WHERE size <= ?1) ORDER BY first"));
  WARDER_ASSIGN_OR_RETURN(remove_, connection.prepare("DELETE FROM pruned WHERE first >= ?1"));
  WARDER_ASSIGN_OR_RETURN(insert_, connection.prepare("INSERT INTO pruned VALUES(?1, ?2, ?3)"));
  WARDER_ASSIGN_OR_RETURN(save_end_, connection.prepare("UPDATE tree SET pruned = ?1"));
  return load();
}

util::Status PrunedTree::load() {
  parts_.clear();
  cuts_.clear();
  {
    Rows rows = load_end_.run();
    end_ = rows.next() ? static_cast<std::uint64_t>(rows.integer(0)) : 0;
    WARDER_RETURN_IF_ERROR(rows.status());
  }
  {
    Rows rows = load_parts_.run(end_);
    while (rows.next()) {
      const auto level = static_cast<unsigned>(std::clamp<std::int64_t>(rows.integer(1), 0, 62));
      Part part{{level, static_cast<std::uint64_t>(rows.integer(0)) >> level}, {}};
      const std::string_view hash = rows.blob(2);
      if (hash.size() != part.hash.size()) {
        return connection_->damage("a pruned subtree has no hash of 32 bytes");
      }
      std::copy(hash.begin(), hash.end(), part.hash.begin());
      parts_.push_back(part);
    }
    WARDER_RETURN_IF_ERROR(rows.status());
  }
  parts_begin_ = parts_.empty() ? end_ : parts_.front().subtree.first_leaf();
  Rows rows = load_cuts_.run(end_);
  while (rows.next()) {
    cuts_.insert(static_cast<std::uint64_t>(rows.integer(0)));
  }
  return rows.status();
}

void PrunedTree::append(const Hash& leaf) {
  parts_.push_back({{0, end_}, leaf});
  ++end_;
  while (parts_.size() > 1) {
    const Part& left = parts_[parts_.size() - 2];
    const Part& right = parts_.back();
    const bool siblings = left.subtree.level == right.subtree.level &&
                          left.subtree.index + 1 == right.subtree.index &&
                          left.subtree.index % 2 == 0;
    if (!siblings || cuts_.contains(right.subtree.first_leaf())) {
      return;
    }
    const Part parent{{left.subtree.level + 1, left.subtree.index / 2},
                      crypto::merkle::node_hash(left.hash, right.hash)};
    parts_.pop_back();
    parts_.back() = parent;
  }
}

util::Status PrunedTree::save() {
  WARDER_RETURN_IF_ERROR(remove_.execute(parts_begin_));
  for (const Part& part : parts_) {
    WARDER_RETURN_IF_ERROR(insert_.execute(part.subtree.first_leaf(), part.subtree.level,
                                           Blob{util::as_text(part.hash)}));
  }
  return save_end_.execute(end_);
}

}  // namespace warder::store
