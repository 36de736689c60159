#include "store/schema.h"

#include "model/event.h"

#include <fmt/core.h>

#include <array>
#include <string>

namespace warder::store {
namespace {

using util::Error;
using util::ErrorCode;

constexpr const char* kVersion1 = R"sql(
CREATE TABLE meta(name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
CREATE TABLE kind(number INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE severity(number INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE jail(number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE event(
  sequence INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE,
  time INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  severity INTEGER NOT NULL,
  jail INTEGER,
  address BLOB,
  message TEXT NOT NULL,
  detail TEXT,
  leaf BLOB NOT NULL);
CREATE INDEX event_time ON event(time);
CREATE INDEX event_address ON event(address) WHERE address IS NOT NULL;
CREATE TABLE ban(
  address BLOB NOT NULL,
  jail INTEGER NOT NULL,
  start INTEGER NOT NULL,
  until INTEGER,
  count INTEGER NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY(address, jail)) WITHOUT ROWID;
CREATE TABLE past_ban(
  address BLOB NOT NULL,
  jail INTEGER NOT NULL,
  start INTEGER NOT NULL,
  until INTEGER,
  count INTEGER NOT NULL,
  reason TEXT NOT NULL,
  ended INTEGER NOT NULL,
  how INTEGER NOT NULL,
  PRIMARY KEY(address, jail, start)) WITHOUT ROWID;
CREATE TABLE position(
  source TEXT NOT NULL,
  log TEXT NOT NULL,
  record BLOB NOT NULL,
  PRIMARY KEY(source, log)) WITHOUT ROWID;
CREATE TABLE destination(
  number INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  delivered INTEGER NOT NULL DEFAULT 0,
  dropped INTEGER NOT NULL DEFAULT 0);
CREATE TABLE outbox(
  destination INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  severity INTEGER NOT NULL,
  state INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  due INTEGER NOT NULL,
  error TEXT,
  PRIMARY KEY(destination, sequence)) WITHOUT ROWID;
CREATE TABLE receipt(
  destination INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  time INTEGER NOT NULL,
  receipt TEXT NOT NULL,
  PRIMARY KEY(destination, sequence)) WITHOUT ROWID;
CREATE TABLE tree(
  one INTEGER PRIMARY KEY CHECK(one = 1),
  size INTEGER NOT NULL,
  peaks BLOB NOT NULL,
  pruned INTEGER NOT NULL);
CREATE TABLE pruned(
  first INTEGER PRIMARY KEY,
  level INTEGER NOT NULL,
  hash BLOB NOT NULL);
CREATE TABLE checkpoint(
  size INTEGER PRIMARY KEY,
  time INTEGER NOT NULL,
  note TEXT NOT NULL);
INSERT INTO tree VALUES(1, 0, x'', 0);
)sql";

// What is known of the line of a finding stands in columns, names of logs as numbers. In place of
// two indexes that together took as much as the rows without their messages there are one over the
// beginnings of the ids, and the spans of time (time_spans.h).
constexpr const char* kVersion2 = R"sql(
CREATE TABLE log(number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE event_2(
  sequence INTEGER PRIMARY KEY,
  id BLOB NOT NULL,
  time INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  severity INTEGER NOT NULL,
  jail INTEGER,
  address BLOB,
  log INTEGER,
  at INTEGER,
  pattern INTEGER,
  attempts INTEGER,
  user TEXT,
  message TEXT NOT NULL,
  detail TEXT,
  leaf BLOB NOT NULL);
INSERT INTO event_2(sequence, id, time, kind, severity, jail, address, message, detail, leaf)
  SELECT sequence, id, time, kind, severity, jail, address, message, detail, leaf FROM event
  ORDER BY sequence;
DROP TABLE event;
ALTER TABLE event_2 RENAME TO event;
CREATE INDEX event_id ON event(substr(id, 1, 6));
CREATE INDEX event_address ON event(address) WHERE address IS NOT NULL;
CREATE TABLE event_span(
  first INTEGER PRIMARY KEY,
  earliest INTEGER NOT NULL,
  latest INTEGER NOT NULL);
INSERT INTO event_span SELECT sequence / 1024 * 1024 AS first, min(time), max(time) FROM event
  GROUP BY first;
)sql";

// What parts of the agent remember: baselines of monitors, alerts that are open.
constexpr const char* kVersion3 = R"sql(
CREATE TABLE kept(
  name TEXT PRIMARY KEY,
  value BLOB NOT NULL) WITHOUT ROWID;
)sql";

// Incidents, whom they were told, who is told when nobody acknowledges them; names of which
// something was told before, and which items of the outbox are the first of theirs.
constexpr const char* kVersion4 = R"sql(
CREATE TABLE incident(
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  opened INTEGER NOT NULL,
  last INTEGER NOT NULL,
  ended INTEGER,
  how INTEGER,
  events INTEGER NOT NULL,
  severity INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  jail INTEGER,
  message TEXT NOT NULL,
  tells_end INTEGER NOT NULL,
  acknowledged INTEGER,
  acknowledged_by TEXT,
  note TEXT);
CREATE UNIQUE INDEX incident_open ON incident(name) WHERE ended IS NULL;
CREATE TABLE incident_told(
  incident INTEGER NOT NULL,
  destination INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  times INTEGER NOT NULL,
  PRIMARY KEY(incident, destination)) WITHOUT ROWID;
CREATE TABLE escalation(
  incident INTEGER NOT NULL,
  destination INTEGER NOT NULL,
  due INTEGER NOT NULL,
  after INTEGER NOT NULL,
  left INTEGER NOT NULL,
  PRIMARY KEY(incident, destination)) WITHOUT ROWID;
CREATE TABLE seen(name TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;
ALTER TABLE outbox ADD COLUMN fresh INTEGER NOT NULL DEFAULT 0;
)sql";

constexpr const char* kDropViews = R"sql(
DROP VIEW IF EXISTS events;
DROP VIEW IF EXISTS bans;
DROP VIEW IF EXISTS past_bans;
DROP VIEW IF EXISTS outbox_items;
DROP VIEW IF EXISTS checkpoints;
DROP VIEW IF EXISTS incidents;
)sql";

// SQLite has no function that prints an address, and a program's own functions are unknown to the
// sqlite3 shell, so the views spell it with built-in ones. {h}: the hexadecimal digits of the BLOB.
std::string ipv4_text(std::string_view h) {
  std::string text;
  for (int part = 0; part < 4; ++part) {
    // instr() gives 0 for the digit that is not in the list, which is '0'.
    text += fmt::format(
        "{}(instr('123456789ABCDEF',substr({},{},1))*16+instr('123456789ABCDEF',substr({},{},1)))",
        part == 0 ? "" : "||'.'||", h, part * 2 + 1, h, part * 2 + 2);
  }
  return text;
}

// ":20:1:db8:0:...:1:", each group without leading zeros and every group between colons.
std::string ipv6_groups(std::string_view h) {
  std::string text = "':'";
  for (int group = 0; group < 8; ++group) {
    text += fmt::format("||coalesce(nullif(ltrim(lower(substr({},{},4)),'0'),''),'0')||':'", h,
                        group * 4 + 1);
  }
  return text;
}

// RFC 5952: the longest run of at least two zero groups becomes "::". {g}: ipv6_groups().
std::string ipv6_text(std::string_view g) {
  std::string text = "CASE";
  for (int run = 8; run >= 2; --run) {
    std::string zeros = ":";
    for (int i = 0; i < run; ++i) {
      zeros += "0:";
    }
    text += fmt::format(
        " WHEN instr({0},'{1}') THEN substr({0},2,max(instr({0},'{1}')-2,0))||'::'||"
        "rtrim(substr({0},instr({0},'{1}')+{2}),':')",
        g, zeros, zeros.size());
  }
  return text + fmt::format(" ELSE trim({},':') END", g);
}

// A SELECT of all columns of `table`, "address" being readable text.
std::string with_address_text(std::string_view table) {
  return fmt::format(
      "(SELECT *, CASE WHEN address IS NULL THEN NULL WHEN length(address) < 6 THEN {} ELSE {} END"
      "||CASE length(address) WHEN 5 THEN '/'||{} WHEN 17 THEN '/'||{} ELSE '' END AS address_text"
      " FROM (SELECT *, {} AS g FROM (SELECT *, hex(address) AS h FROM {})))",
      ipv4_text("h"), ipv6_text("g"),
      "(instr('123456789ABCDEF',substr(h,9,1))*16+instr('123456789ABCDEF',substr(h,10,1)))",
      "(instr('123456789ABCDEF',substr(h,33,1))*16+instr('123456789ABCDEF',substr(h,34,1)))",
      ipv6_groups("h"), table);
}

std::string time_text(std::string_view column) {
  return fmt::format("strftime('%Y-%m-%dT%H:%M:%fZ', {}/1000000.0, 'unixepoch')", column);
}

// A text without control characters as JSON. The functions of SQLite that do this are not to be
// used in views, as it trusts no schema in a file.
std::string quoted(std::string_view text) {
  return fmt::format(R"sql('"'||replace(replace({},'\','\\'),'"','\"')||'"')sql", text);
}

// model::detail_text() in SQL.
std::string detail_text() {
  return R"sql(CASE WHEN log.name IS NULL THEN detail ELSE '{"at":'||at||)sql"
         R"sql(CASE WHEN attempts <> 1 THEN ',"attempts":'||attempts ELSE '' END||',"log":'||)sql" +
         quoted("log.name") +
         R"sql(||CASE WHEN pattern <> 0 THEN ',"pattern":'||pattern ELSE '' END||)sql"
         R"sql(CASE WHEN user IS NOT NULL THEN ',"user":'||)sql" +
         quoted("user") + R"sql( ELSE '' END||'}' END)sql";
}

std::string views() {
  std::string sql;
  sql += fmt::format(
      "CREATE VIEW events AS SELECT sequence, {} AS time, kind.name AS kind,"
      " severity.name AS severity, jail.name AS jail, address_text AS address, message,"
      " {} AS detail, lower(hex(id)) AS id FROM {} AS e"
      " LEFT JOIN log ON log.number = e.log"
      " LEFT JOIN kind ON kind.number = e.kind LEFT JOIN severity ON severity.number = e.severity"
      " LEFT JOIN jail ON jail.number = e.jail;",
      time_text("e.time"), detail_text(), with_address_text("event"));
  sql += fmt::format(
      "CREATE VIEW bans AS SELECT jail.name AS jail, address_text AS address, {} AS start,"
      " coalesce({}, 'never') AS until, count, reason FROM {} AS b"
      " LEFT JOIN jail ON jail.number = b.jail;",
      time_text("b.start"), time_text("b.until"), with_address_text("ban"));
  sql += fmt::format(
      "CREATE VIEW past_bans AS SELECT jail.name AS jail, address_text AS address, {} AS start,"
      " coalesce({}, 'never') AS until, count, reason, {} AS ended,"
      " CASE how WHEN 1 THEN 'expired' WHEN 2 THEN 'lifted' WHEN 3 THEN 'replaced' END AS how"
      " FROM {} AS b LEFT JOIN jail ON jail.number = b.jail;",
      time_text("b.start"), time_text("b.until"), time_text("b.ended"),
      with_address_text("past_ban"));
  sql += fmt::format(
      "CREATE VIEW outbox_items AS SELECT destination.name AS destination, o.sequence,"
      " CASE o.state WHEN 0 THEN 'pending' ELSE 'dead' END AS state, o.attempts, {} AS due, error,"
      " message FROM outbox AS o LEFT JOIN destination ON destination.number = o.destination"
      " LEFT JOIN event ON event.sequence = o.sequence;",
      time_text("o.due"));
  sql += fmt::format("CREATE VIEW checkpoints AS SELECT size, {} AS time, note FROM checkpoint;",
                     time_text("checkpoint.time"));
  sql += fmt::format(
      "CREATE VIEW incidents AS SELECT i.number, i.name, {} AS opened, {} AS last, {} AS ended,"
      " CASE how WHEN 1 THEN 'over' WHEN 2 THEN 'acknowledged' WHEN 3 THEN 'silent'"
      " WHEN 4 THEN 'crowded out' END AS how, i.events, severity.name AS severity,"
      " kind.name AS kind, jail.name AS jail, i.message, {} AS acknowledged, i.acknowledged_by,"
      " i.note FROM incident AS i LEFT JOIN kind ON kind.number = i.kind"
      " LEFT JOIN severity ON severity.number = i.severity"
      " LEFT JOIN jail ON jail.number = i.jail;",
      time_text("i.opened"), time_text("i.last"), time_text("i.ended"),
      time_text("i.acknowledged"));
  return sql;
}

// The names that the views show, from the same place as everywhere else. A newer build of the same
// schema may know more kinds.
util::Status write_names(Connection& connection) {
  WARDER_ASSIGN_OR_RETURN(
      Statement kind,
      connection.prepare("INSERT INTO kind VALUES(?1, ?2) ON CONFLICT(number) DO UPDATE SET name = "
                         "excluded.name WHERE name <> excluded.name"));
  for (int number = 1; number < 256; ++number) {
    const std::string_view name = model::to_string(static_cast<model::EventKind>(number));
    if (name != "unknown") {
      WARDER_RETURN_IF_ERROR(kind.execute(number, name));
    }
  }
  WARDER_ASSIGN_OR_RETURN(
      Statement severity,
      connection.prepare("INSERT INTO severity VALUES(?1, ?2) ON CONFLICT(number) DO UPDATE SET "
                         "name = excluded.name WHERE name <> excluded.name"));
  for (const auto value :
       {model::Severity::kInfo, model::Severity::kNotice, model::Severity::kWarning,
        model::Severity::kHigh, model::Severity::kCritical}) {
    WARDER_RETURN_IF_ERROR(severity.execute(static_cast<int>(value), model::to_string(value)));
  }
  return {};
}

// Step n brings the tables of version n to version n + 1. Append, never change one that was
// released. Views hold nothing and are made anew.
constexpr std::array<const char*, kSchemaVersion> kSteps{kVersion1, kVersion2, kVersion3,
                                                         kVersion4};

// Views hold nothing: those that are not as this build makes them are made anew.
util::Status mend_views(Connection& connection) {
  std::string found;
  {
    WARDER_ASSIGN_OR_RETURN(Statement all,
                            connection.prepare("SELECT sql FROM sqlite_schema WHERE type = 'view' "
                                               "AND name IN ('events', 'bans', 'past_bans', "
                                               "'outbox_items', 'checkpoints', 'incidents') ORDER "
                                               "BY rowid"));
    Rows rows = all.run();
    while (rows.next()) {
      found += rows.text(0);
      found += ';';
    }
    WARDER_RETURN_IF_ERROR(rows.status());
  }
  const std::string wanted = views();
  if (found == wanted) {
    return {};
  }
  WARDER_RETURN_IF_ERROR(connection.execute(kDropViews));
  return connection.execute(wanted);
}

util::Status run_steps(Connection& connection, std::int64_t version) {
  if (version != kSchemaVersion) {
    WARDER_RETURN_IF_ERROR(connection.execute(kDropViews));
    for (auto step = static_cast<std::size_t>(version); step < kSteps.size(); ++step) {
      WARDER_RETURN_IF_ERROR(
          connection.execute(kSteps[step]).with_context(fmt::format("migration {}", step + 1)));
    }
    WARDER_RETURN_IF_ERROR(connection.execute(views()));
  } else {
    WARDER_RETURN_IF_ERROR(mend_views(connection));
  }
  WARDER_RETURN_IF_ERROR(write_names(connection));
  // Setting a pragma writes the header each time, so only when it is new.
  if (version != kSchemaVersion) {
    WARDER_RETURN_IF_ERROR(connection.execute(fmt::format(
        "PRAGMA application_id={};PRAGMA user_version={}", kApplicationId, kSchemaVersion)));
  }
  return connection.execute("COMMIT");
}

}  // namespace

util::Status check_schema(Connection& connection, Use use) {
  WARDER_ASSIGN_OR_RETURN(const std::int64_t application,
                          connection.integer("PRAGMA application_id"));
  WARDER_ASSIGN_OR_RETURN(const std::int64_t version, connection.integer("PRAGMA user_version"));
  WARDER_ASSIGN_OR_RETURN(const std::int64_t tables,
                          connection.integer("SELECT count(*) FROM sqlite_schema"));
  if (application == 0 && version == 0 && tables == 0) {
    if (use == Use::kWrite) {
      return {};
    }
    return Error(ErrorCode::kInvalid, "is an empty database; has the agent run with this path?");
  }
  if (application != kApplicationId) {
    return Error(ErrorCode::kInvalid,
                 fmt::format("is a database of another program (application id {}); "
                             "set the path of the store to a file of its own",
                             application));
  }
  if (version > kSchemaVersion) {
    return Error(ErrorCode::kInvalid,
                 fmt::format("was written by a newer warder (schema {}, this one knows {}); "
                             "install that version again, or move the file away to begin a new "
                             "history",
                             version, kSchemaVersion));
  }
  if (version < kSchemaVersion && use == Use::kRead) {
    return Error(ErrorCode::kInvalid,
                 fmt::format("was written by an older warder (schema {}, this one reads {}); start "
                             "the agent, which brings it up to date",
                             version, kSchemaVersion));
  }
  return {};
}

util::Status migrate(Connection& connection) {
  WARDER_ASSIGN_OR_RETURN(const std::int64_t version, connection.integer("PRAGMA user_version"));
  WARDER_RETURN_IF_ERROR(connection.execute("BEGIN IMMEDIATE"));
  util::Status done = run_steps(connection, version);
  if (!done) {
    connection.roll_back();
  }
  return done;
}

}  // namespace warder::store
