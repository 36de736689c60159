#pragma once

#include "store/database.h"
#include "store/event_row.h"
#include "store/reader.h"
#include "util/clock.h"
#include "util/result.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// What the parts of Reader share: reader.cpp (opening, bans, positions, figures),
// reader_events.cpp, reader_incidents.cpp and reader_outbox.cpp.
namespace warder::store {

inline util::WallTime to_time(std::int64_t micros) {
  return util::WallTime(std::chrono::microseconds(micros));
}
inline std::int64_t to_micros(util::WallTime time) { return time.time_since_epoch().count(); }

inline std::optional<util::WallTime> optional_time(const Rows& rows, int column) {
  const auto micros = rows.optional_integer(column);
  return micros ? std::optional(to_time(*micros)) : std::nullopt;
}

inline constexpr std::string_view kBanColumns =
    "j.name, b.address, b.start, b.until, b.count, b.reason";
// The ban of a row that begins with kBanColumns.
util::Result<model::Ban> read_ban(const Rows& rows);

class Reader::Impl {
 public:
  Impl(std::filesystem::path path, std::string vfs)
      : path_(std::move(path)), vfs_(std::move(vfs)) {}

  util::Status open();
  // Opens the new file when the old one was moved away.
  util::Result<Connection*> connection();

  // Runs a query and hands each row over; `each` gives false to stop.
  template <typename Each, typename... Values>
  util::Status rows(std::string_view sql, Each each, const Values&... values) {
    WARDER_ASSIGN_OR_RETURN(Statement statement, connection_->prepare(sql));
    Rows rows = statement.run(values...);
    while (rows.next()) {
      WARDER_ASSIGN_OR_RETURN(const bool more, each(rows));
      if (!more) {
        return {};
      }
    }
    return advised(*connection_, rows.status());
  }
  template <typename... Values>
  util::Result<std::int64_t> number(std::string_view sql, const Values&... values) {
    std::int64_t number = 0;
    WARDER_RETURN_IF_ERROR(rows(
        sql,
        [&](const Rows& row) -> util::Result<bool> {
          number = row.integer(0);
          return true;
        },
        values...));
    return number;
  }
  // With the receipts of each event.
  util::Status events(const std::string& sql, const EventCallback& callback);
  // One committed state for all statements until it goes.
  class Snapshot {
   public:
    explicit Snapshot(Connection* connection) : connection_(connection) {}
    Snapshot(const Snapshot&) = delete;
    Snapshot& operator=(const Snapshot&) = delete;
    ~Snapshot() { connection_->roll_back(); }
    util::Status begin() { return connection_->execute("BEGIN"); }

   private:
    Connection* connection_;
  };

  util::Result<std::vector<OutboxCounts>> outbox_counts();
  util::Result<std::vector<model::OutboxItem>> items(const std::string& condition,
                                                     DestinationId destination, std::int64_t due,
                                                     std::size_t limit,
                                                     std::vector<std::string>* errors);
  util::Result<std::vector<Incident>> incidents(const std::string& condition, std::int64_t argument,
                                                std::size_t limit);
  util::Status fill(AddressHistory* history, const net::IpAddress& address, std::size_t limit);
  util::Status fill(Figures* figures, CountBans count);

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  std::string vfs_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace warder::store
