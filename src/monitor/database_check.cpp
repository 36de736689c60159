#include "monitor/database_check.h"

#include "crypto/sha256.h"
#include "monitor/schema_baseline.h"
#include "monitor/snapshot.h"
#include "monitor/text.h"
#include "util/encoding.h"
#include "util/strings.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <sqlite3.h>

#include <cerrno>
#include <optional>
#include <sys/stat.h>

namespace warder::monitor {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using State = Outcome::State;
using Steady = std::chrono::steady_clock;

constexpr std::size_t kMostProblems = 20;                  // told of one check
constexpr std::uint64_t kMostCounted = 1000;               // rows of foreign_key_check
constexpr milliseconds kNoLimit = std::chrono::hours(24);  // the parent ends the process

std::string dump(const json& document) {
  return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

class Checker {
 public:
  explicit Checker(const DatabaseRequest& request) : request_(request) {}

  std::vector<Outcome> run() {
    struct stat info{};
    if (::stat(request_.database.c_str(), &info) != 0) {
      const int error = errno;
      return unknown_outcomes(
          request_, util::errno_error(request_.database.string(), error).message(),
          error == EACCES ? "the agent's user may not reach the file" : "there is no such file",
          fmt::format("ls -l {}", shell_word(request_.database.string())));
    }
    if (!S_ISREG(info.st_mode)) {
      return unknown_outcomes(request_, "the database is no regular file",
                              "the path leads to something else",
                              fmt::format("ls -l {}", shell_word(request_.database.string())));
    }
    auto opened = Database::open(file_uri(request_.database.string(), "mode=ro"),
                                 static_cast<int>(request_.cache_pages));
    if (!opened) {
      return unknown_outcomes(request_, opened.error().message(), rights_cause(), rights_command());
    }
    source_ = std::move(*opened);
    std::vector<Outcome> outcomes;
    for (const Check check : request_.checks) {
      Outcome outcome = make(check);
      outcome.check = check;
      outcome.text = util::printable_again(outcome.text, Outcome::kLongestText);
      outcomes.push_back(std::move(outcome));
    }
    return outcomes;
  }

 private:
  static std::string rights_cause() {
    return "the agent's user cannot read the database, or not its -wal and -shm beside it";
  }
  std::string rights_command() const {
    return fmt::format("ls -l {}*; add the agent's user to the group that owns them",
                       shell_word(request_.database.string()));
  }

  Outcome make(Check check) {
    switch (check) {
      case Check::kIntegrity:
        return structure("PRAGMA integrity_check(100)");
      case Check::kQuick:
        return structure("PRAGMA quick_check(100)");
      case Check::kForeignKeys:
        return foreign_keys();
      case Check::kSchema:
        return schema();
      case Check::kFreePages:
        return free_pages();
      case Check::kQueries:
        return queries();
      case Check::kCache:
        return cache();
      default:
        return unknown("is no check of the content", "", "");
    }
  }

  static Outcome unknown(std::string text, std::string cause, std::string next) {
    Outcome outcome;
    outcome.state = State::kUnknown;
    outcome.mark = mark_of(cause);
    outcome.text = std::move(text);
    outcome.cause = std::move(cause);
    outcome.next = std::move(next);
    return outcome;
  }

  Outcome damaged(const std::vector<std::string>& problems) const {
    Outcome outcome;
    outcome.state = State::kBad;
    outcome.mark = "damaged";
    outcome.text = fmt::format("the database is damaged: {}", joined(problems, 5));
    outcome.cause =
        "a failing disk, a file that was copied or cut while in use, or memory errors; what the "
        "service writes from now on may be lost";
    outcome.next = fmt::format(
        "stop the service, keep a copy of the file, restore the newest good backup; what can be "
        "saved: sqlite3 {} .recover",
        shell_word(request_.database.string()));
    outcome.facts =
        dump({{"problems",
               std::vector<std::string>(problems.begin(),
                                        problems.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                               problems.size(), kMostProblems)))}});
    return outcome;
  }

  // A failure of SQLite: either the file is damaged, or the check could not be made.
  Outcome failed(const Database& database, const util::Error& error) const {
    if (database.damaged()) {
      return damaged({error.message()});
    }
    const bool memory = sqlite3_errcode(database.handle()) == SQLITE_NOMEM;
    return unknown(error.message(),
                   memory ? "the check needs more memory than it may use" : rights_cause(),
                   memory ? "check a copy on another machine" : rights_command());
  }

