#include "store/keys.h"

#include "store/checkpoint.h"
#include "util/writable_place.h"

#include <fmt/core.h>

#include <string_view>
#include <utility>

namespace warder::store {
namespace {

using config::Change;
using config::Type;

util::Status check_origin(std::string_view value) {
  if (is_valid_origin(value) && value.size() <= 200) {
    return {};
  }
  return util::Error(util::ErrorCode::kInvalid,
                     "must be 1 to 200 bytes without blanks and '+', such as warder/host.example");
}

constexpr std::string_view kSynchronous[] = {"full", "normal"};

constexpr config::Key kKeys[] = {
    {.name = "path",
     .type = Type::kPath,
     .change = Change::kRestart,
     .text = "The database that keeps events, bans, positions and what is still to be sent. Files "
             "whose names begin with it lie beside it. Unless set: warder.db in the folder of "
             "[agent] state.",
     .example = "/var/lib/warder/warder.db"},
    {.name = "origin",
     .type = Type::kString,
     .change = Change::kRestart,
     .text =
         "Names this history in its signed checkpoints; warder/ and the name of the host unless "
         "set. A database keeps the name it was made with.",
     .example = "warder/host.example",
     .check = check_origin},
    {.name = "commit_interval",
     .type = Type::kDuration,
     .fallback = "0.1s",
     .least = "0s",
     .most = "10s",
     .change = Change::kRestart,
     .text = "How long an event may wait so that others share its commit. A crash loses nothing: "
             "what was not committed is read again.",
     .example = "0.1s"},
    {.name = "synchronous",
     .type = Type::kEnum,
     .fallback = "full",
     .choices = kSynchronous,
     .change = Change::kRestart,
     .text = "full: a commit is on the disk when it counts as done. normal: a power loss (not a "
             "crash) may take the last commits; their lines are read again if the logs still have "
             "them.",
     .example = "full"},
    {.name = "queue_limit",
     .type = Type::kBytes,
     .fallback = "8M",
     .least = "1M",
     .most = "256M",
     .change = Change::kRestart,
     .text = "Memory for what waits for the disk; when it is full, reading waits.",
     .example = "8M"},
    {.name = "retention",
     .type = Type::kDuration,
     .fallback = "90d",
     .least = "1h",
     .most = "3650d",
     .permanent = true,
     .change = Change::kRestart,
     .text =
         "How long events and ended bans are kept. -1: until another limit is met. The hashes of "
         "removed events stay, so that the history can still be verified.",
     .example = "90d"},
    {.name = "retention_events",
     .type = Type::kInteger,
     .fallback = "0",
     .least = "0",
     .most = "1000000000",
     .change = Change::kRestart,
     .text = "Most events that are kept; 0: no such limit.",
     .example = "1000000"},
    {.name = "size_limit",
     .type = Type::kBytes,
     .fallback = "1G",
     .least = "16M",
     .change = Change::kRestart,
     .text = "Size of the database above which the oldest events are removed.",
     .example = "1G"},
    {.name = "checkpoint_interval",
     .type = Type::kDuration,
     .fallback = "1h",
     .least = "1min",
     .most = "7d",
     .change = Change::kRestart,
     .text = "How often a signed checkpoint of the history is made, if there is a new event.",
     .example = "1h"},
    {.name = "checkpoint_events",
     .type = Type::kInteger,
     .fallback = "100000",
     .least = "100",
     .most = "1000000000",
     .change = Change::kRestart,
     .text = "After how many events a checkpoint is made in any case.",
     .example = "100000"},
    {.name = "outbox_limit",
     .type = Type::kInteger,
     .fallback = "100000",
     .least = "100",
     .most = "10000000",
     .change = Change::kRestart,
     .text =
         "Most events that wait for one destination. Above it the oldest of the lowest severity "
         "are dropped, counted, and reported.",
     .example = "100000"},
    {.name = "check_every",
     .type = Type::kDuration,
     .fallback = "1d",
     .least = "0s",
     .most = "90d",
     .text =
         "How often the agent checks its own history, in a process of its own: the structure of "
         "the database (a copy of it) and every hash. A damaged database is set aside and a "
         "new one begun. 0: never.",
     .example = "7d"},
    {.name = "reserve",
     .type = Type::kBytes,
     .fallback = "1M",
     .least = "64K",
     .most = "64M",
     .change = Change::kRestart,
     .text =
         "Disk space kept back, so that the event that says that the disk is full can be stored.",
     .example = "1M"},
};

constexpr config::Table kTable{
    .section = "store", .text = "The history: one SQLite database.", .keys = kKeys};

}  // namespace

const config::Table& store_table() { return kTable; }

Options store_options(const config::Values& values, const std::filesystem::path& state,
                      const std::string& host) {
  using std::chrono::duration_cast;
  Options options;
  options.path = values.has("path") ? values.path("path") : state / "warder.db";
  options.origin = values.has("origin") ? values.string("origin") : fmt::format("warder/{}", host);
  options.commit_interval =
      duration_cast<std::chrono::milliseconds>(values.duration("commit_interval"));
  options.relaxed_sync = values.choice_index("synchronous") == 1;
  options.queue_limit = values.bytes("queue_limit");
  const auto retention = values.duration_or_forever("retention");
  options.retention_age =
      retention ? duration_cast<std::chrono::hours>(*retention) : std::chrono::hours(0);
  options.retention_events = static_cast<std::uint64_t>(values.integer("retention_events"));
  options.size_limit = values.bytes("size_limit");
  options.checkpoint_interval =
      duration_cast<std::chrono::minutes>(values.duration("checkpoint_interval"));
  options.checkpoint_events = static_cast<std::uint64_t>(values.integer("checkpoint_events"));
  options.outbox_limit = static_cast<std::uint64_t>(values.integer("outbox_limit"));
  options.reserve = values.bytes("reserve");
  return options;
}

void check_path(const config::Values& values, const std::filesystem::path& state,
                std::optional<uid_t> user, config::Diagnostics& diagnostics) {
  if (!values.has("path")) {
    return;
  }
  const std::filesystem::path path = values.path("path");
  const util::Status place = util::can_keep_file(path, user);
  if (place ||
      (place.error().code() == util::ErrorCode::kNotFound && path.parent_path() == state)) {
    return;
  }
  config::Diagnostic told = values.about("path", place.error().message());
  switch (place.error().code()) {
    case util::ErrorCode::kNotFound:
      told.suggestion =
          "make it and give it to the agent's user, or leave the key away: the database then lies "
          "in [agent] state";
      break;
    case util::ErrorCode::kDenied:
      told.suggestion = fmt::format(
          "give it to the agent's user (chown), or leave the key away: the database "
          "then lies in {}",
          state.string());
      break;
    default:
      told.allowed = "the name of a file, such as /var/lib/warder/warder.db";
      told.suggestion = "leave the key away and the database lies in [agent] state";
      break;
  }
  diagnostics.add(std::move(told));
}

}  // namespace warder::store
