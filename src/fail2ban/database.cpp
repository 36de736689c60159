#include "fail2ban/database.h"

#include "util/strings.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <sqlite3.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <limits>
#include <memory>
#include <string_view>
#include <sys/stat.h>
#include <utility>

namespace warder::fail2ban {
namespace {

constexpr int kVersion = 4;
constexpr int kLockedLimit = 5000;  // ms
constexpr int kLongestCell = 4 << 20;
constexpr std::size_t kMostMatches = 10;
constexpr std::size_t kLongestMatch = 1024;

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close(database); }
};
struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

std::string text(sqlite3_stmt* row, int column) {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(row, column));
  return bytes == nullptr
             ? std::string()
             : std::string(bytes, static_cast<std::size_t>(sqlite3_column_bytes(row, column)));
}

// A match is a string, or a list of strings that make up the line.
std::string match_text(const nlohmann::json& match) {
  std::string line;
  if (match.is_string()) {
    line = match.get<std::string>();
  } else if (match.is_array()) {
    for (const nlohmann::json& part : match) {
      line += part.is_string() ? part.get<std::string>() : "";
    }
  }
  return util::printable(line, kLongestMatch);
}

void read_data(const std::string& data, StoredBan* ban) {
  const nlohmann::json json = nlohmann::json::parse(data, nullptr, false);
  if (!json.is_object()) {
    return;
  }
  if (const auto failures = json.find("failures");
      failures != json.end() && failures->is_number_unsigned()) {
    ban->failures = static_cast<std::uint32_t>(std::min<std::uint64_t>(
        failures->get<std::uint64_t>(), std::numeric_limits<std::uint32_t>::max()));
  }
  if (const auto matches = json.find("matches"); matches != json.end() && matches->is_array()) {
    const std::size_t skip = matches->size() - std::min(matches->size(), kMostMatches);
    for (std::size_t i = skip; i < matches->size(); ++i) {
      ban->matches.push_back(match_text((*matches)[i]));
    }
  }
}

class Reading {
 public:
  explicit Reading(std::string path) : path_(std::move(path)) {}

  util::Status open() {
    // SQLite says "unable to open" for all of them.
    struct stat info{};
    if (::stat(path_.c_str(), &info) != 0) {
      return util::errno_error(path_, errno);
    }
    sqlite3* raw = nullptr;
    const int opened =
        sqlite3_open_v2(path_.c_str(), &raw, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, nullptr);
    database_.reset(raw);
    if (opened != SQLITE_OK) {
      return failure(opened);
    }
    sqlite3_busy_timeout(raw, kLockedLimit);
    sqlite3_limit(raw, SQLITE_LIMIT_LENGTH, kLongestCell);
    sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    WARDER_RETURN_IF_ERROR(check_tables());
    return check_version();
  }

  util::Status rows(std::string_view sql, const std::function<bool(sqlite3_stmt*)>& take) {
    sqlite3_stmt* raw = nullptr;
    const int prepared = sqlite3_prepare_v2(database_.get(), sql.data(),
                                            static_cast<int>(sql.size()), &raw, nullptr);
    const Statement statement(raw);
    if (prepared != SQLITE_OK) {
      return failure(prepared);
    }
    int step = SQLITE_ROW;
    while ((step = sqlite3_step(raw)) == SQLITE_ROW) {
      if (!take(raw)) {
        return {};
      }
    }
    return step == SQLITE_DONE ? util::Status{} : failure(step);
  }

  // Both tables of bans have the same columns.
  util::Status bans(std::string_view table, std::string_view order, std::vector<StoredBan>* list,
                    std::uint64_t* left_out) {
    return rows(
        fmt::format("SELECT jail, ip, timeofban, bantime, bancount, data FROM {} {}", table, order),
        [&](sqlite3_stmt* row) {
          if (list->size() >= kMostRows || sqlite3_column_type(row, 2) != SQLITE_INTEGER ||
              sqlite3_column_type(row, 3) != SQLITE_INTEGER) {
            ++*left_out;
            return true;
          }
          StoredBan ban;
          ban.jail = text(row, 0);
          ban.address = text(row, 1);
          ban.start = sqlite3_column_int64(row, 2);
          ban.bantime = sqlite3_column_int64(row, 3);
          ban.count = static_cast<std::uint32_t>(std::clamp<std::int64_t>(
              sqlite3_column_int64(row, 4), 1, std::numeric_limits<std::uint32_t>::max()));
          if (!sensible(ban)) {
            ++*left_out;
            return true;
          }
          read_data(text(row, 5), &ban);
          list->push_back(std::move(ban));
          return true;
        });
  }

