#include "backup/keys.h"

#include "config/plain_name.h"
#include "config/vault_path.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>

namespace warder::backup {
namespace {

using config::Change;
using config::Key;
using config::Type;
using std::chrono::duration_cast;

constexpr std::string_view kFormats[] = {"sql_dump", "binary", "encrypted", "full", "both"};
constexpr std::string_view kEncryption[] = {"openpgp", "none"};

util::Status check_schedule(std::string_view text) {
  const auto schedule = parse_schedule(text);
  return schedule ? util::Status() : util::Status(schedule.error());
}

constexpr Key kKeys[] = {
    {.name = "database",
     .type = Type::kPath,
     .text = "A SQLite database in use. It is copied while others write to it.",
     .example = "/srv/vaultwarden/db.sqlite3"},
    {.name = "vault_snapshot",
     .type = Type::kBool,
     .fallback = "no",
     .text = "A snapshot of the vault of [vault] itself (HashiCorp Vault or OpenBao with raft "
             "storage), instead of a database and paths. What it holds is opened by the vault's "
             "unseal keys alone. The identity must read sys/storage/raft/snapshot.",
     .example = "yes"},
    {.name = "paths",
     .type = Type::kLines,
     .fallback = "",
     .text = "Files and folders that the format full packs beside the database, a line each.",
     .example = "/srv/vaultwarden"},
    {.name = "exclude",
     .type = Type::kLines,
     .fallback = "",
     .text = "What of those paths is left out, with all below it.",
     .example = "/srv/vaultwarden/icon_cache"},
    {.name = "formats",
     .type = Type::kWords,
     .least = "1",
     .choices = kFormats,
     .text = "What is made of one copy: binary (the database file), sql_dump (its SQL text), both, "
             "full (a tar archive of the database and `paths`). encrypted stands in older "
             "configurations; it adds nothing, since `encryption` says so. Unless set: binary "
             "where there is a database, and full where there are paths.",
     .example = "binary full"},
    {.name = "encryption",
     .type = Type::kEnum,
     .fallback = "openpgp",
     .choices = kEncryption,
     .text = "openpgp: AES-256 under the passphrase, as gpg --symmetric makes it. none is taken "
             "only together with unencrypted = yes.",
     .example = "openpgp"},
    {.name = "unencrypted",
     .type = Type::kBool,
     .fallback = "no",
     .text = "The second word for encryption = none: whoever can read the file can read the data.",
     .example = "yes"},
    {.name = "passphrase",
     .type = Type::kSecret,
     .text = "Where the passphrase lies. A passphrase in the vault can be rotated: backups name "
             "its version, and `warder backup re-encrypt` brings old ones to the new one.",
     .example = "vault:backup/passphrase"},
    {.name = "data_key",
     .type = Type::kString,
     .fallback = "",
     .most = "128",
     .text =
         "Instead of a passphrase: a key of the transit engine of Vault or OpenBao, which makes "
         "a passphrase for each backup and is needed to open it.",
     .example = "backups"},
    {.name = "compression",
     .type = Type::kInteger,
     .fallback = "6",
     .least = "1",
     .most = "12",
     .text = "From fast (1) to small (12).",
     .example = "6"},
    {.name = "folder",
     .type = Type::kPath,
     .text = "Where the backups lie; STATE/backups/NAME when not set. It is made 0700. The copy "
             "that is being made and the one that is being tried need room there too.",
     .example = "/var/backups/vaultwarden"},
    {.name = "queries",
     .type = Type::kLines,
     .fallback = "",
     .text = "SQL that must give a row in a restored copy, a line each.",
     .example = "SELECT 1 FROM users"},
    {.name = "unpacked_limit",
     .type = Type::kBytes,
     .fallback = "64G",
     .least = "1M",
     .text = "What a backup may unpack to at most.",
     .example = "64G"},
    {.name = "longest_lock",
     .type = Type::kInteger,
     .fallback = "100",
     .least = "1",
     .most = "60000",
     .text = "For how many milliseconds one step of the copy may keep writers waiting. In WAL mode "
             "none ever waits.",
     .example = "100"},
    {.name = "storage",
     .type = Type::kString,
     .fallback = "",
     .most = "64",
     .text = "The NAME of a section [storage NAME] that gets a copy of each backup.",
     .example = "offsite"},
    {.name = "local_days",
     .type = Type::kInteger,
     .fallback = "7",
     .least = "1",
     .most = "3650",
     .text = "For so many days one backup a day is kept, here and there.",
     .example = "7"},
    {.name = "cloud_days",
     .type = Type::kInteger,
     .fallback = "30",
     .least = "1",
     .most = "3650",
     .text = "For so many days one backup a week is kept, in the storage (without one: here).",
     .example = "30"},
    {.name = "archive_days",
     .type = Type::kInteger,
     .fallback = "365",
     .least = "1",
     .most = "36500",
     .text = "For so many days one backup a month is kept, in the storage (without one: here).",
     .example = "365"},
    {.name = "keep_least",
     .type = Type::kInteger,
     .fallback = "3",
     .least = "1",
     .most = "1000",
     .text = "So many proven backups are kept whatever their age, here and there.",
     .example = "3"},
    {.name = "schedule",
     .type = Type::kString,
     .fallback = "never",
     .text = "When the agent makes a backup: never, hourly, every 6h, daily 03:00, weekly sun "
             "03:00, monthly 1 03:00 (local time). One that was missed is made at the next start.",
     .example = "daily 03:00",
     .check = check_schedule},
    {.name = "verify_schedule",
     .type = Type::kString,
     .fallback = "weekly sun 05:00",
     .text = "When the newest backup is restored once more for trial.",
     .example = "daily 05:00",
     .check = check_schedule},
    {.name = "drill_schedule",
     .type = Type::kString,
     .fallback = "monthly 1 06:00",
     .text = "When the copy in the storage is restored into an empty folder and started from.",
     .example = "monthly 1 06:00",
     .check = check_schedule},
    {.name = "oldest",
     .type = Type::kDuration,
     .fallback = "2d",
     .least = "1m",
     .text = "An alert is raised when the newest proven backup is older.",
     .example = "26h"},
};

constexpr config::Table kTable{
    .section = "backup *",
    .text =
        "A set of backups: what is copied, how, when, and how long it is kept. See "
        "src/backup/README.md for restoring.",
    .keys = kKeys,
};

std::vector<std::filesystem::path> absolute_paths(const config::Values& values,
                                                  std::string_view key,
                                                  config::Diagnostics& diagnostics) {
  std::vector<std::filesystem::path> paths;
  for (const std::string& line : values.list(key)) {
    std::filesystem::path path = std::filesystem::path(line).lexically_normal();
    if (!path.has_filename() && path.has_parent_path()) {
      path = path.parent_path();  // "/srv/data/"
    }
    if (!path.is_absolute() || path == "/") {
      diagnostics.add(values.about(
          key, fmt::format("\"{}\" is no absolute path below /", util::printable(line))));
      continue;
    }
    paths.push_back(std::move(path));
  }
  return paths;
}

void read_formats(const config::Values& values, SetOptions& options) {
  const auto add = [&options](Format format) {
    if (std::ranges::find(options.formats, format) == options.formats.end()) {
      options.formats.push_back(format);
    }
  };
  const std::vector<std::string> words =
      values.has("formats") ? values.list("formats") : std::vector<std::string>();
  for (const std::string& word : words) {
    const std::string name = util::to_lower(word);
    if (name == "both") {
      add(Format::kSqlDump);
      add(Format::kBinary);
    } else if (const auto format = parse_format(name)) {
      add(*format);
    }
  }
  if (!options.formats.empty()) {
    return;
  }
  const bool pack = words.empty() && !options.paths.empty();
  if (!pack || !options.database.empty()) {
    add(Format::kBinary);
  }
  if (pack) {
    add(Format::kFull);
  }
}

void check_whole(const config::Values& values, const SetOptions& options,
                 config::Diagnostics& diagnostics) {
  if (!config::is_plain_name(options.name)) {
    diagnostics.add({.place = values.section_place(),
                     .problem = "a set of backups is called by 1 to 64 letters, digits, '_', '.' "
                                "and '-', beginning with a letter or digit"});
  }
  const bool full = std::ranges::find(options.formats, Format::kFull) != options.formats.end();
  if (options.vault) {
    if (!options.database.empty() || !options.paths.empty()) {
      diagnostics.add(values.about("vault_snapshot",
                                   "stands alone: give the database and the paths a section "
                                   "[backup NAME] of their own"));
    }
  } else if (options.database.empty()) {
    if (!full || options.formats.size() > 1) {
      diagnostics.add(values.about("formats", "only full works without a database"));
    }
    if (options.paths.empty()) {
      diagnostics.add(values.about("paths", "there is neither a database nor a path to back up"));
    }
  }
  if (!options.paths.empty() && !full && !options.vault && !options.database.empty()) {
    config::Diagnostic left_out = values.about(
        "paths", "are in no backup: the format full alone packs them", config::Severity::kWarning);
    left_out.suggestion = "add full to formats";
    diagnostics.add(std::move(left_out));
  }
  if (options.encryption == Encryption::kNone && !values.boolean("unencrypted")) {
    diagnostics.add(
        values.about("encryption",
                     "is none without the second word: write unencrypted = yes too if whoever "
                     "reads the file may read the data"));
  }
  if (options.encryption == Encryption::kOpenPgp) {
    if (!options.passphrase && options.data_key.empty()) {
      diagnostics.add(values.about("passphrase",
                                   "is missing; write for instance "
                                   "vault:backup/passphrase"));
    }
    if (options.passphrase && config::is_vault_path(options.passphrase->document)) {
      diagnostics.add(
          values.about("passphrase",
                       "ends with its lease, and with it every backup could no longer be "
                       "opened; write a document's key: vault:backup/passphrase"));
    }
    if (options.passphrase && !options.data_key.empty()) {
      diagnostics.add(values.about("data_key", "and passphrase exclude each other"));
    }
  }
  const Retention& keep = options.retention;
  if (keep.local_days > keep.cloud_days || keep.cloud_days > keep.archive_days) {
    diagnostics.add(values.about("cloud_days",
                                 "local_days, cloud_days and archive_days must not "
                                 "become smaller in this order"));
  }
}

}  // namespace

const config::Table& backup_table() { return kTable; }

SetOptions set_options(const config::Values& values, const std::filesystem::path& state,
                       config::Diagnostics& diagnostics) {
  SetOptions options;
  options.name = std::string(values.name());
  if (values.has("database")) {
    options.database = values.path("database");
  }
  options.paths = absolute_paths(values, "paths", diagnostics);
  options.excluded = absolute_paths(values, "exclude", diagnostics);
  options.vault = values.boolean("vault_snapshot");
  if (options.vault) {
    options.formats = {Format::kVault};  // whatever the vault's document `backup` wishes for others
  } else {
    read_formats(values, options);
  }
  options.encryption = values.choice<Encryption>("encryption");
  if (values.has("passphrase")) {
    options.passphrase = values.secret("passphrase");
  }
  options.data_key = values.string("data_key");
  options.level = static_cast<int>(values.integer("compression"));
  options.folder = values.has("folder") ? values.path("folder") : state / "backups" / options.name;
  options.queries = values.list("queries");
  options.unpacked_limit = values.bytes("unpacked_limit");
  options.longest_lock = std::chrono::milliseconds(values.integer("longest_lock"));
  options.storage = values.string("storage");
  options.retention.local_days = static_cast<unsigned>(values.integer("local_days"));
  options.retention.cloud_days = static_cast<unsigned>(values.integer("cloud_days"));
  options.retention.archive_days = static_cast<unsigned>(values.integer("archive_days"));
  options.retention.least = static_cast<unsigned>(values.integer("keep_least"));
  // check_schedule() has judged them.
  options.schedule = parse_schedule(values.string("schedule")).value_or(Schedule{});
  options.verify_schedule = parse_schedule(values.string("verify_schedule")).value_or(Schedule{});
  options.drill_schedule = parse_schedule(values.string("drill_schedule")).value_or(Schedule{});
  options.oldest = duration_cast<std::chrono::seconds>(values.duration("oldest"));
  check_whole(values, options, diagnostics);
  return options;
}

}  // namespace warder::backup
