#include "store/event_log.h"

#include "store/leaf.h"
#include "util/encoding.h"

#include <fmt/core.h>

#include <utility>

namespace warder::store {
namespace {

using util::Error;
using util::ErrorCode;

// At most `limit` bytes, not cut inside a UTF-8 sequence, with "..." for what was left out.
std::string cut(const std::string& text, std::size_t limit) {
  std::size_t size = limit - 3;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80) {
    --size;
  }
  return text.substr(0, size) + "...";
}

}  // namespace

util::Status JailNames::open(Connection& connection) {
  WARDER_ASSIGN_OR_RETURN(find_, connection.prepare("SELECT number FROM jail WHERE name = ?1"));
  WARDER_ASSIGN_OR_RETURN(insert_,
                          connection.prepare("INSERT INTO jail(name) VALUES(?1) RETURNING number"));
  return {};
}

util::Result<std::int64_t> JailNames::number(std::string_view name) {
  std::string key(name);
  if (const auto known = numbers_.find(key); known != numbers_.end()) {
    return known->second;
  }
  std::optional<std::int64_t> number;
  for (Statement* statement : {&find_, &insert_}) {
    Rows rows = statement->run(name);
    while (rows.next()) {
      number = rows.integer(0);
    }
    WARDER_RETURN_IF_ERROR(rows.status());
    if (number) {
      break;
    }
  }
  if (!number) {
    return Error(ErrorCode::kInternal, "SQLite gave no number for a new jail");
  }
  numbers_.emplace(std::move(key), *number);
  return *number;
}

util::Status EventLog::open(Connection& connection, JailNames& names) {
  connection_ = &connection;
  names_ = &names;
  WARDER_ASSIGN_OR_RETURN(
      insert_, connection.prepare(
                   "INSERT INTO event(sequence, id, time, kind, severity, jail, address, message, "
                   "detail, leaf) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) "
                   "ON CONFLICT(id) DO NOTHING"));
  WARDER_ASSIGN_OR_RETURN(save_, connection.prepare("UPDATE tree SET size = ?1, peaks = ?2"));
  WARDER_ASSIGN_OR_RETURN(Statement load, connection.prepare("SELECT size, peaks FROM tree"));
  Rows rows = load.run();
  if (!rows.next()) {
    WARDER_RETURN_IF_ERROR(rows.status());
    return connection.damage("the Merkle tree is missing");
  }
  auto tree =
      crypto::merkle::Frontier::restore(static_cast<std::uint64_t>(rows.integer(0)), rows.blob(1));
  if (!tree) {
    return connection.damage(tree.error().message());
  }
  durable_ = std::move(tree).value();
  tree_ = durable_;
  WARDER_ASSIGN_OR_RETURN(const std::int64_t last,
                          connection.integer("SELECT coalesce(max(sequence), -1) FROM event"));
  if (last >= static_cast<std::int64_t>(tree_.size())) {
    return connection.damage(
        fmt::format("event {} stands behind the end of the Merkle tree, {}", last, tree_.size()));
  }
  return {};
}

util::Result<std::optional<std::uint64_t>> EventLog::append(const model::Event& event) {
  if (event.message.size() <= model::Event::kLongestMessage &&
      event.detail.size() <= model::Event::kLongestDetail) {
    return insert(event);
  }
  model::Event shorter = event;
  if (event.message.size() > model::Event::kLongestMessage) {
    shorter.message = cut(event.message, model::Event::kLongestMessage);
  }
  if (event.detail.size() > model::Event::kLongestDetail) {
    // A cut JSON text would be none.
    shorter.detail = fmt::format("{{\"left_out_bytes\":{}}}", event.detail.size());
  }
  return insert(shorter);
}

util::Result<std::optional<std::uint64_t>> EventLog::insert(const model::Event& event) {
  const std::uint64_t sequence = tree_.size();
  encode_leaf(sequence, event, &entry_);
  const crypto::merkle::Hash leaf = crypto::merkle::leaf_hash(util::as_bytes(entry_));
  std::optional<std::int64_t> jail;
  if (!event.jail.empty()) {
    WARDER_ASSIGN_OR_RETURN(jail, names_->number(event.jail));
  }
  const std::string address = event.address ? encode_address(*event.address) : std::string();
  const auto insert = [&](const auto& address_value, const auto& detail_value) {
    return insert_.execute(sequence, Blob{util::as_text(event.id.bytes)},
                           event.time.time_since_epoch().count(), static_cast<int>(event.kind),
                           static_cast<int>(event.severity), jail, address_value,
                           std::string_view(event.message), detail_value,
                           Blob{util::as_text(leaf).substr(0, kLeafCheckBytes)});
  };
  const auto with_detail = [&](const auto& address_value) {
    return event.detail.empty() ? insert(address_value, nullptr)
                                : insert(address_value, std::string_view(event.detail));
  };
  WARDER_RETURN_IF_ERROR(event.address ? with_detail(Blob{address}) : with_detail(nullptr));
  if (connection_->changes() == 0) {
    return std::optional<std::uint64_t>();
  }
  tree_.append(leaf);
  return std::optional<std::uint64_t>(sequence);
}

util::Status EventLog::save() {
  if (tree_.size() == durable_.size()) {
    return {};
  }
  const std::string peaks = tree_.serialize();
  return save_.execute(tree_.size(), Blob{peaks});
}

}  // namespace warder::store