  // Null when there is none, with `outcome` saying why.
  Snapshot* snapshot(Outcome* outcome) {
    if (!snapshot_ && !no_snapshot_) {
      auto taken = take_snapshot(*source_, request_.database, request_.folder);
      if (taken) {
        snapshot_ = std::move(*taken);
      } else if (taken.error().code() == util::ErrorCode::kInvalid) {
        no_snapshot_ = damaged({taken.error().message()});
      } else {
        no_snapshot_ = unknown(taken.error().message(), "no copy of the database could be made",
                               fmt::format("df -h {}", shell_word(request_.folder.string())));
      }
    }
    if (no_snapshot_) {
      *outcome = *no_snapshot_;
      return nullptr;
    }
    return &*snapshot_;
  }

  Outcome structure(const std::string& pragma) {
    Outcome outcome;
    Snapshot* const copy = snapshot(&outcome);
    if (copy == nullptr) {
      return outcome;
    }
    const Steady::time_point start = Steady::now();
    std::vector<std::string> problems;
    const util::Status read = copy->database.rows(pragma, kNoLimit, [&](sqlite3_stmt* row) {
      // A row may hold several lines.
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(row, 0));
      for (const std::string_view line : util::split(text == nullptr ? "" : text, '\n')) {
        if (line != "ok" && !util::trim(line).empty() && problems.size() < 100) {
          problems.push_back(util::printable(util::trim(line), 200));
        }
      }
      return true;
    });
    if (!read && problems.empty()) {
      return failed(copy->database, read.error());
    }
    if (!problems.empty()) {
      return damaged(problems);
    }
    outcome.text = fmt::format("the database is whole ({} MiB)", copy->bytes >> 20U);
    outcome.facts = dump({{"bytes", copy->bytes}, {"milliseconds", since(start)}});
    return outcome;
  }

  Outcome foreign_keys() {
    Outcome outcome;
    Snapshot* const copy = snapshot(&outcome);
    if (copy == nullptr) {
      return outcome;
    }
    const Steady::time_point start = Steady::now();
    std::uint64_t count = 0;
    std::vector<std::string> examples;
    const util::Status read =
        copy->database.rows("PRAGMA foreign_key_check", kNoLimit, [&](sqlite3_stmt* row) {
          if (examples.size() < 10) {
            examples.push_back(fmt::format("{} row {} has no {}", column_text(row, 0, 64),
                                           column_text(row, 1, 20), column_text(row, 2, 64)));
          }
          return ++count < kMostCounted;
        });
    if (!read) {
      return failed(copy->database, read.error());
    }
    outcome.facts = dump({{"rows", count}, {"examples", examples}, {"milliseconds", since(start)}});
    if (count == 0) {
      outcome.text = "every foreign key leads to its row";
      return outcome;
    }
    outcome.state = State::kBad;
    outcome.mark = "orphans";
    outcome.text = fmt::format("{}{} {} without the row their foreign key names: {}",
                               count >= kMostCounted ? "at least " : "", count,
                               count == 1 ? "row is" : "rows are", joined(examples, 3));
    outcome.cause = "rows were deleted with foreign keys off: by hand, by a script, or by a defect";
    outcome.next = fmt::format("sqlite3 -readonly {} 'PRAGMA foreign_key_check'",
                               shell_word(request_.database.string()));
    return outcome;
  }

  Outcome schema() {
    auto now = read_schema(*source_);
    if (!now) {
      return failed(*source_, now.error());
    }
    Outcome outcome;
    outcome.baseline = baseline_text(*now);
    const bool first = request_.schema_baseline.empty();
    const std::vector<std::string> changes =
        first ? std::vector<std::string>()
              : schema_changes(parse_baseline(request_.schema_baseline), *now);
    outcome.facts = dump(
        {{"objects", now->size()},
         {"sha256", util::to_hex(crypto::sha256(util::as_bytes(outcome.baseline)))},
         {"changes", std::vector<std::string>(
                         changes.begin(), changes.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                                changes.size(), kMostProblems)))}});
    if (changes.empty()) {
      outcome.text =
          first ? fmt::format("the schema has {} objects; they are the baseline from now on",
                              now->size())
                : fmt::format("the schema's {} objects are those of the baseline", now->size());
      return outcome;
    }
    outcome.state = State::kBad;
    outcome.mark = mark_of(outcome.baseline);
    outcome.text = fmt::format("the schema has changed: {}", joined(changes, 8));
    outcome.cause =
        "an upgrade of the service, or somebody with write access to the file: a trigger or a view "
        "can hand on or forge what the service stores";
    outcome.next =
        fmt::format("sqlite3 -readonly {} .schema; after an upgrade: warder monitor accept {}",
                    shell_word(request_.database.string()), request_.monitor);
    return outcome;
  }

  Outcome free_pages() {
    const auto free = source_->integer("PRAGMA freelist_count");
    const auto pages = source_->integer("PRAGMA page_count");
    const auto size = source_->integer("PRAGMA page_size");
    if (!free || !pages || !size) {
      return failed(*source_, (!free ? free : !pages ? pages : size).error());
    }
    const std::int64_t percent = *pages == 0 ? 0 : *free * 100 / *pages;
    Outcome outcome;
    outcome.facts = dump({{"free_pages", *free}, {"pages", *pages}, {"gain_bytes", *free * *size}});
    outcome.text = fmt::format("{} of {} pages are free ({}%): a vacuum gives back {} KiB", *free,
                               *pages, percent, *free * *size / 1024);
    if (percent > request_.max_free_pages) {
      outcome.state = State::kBad;
      outcome.mark = "free";
      outcome.cause = "much was deleted; the file keeps its size until it is vacuumed";
      outcome.next = fmt::format(
          "stop the service, then: sqlite3 {} VACUUM (needs as much free disk as the database has)",
          shell_word(request_.database.string()));
    }
    return outcome;
  }

  Outcome queries() {
    Outcome outcome;
    json times = json::array();
    std::vector<std::string> slow;
    std::int64_t slowest = 0;
    for (const std::string& query : request_.queries) {
      const std::string told = util::printable(query, 120);
      const Steady::time_point start = Steady::now();
      const util::Status run = source_->rows(
          query, 2 * request_.max_query_time, [](sqlite3_stmt*) { return true; },
          Database::Origin::kConfiguration);
      const std::int64_t took = since(start);
      if (!run && run.error().code() != util::ErrorCode::kTimeout) {
        if (source_->damaged()) {
          return damaged({run.error().message()});
        }
        return unknown(
            fmt::format("the query \"{}\" cannot be run: {}", told, run.error().message()),
            "the configured query does not fit this database",
            fmt::format("correct `queries` of [monitor {}]", request_.monitor));
      }
      times.push_back({{"query", told}, {"milliseconds", took}});
      slowest = std::max(slowest, took);
      if (milliseconds(took) > request_.max_query_time) {
        slow.push_back(fmt::format("\"{}\" took {}{} ms", told, run ? "" : "more than ", took));
      }
    }
    outcome.facts = dump({{"queries", times}});
    if (slow.empty()) {
      outcome.text = fmt::format("{} timed, the slowest took {} ms",
                                 request_.queries.size() == 1
                                     ? "1 query was"
                                     : fmt::format("{} queries were", request_.queries.size()),
                                 slowest);
      return outcome;
    }
    outcome.state = State::kBad;
    outcome.mark = "slow";
    outcome.text = fmt::format("queries are slow: {} (limit {} ms)", joined(slow, 3),
                               request_.max_query_time.count());
    outcome.cause = "a missing index, a grown table, or a disk or processor that is busy";
    outcome.next = fmt::format("sqlite3 -readonly {} 'EXPLAIN QUERY PLAN ...'",
                               shell_word(request_.database.string()));
    return outcome;
  }

  // SQLite counts hits for each connection, so this measures a connection of our own with the
  // service's cache: what is still read from the file when the queries are run for the second time
  // did not fit into the cache.
  Outcome cache() {
    std::int64_t hits = 0;
    std::int64_t misses = 0;
    for (int round = 0; round < 2; ++round) {
      count(SQLITE_DBSTATUS_CACHE_HIT);
      count(SQLITE_DBSTATUS_CACHE_MISS);
      for (const std::string& query : request_.queries) {
        // What is slow or wrong is told by the check `queries`.
        if (const util::Status run = source_->rows(
                query, 2 * request_.max_query_time, [](sqlite3_stmt*) { return true; },
                Database::Origin::kConfiguration);
            !run && source_->damaged()) {
          return damaged({run.error().message()});
        }
      }
      hits = count(SQLITE_DBSTATUS_CACHE_HIT);
      misses = count(SQLITE_DBSTATUS_CACHE_MISS);
    }
    const std::int64_t all = hits + misses;
    const std::int64_t percent = all == 0 ? 100 : hits * 100 / all;
    Outcome outcome;
    outcome.facts = dump({{"hits", hits}, {"misses", misses}, {"percent", percent}});
    outcome.text =
        fmt::format("a cache of {} pages answers {}% of the queries' page reads ({} of {})",
                    request_.cache_pages, percent, hits, all);
    if (percent < request_.min_cache_hit_ratio) {
      outcome.state = State::kBad;
      outcome.mark = "cache";
      outcome.cause = "what the queries read is larger than the cache";
      outcome.next =
          "give the service a larger cache (PRAGMA cache_size), and say so in `cache_pages`";
    }
    return outcome;
  }

  std::int64_t count(int what) {
    int current = 0;
    int highest = 0;
    sqlite3_db_status(source_->handle(), what, &current, &highest, 1);
    return current;
  }

  static std::int64_t since(Steady::time_point start) {
    return std::chrono::duration_cast<milliseconds>(Steady::now() - start).count();
  }

  const DatabaseRequest& request_;
  std::optional<Database> source_;
  std::optional<Snapshot> snapshot_;
  std::optional<Outcome> no_snapshot_;
};

}  // namespace