 private:
  // Times between 1970 and 2262, so that no sum with them overflows.
  static bool sensible(const StoredBan& ban) {
    constexpr std::int64_t kLatest = 9'000'000'000;
    return ban.start >= 0 && ban.start < kLatest && ban.bantime >= -1 && ban.bantime < kLatest;
  }

  util::Error failure(int code) {
    const std::string said = sqlite3_errmsg(database_.get());
    switch (code & 0xff) {
      case SQLITE_BUSY:
      case SQLITE_LOCKED:
        return util::Error(
            util::ErrorCode::kUnavailable,
            fmt::format("{}: fail2ban keeps it locked; try again", util::printable(path_)));
      case SQLITE_NOTADB:
        return util::Error(
            util::ErrorCode::kInvalid,
            fmt::format(
                "{}: is no SQLite database; fail2ban's is what dbfile in fail2ban.conf names",
                util::printable(path_)));
      case SQLITE_CORRUPT:
        return util::Error(util::ErrorCode::kInvalid,
                           fmt::format("{}: is damaged ({}); copy what can be read with "
                                       "`sqlite3 FILE .recover | sqlite3 NEW` and import NEW",
                                       util::printable(path_), util::printable(said)));
      case SQLITE_CANTOPEN:
      case SQLITE_PERM:
      case SQLITE_AUTH:
        return util::Error(util::ErrorCode::kDenied,
                           fmt::format("{}: may not be read ({}); run as root",
                                       util::printable(path_), util::printable(said)));
      case SQLITE_ERROR:
        return util::Error(util::ErrorCode::kInvalid,
                           fmt::format("{}: is no database of fail2ban ({})",
                                       util::printable(path_), util::printable(said)));
      default:
        return util::Error(util::ErrorCode::kIo,
                           fmt::format("{}: {}", util::printable(path_), util::printable(said)));
    }
  }

  // A forged file may hold views in their place, whose rows never end.
  util::Status check_tables() {
    bool views = false;
    WARDER_RETURN_IF_ERROR(
        rows("SELECT count(*) FROM sqlite_master WHERE type = 'view' OR sql LIKE 'CREATE VIRTUAL%'",
             [&](sqlite3_stmt* row) {
               views = sqlite3_column_int64(row, 0) > 0;
               return false;
             }));
    return views ? util::Status(util::Error(
                       util::ErrorCode::kInvalid,
                       fmt::format("{}: holds views, which fail2ban does not make; nothing is "
                                   "taken over from it",
                                   util::printable(path_))))
                 : util::Status();
  }

  util::Status check_version() {
    std::optional<std::int64_t> version;
    WARDER_RETURN_IF_ERROR(rows("SELECT version FROM fail2banDb LIMIT 1", [&](sqlite3_stmt* row) {
      version = sqlite3_column_int64(row, 0);
      return false;
    }));
    if (!version) {
      return util::Error(util::ErrorCode::kInvalid,
                         fmt::format("{}: has no version, fail2ban never finished making it",
                                     util::printable(path_)));
    }
    if (*version < kVersion) {
      return util::Error(
          util::ErrorCode::kInvalid,
          fmt::format("{}: has version {}, of a fail2ban before 0.11; start a newer fail2ban on it "
                      "once, which brings it to version {}",
                      util::printable(path_), *version, kVersion));
    }
    if (*version > kVersion) {
      return util::Error(
          util::ErrorCode::kInvalid,
          fmt::format("{}: has version {}, of a newer fail2ban than is understood ({}); nothing is "
                      "taken over from it. Bans can be made again with `warder ban`",
                      util::printable(path_), *version, kVersion));
    }
    return {};
  }

  const std::string path_;
  std::unique_ptr<sqlite3, CloseDatabase> database_;
};

}  // namespace

util::Result<Stored> read_database(const std::filesystem::path& path) {
  Reading reading(path.string());
  WARDER_RETURN_IF_ERROR(reading.open());
  Stored stored;
  WARDER_RETURN_IF_ERROR(
      reading.bans("bips", "ORDER BY timeofban, jail, ip", &stored.current, &stored.left_out));
  WARDER_RETURN_IF_ERROR(
      reading.bans("bans", "ORDER BY timeofban, rowid", &stored.history, &stored.left_out));
  WARDER_RETURN_IF_ERROR(reading.rows(
      "SELECT jail, path, firstlinemd5, lastfilepos FROM logs ORDER BY path, jail",
      [&](sqlite3_stmt* row) {
        if (stored.logs.size() >= kMostRows || sqlite3_column_type(row, 3) != SQLITE_INTEGER ||
            sqlite3_column_int64(row, 3) < 0) {
          ++stored.left_out;
          return true;
        }
        stored.logs.push_back(
            {text(row, 0), text(row, 1), text(row, 2), sqlite3_column_int64(row, 3)});
        return true;
      }));
  return stored;
}

}  // namespace warder::fail2ban
