#include "store/outbox.h"

#include "log/log.h"

#include <fmt/core.h>

#include <algorithm>
#include <numeric>
#include <optional>

namespace warder::store {
namespace {

std::int64_t number_of(DestinationId destination) { return static_cast<std::int64_t>(destination); }

}  // namespace

std::uint64_t OutboxLoss::total() const {
  return std::accumulate(dropped.begin(), dropped.end(), std::uint64_t{0});
}

std::string OutboxLoss::to_text() const {
  std::string text;
  for (std::size_t i = 0; i < dropped.size(); ++i) {
    if (dropped[i] > 0) {
      text += fmt::format("{}{} of severity {}", text.empty() ? "" : ", ", dropped[i],
                          model::to_string(static_cast<model::Severity>(i)));
    }
  }
  return text;
}

util::Status Outbox::open(Connection& connection, std::uint64_t limit) {
  connection_ = &connection;
  limit_ = limit;
  const auto prepare = [&](Statement* statement, std::string_view sql) -> util::Status {
    WARDER_ASSIGN_OR_RETURN(*statement, connection.prepare(sql));
    return {};
  };
  WARDER_RETURN_IF_ERROR(
      prepare(&insert_,
              "INSERT INTO outbox(destination, sequence, severity, state, attempts, due, fresh) "
              "VALUES(?1, ?2, ?3, 0, 0, 0, ?4) ON CONFLICT DO NOTHING"));
  WARDER_RETURN_IF_ERROR(prepare(&deliver_,
                                 "DELETE FROM outbox WHERE destination = ?1 AND sequence = ?2 "
                                 "RETURNING state"));
  WARDER_RETURN_IF_ERROR(
      prepare(&keep_receipt_, "INSERT OR REPLACE INTO receipt VALUES(?1, ?2, ?3, ?4)"));
  WARDER_RETURN_IF_ERROR(prepare(&retry_,
                                 "UPDATE outbox SET attempts = attempts + 1, due = ?3, error = ?4 "
                                 "WHERE destination = ?1 AND sequence = ?2 AND state = 0"));
  WARDER_RETURN_IF_ERROR(prepare(&bury_,
                                 "UPDATE outbox SET attempts = attempts + 1, state = 1, error = ?3 "
                                 "WHERE destination = ?1 AND sequence = ?2 AND state = 0"));
  WARDER_RETURN_IF_ERROR(prepare(&revive_,
                                 "UPDATE outbox SET attempts = 0, state = 0, due = 0 "
                                 "WHERE destination = ?1 AND sequence = ?2 AND state = 1"));
  WARDER_RETURN_IF_ERROR(prepare(&revive_all_,
                                 "UPDATE outbox SET attempts = 0, state = 0, due = 0 "
                                 "WHERE destination = ?1 AND state = 1"));
  WARDER_RETURN_IF_ERROR(
      prepare(&trim_,
              "DELETE FROM outbox WHERE destination = ?1 AND sequence IN (SELECT sequence FROM "
              "outbox WHERE destination = ?1 AND state = 0 ORDER BY severity, sequence LIMIT ?2) "
              "RETURNING severity, state"));
  WARDER_RETURN_IF_ERROR(prepare(&prune_,
                                 "DELETE FROM outbox WHERE destination = ?1 AND sequence < ?2 "
                                 "RETURNING severity, state"));
  WARDER_RETURN_IF_ERROR(
      prepare(&prune_receipts_, "DELETE FROM receipt WHERE destination = ?1 AND sequence < ?2"));
  WARDER_RETURN_IF_ERROR(prepare(
      &add_delivered_, "UPDATE destination SET delivered = delivered + ?2 WHERE number = ?1"));
  WARDER_RETURN_IF_ERROR(
      prepare(&add_dropped_, "UPDATE destination SET dropped = dropped + ?2 WHERE number = ?1"));
  WARDER_RETURN_IF_ERROR(prepare(&name_, "SELECT name FROM destination WHERE number = ?1"));

  WARDER_ASSIGN_OR_RETURN(
      Statement count,
      connection.prepare("SELECT number, (SELECT count(*) FROM outbox WHERE destination = number "
                         "AND state = 0) FROM destination"));
  Rows rows = count.run();
  while (rows.next()) {
    waiting_[static_cast<DestinationId>(rows.integer(0))] =
        static_cast<std::uint64_t>(rows.integer(1));
  }
  durable_ = waiting_;
  return rows.status();
}

util::Result<DestinationId> Outbox::destination(std::string_view name) {
  WARDER_ASSIGN_OR_RETURN(Statement insert,
                          connection_->prepare("INSERT INTO destination(name) VALUES(?1) "
                                               "ON CONFLICT(name) DO UPDATE SET name = name "
                                               "RETURNING number"));
  std::optional<DestinationId> number;
  Rows rows = insert.run(name);
  while (rows.next()) {
    number = static_cast<DestinationId>(rows.integer(0));
  }
  WARDER_RETURN_IF_ERROR(rows.status());
  if (!number) {
    return util::Error(util::ErrorCode::kInternal, "SQLite gave no number for a destination");
  }
  waiting_.try_emplace(*number, 0);
  return *number;
}

util::Result<std::vector<std::pair<DestinationId, std::string>>> Outbox::destinations() {
  WARDER_ASSIGN_OR_RETURN(Statement all,
                          connection_->prepare("SELECT number, name FROM destination"));
  std::vector<std::pair<DestinationId, std::string>> result;
  Rows rows = all.run();
  while (rows.next()) {
    result.emplace_back(static_cast<DestinationId>(rows.integer(0)), rows.text(1));
  }
  WARDER_RETURN_IF_ERROR(rows.status());
  return result;
}

util::Status Outbox::adopt(DestinationId number, std::string_view name) {
  WARDER_ASSIGN_OR_RETURN(
      Statement insert, connection_->prepare("INSERT INTO destination(number, name) VALUES(?1, ?2) "
                                             "ON CONFLICT DO NOTHING"));
  waiting_.try_emplace(number, 0);
  return insert.execute(number_of(number), name);
}

util::Status Outbox::enqueue(DestinationId destination, std::uint64_t sequence,
                             model::Severity severity, bool fresh) {
  const auto waiting = waiting_.find(destination);
  if (waiting == waiting_.end()) {
    log::error("outbox: destination {} is not in the database; event {} is not sent to it",
               number_of(destination), sequence);
    return {};
  }
  WARDER_RETURN_IF_ERROR(insert_.execute(number_of(destination), sequence,
                                         static_cast<int>(severity), static_cast<int>(fresh)));
  waiting->second += static_cast<std::uint64_t>(connection_->changes());
  return {};
}

util::Status Outbox::apply(const OutboxUpdate& update, util::WallTime now) {
  if (!waiting_.contains(update.destination)) {
    return {};
  }
  if (update.what == OutboxUpdate::What::kRevive && update.ids.empty()) {
    WARDER_RETURN_IF_ERROR(revive_all_.execute(number_of(update.destination)));
    waiting_[update.destination] += static_cast<std::uint64_t>(connection_->changes());
    return {};
  }
  for (const std::uint64_t id : update.ids) {
    WARDER_RETURN_IF_ERROR(apply_one(update, id, now));
  }
  return {};
}

util::Status Outbox::apply_one(const OutboxUpdate& update, std::uint64_t id, util::WallTime now) {
  const std::int64_t destination = number_of(update.destination);
  std::uint64_t& waiting = waiting_[update.destination];
  switch (update.what) {
    case OutboxUpdate::What::kDelivered: {
      std::optional<std::int64_t> state;
      {
        Rows rows = deliver_.run(destination, id);
        while (rows.next()) {
          state = rows.integer(0);
        }
        WARDER_RETURN_IF_ERROR(rows.status());
      }
      if (!state) {
        return {};  // said twice, or dropped meanwhile
      }
      waiting -= *state == 0 ? 1 : 0;
      if (!update.text.empty()) {
        WARDER_RETURN_IF_ERROR(keep_receipt_.execute(
            destination, id, now.time_since_epoch().count(), std::string_view(update.text)));
      }
      return add_delivered_.execute(destination, 1);
    }
    case OutboxUpdate::What::kRetry:
      return retry_.execute(destination, id, update.until.time_since_epoch().count(),
                            std::string_view(update.text));
    case OutboxUpdate::What::kDead:
      WARDER_RETURN_IF_ERROR(bury_.execute(destination, id, std::string_view(update.text)));
      waiting -= static_cast<std::uint64_t>(connection_->changes());
      return {};
    case OutboxUpdate::What::kRevive:
      WARDER_RETURN_IF_ERROR(revive_.execute(destination, id));
      waiting += static_cast<std::uint64_t>(connection_->changes());
      return {};
  }
  return {};
}

util::Result<OutboxLoss> Outbox::drop(DestinationId destination, Statement& statement,
                                      std::int64_t argument) {
  OutboxLoss loss;
  loss.destination = destination;
  {
    Rows rows = statement.run(number_of(destination), argument);
    while (rows.next()) {
      const auto severity =
          std::clamp<std::int64_t>(rows.integer(0), 0, std::ssize(loss.dropped) - 1);
      ++loss.dropped[static_cast<std::size_t>(severity)];
      waiting_[destination] -= rows.integer(1) == 0 ? 1 : 0;
    }
    WARDER_RETURN_IF_ERROR(rows.status());
  }
  if (loss.total() > 0) {
    WARDER_RETURN_IF_ERROR(add_dropped_.execute(number_of(destination), loss.total()));
    Rows rows = name_.run(number_of(destination));
    if (rows.next()) {
      loss.name = std::string(rows.text(0));
    }
    WARDER_RETURN_IF_ERROR(rows.status());
  }
  return loss;
}

util::Result<std::vector<OutboxLoss>> Outbox::trim() {
  std::vector<OutboxLoss> losses;
  for (const auto& [destination, waiting] : waiting_) {
    if (waiting > limit_) {
      const std::uint64_t excess = waiting - limit_ + limit_ / 16;
      WARDER_ASSIGN_OR_RETURN(OutboxLoss loss,
                              drop(destination, trim_, static_cast<std::int64_t>(excess)));
      losses.push_back(std::move(loss));
    }
  }
  return losses;
}

util::Result<std::vector<OutboxLoss>> Outbox::prune(std::uint64_t sequence) {
  std::vector<OutboxLoss> losses;
  for (const auto& [destination, waiting] : waiting_) {
    WARDER_ASSIGN_OR_RETURN(OutboxLoss loss,
                            drop(destination, prune_, static_cast<std::int64_t>(sequence)));
    if (loss.total() > 0) {
      losses.push_back(std::move(loss));
    }
    WARDER_RETURN_IF_ERROR(prune_receipts_.execute(number_of(destination), sequence));
  }
  return losses;
}

}  // namespace warder::store
