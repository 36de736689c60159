#include "store/event_log.h"

#include "store/leaf.h"
#include "util/encoding.h"

#include <fmt/core.h>

#include <utility>

namespace warder::store {
namespace {

// At most `limit` bytes, not cut inside a UTF-8 sequence, with "..." for what was left out.
std::string cut(const std::string& text, std::size_t limit) {
  std::size_t size = limit - 3;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80) {
    --size;
  }
  return text.substr(0, size) + "...";
}

std::optional<std::string_view> text_or_null(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional<std::string_view>(text);
}

}  // namespace

util::Status EventLog::open(Connection& connection, Names& jails) {
  connection_ = &connection;
  jails_ = &jails;
  WARDER_RETURN_IF_ERROR(logs_.open(connection, "log"));
  // The index holds the beginnings of the ids: enough to find a row, at half the size.
  WARDER_ASSIGN_OR_RETURN(
      find_,
      connection.prepare(
          "SELECT 1 FROM event WHERE substr(id, 1, 6) = substr(?1, 1, 6) AND id = ?1 LIMIT 1"));
  WARDER_ASSIGN_OR_RETURN(
      insert_,
      connection.prepare("INSERT INTO event(sequence, id, time, kind, severity, jail, address, "
                         "log, at, pattern, attempts, user, message, detail, leaf) VALUES(?1, ?2, "
                         "?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)"));
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
  return spans_.open(connection, tree_.size());
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
  const Blob id{util::as_text(event.id.bytes)};
  {
    Rows rows = find_.run(id);
    if (rows.next()) {
      return std::optional<std::uint64_t>();
    }
    WARDER_RETURN_IF_ERROR(rows.status());
  }
  const std::uint64_t sequence = tree_.size();
  encode_leaf(sequence, event, &entry_);
  const crypto::merkle::Hash leaf = crypto::merkle::leaf_hash(util::as_bytes(entry_));
  std::optional<std::int64_t> jail;
  if (!event.jail.empty()) {
    WARDER_ASSIGN_OR_RETURN(jail, jails_->number(event.jail));
  }
  std::optional<std::int64_t> log;
  if (event.line) {
    WARDER_ASSIGN_OR_RETURN(log, logs_.number(event.line->log));
  }
  // Nothing is stored as nothing: of what has no line all four, and an empty user.
  const auto of_line = [&](std::int64_t value) {
    return event.line ? std::optional(value) : std::nullopt;
  };
  const std::int64_t time = event.time.time_since_epoch().count();
  static const model::LineFacts kNoLine;
  const model::LineFacts& line = event.line ? *event.line : kNoLine;
  const std::string address = event.address ? encode_address(*event.address) : std::string();
  WARDER_RETURN_IF_ERROR(insert_.execute(
      sequence, id, time, static_cast<int>(event.kind), static_cast<int>(event.severity), jail,
      event.address ? std::optional(Blob{address}) : std::nullopt, log,
      of_line(static_cast<std::int64_t>(line.at)), of_line(line.pattern), of_line(line.attempts),
      text_or_null(line.user), std::string_view(event.message), text_or_null(event.detail),
      Blob{util::as_text(leaf).substr(0, kLeafCheckBytes)}));
  WARDER_RETURN_IF_ERROR(spans_.add(sequence, time));
  tree_.append(leaf);
  return std::optional<std::uint64_t>(sequence);
}

util::Status EventLog::save() {
  if (tree_.size() == durable_.size()) {
    return {};
  }
  WARDER_RETURN_IF_ERROR(spans_.save());
  const std::string peaks = tree_.serialize();
  return save_.execute(tree_.size(), Blob{peaks});
}

void EventLog::committed() {
  durable_ = tree_;
  spans_.committed();
}

void EventLog::rolled_back() {
  tree_ = durable_;
  spans_.rolled_back();
  logs_.rolled_back();
}

}  // namespace warder::store