std::string to_json(const DatabaseRequest& request) {
  json checks = json::array();
  for (const Check check : request.checks) {
    checks.push_back(to_string(check));
  }
  return dump({{"monitor", request.monitor},
               {"database", request.database.string()},
               {"folder", request.folder.string()},
               {"checks", checks},
               {"cache_pages", request.cache_pages},
               {"min_cache_hit_ratio", request.min_cache_hit_ratio},
               {"max_query_time", request.max_query_time.count()},
               {"queries", request.queries},
               {"max_free_pages", request.max_free_pages},
               {"schema_baseline", request.schema_baseline}});
}

util::Result<DatabaseRequest> parse_request(std::string_view text) {
  // From the agent itself: a text that is not of this shape is a defect, and json throws.
  try {
    const json document = json::parse(text);
    DatabaseRequest request;
    request.monitor = document.at("monitor");
    request.database = document.at("database").get<std::string>();
    request.folder = document.at("folder").get<std::string>();
    for (const json& name : document.at("checks")) {
      if (const auto check = parse_check(name.get<std::string>())) {
        request.checks.push_back(*check);
      }
    }
    request.cache_pages = document.at("cache_pages");
    request.min_cache_hit_ratio = document.at("min_cache_hit_ratio");
    request.max_query_time = milliseconds(document.at("max_query_time").get<std::int64_t>());
    request.queries = document.at("queries").get<std::vector<std::string>>();
    request.max_free_pages = document.at("max_free_pages");
    request.schema_baseline = document.at("schema_baseline");
    return request;
  } catch (const json::exception& error) {
    return util::Error(util::ErrorCode::kInvalid,
                       fmt::format("the request of a check: {}", error.what()));
  }
}

std::vector<Outcome> unknown_outcomes(const DatabaseRequest& request, const std::string& why,
                                      const std::string& cause, const std::string& next) {
  std::vector<Outcome> outcomes;
  for (const Check check : request.checks) {
    Outcome outcome;
    outcome.check = check;
    outcome.state = State::kUnknown;
    outcome.text = util::printable_again(why, Outcome::kLongestText);
    outcome.cause = cause;
    outcome.next = next;
    outcome.mark = mark_of(cause);
    outcomes.push_back(std::move(outcome));
  }
  return outcomes;
}

std::vector<Outcome> check_database(const DatabaseRequest& request) {
  sqlite3_hard_heap_limit64(static_cast<sqlite3_int64>(kMostMemory.value));
  return Checker(request).run();
}

}  // namespace warder::monitor
