#include "backup/database_check.h"
#include "backup/keeper.h"
#include "backup/proof.h"
#include "backup/size_text.h"
#include "util/descriptor.h"
#include "util/duration.h"
#include "util/file.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace warder::backup {
namespace {

namespace fs = std::filesystem;
using util::Error;
using util::ErrorCode;

struct RoomRemover {
  fs::path path;
  ~RoomRemover() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
};

util::Result<BackupFile> choose(const Manifest& manifest, std::optional<Format> wanted) {
  for (const Format format : {Format::kBinary, Format::kSqlDump, Format::kFull, Format::kVault}) {
    if (wanted && *wanted != format) {
      continue;
    }
    const auto found = std::ranges::find(manifest.files, format, &BackupFile::format);
    if (found != manifest.files.end()) {
      return *found;
    }
  }
  return Error(ErrorCode::kNotFound,
               fmt::format("the backup {} has no file of the format {}", manifest.stamp.to_string(),
                           wanted ? to_string(*wanted) : "asked for"));
}

util::Status rename_aside(const fs::path& path, const std::string& suffix) {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(path, error))) {
    return {};
  }
  const fs::path aside = path.string() + suffix;
  if (::rename(path.c_str(), aside.c_str()) != 0) {
    return util::errno_error(fmt::format("renaming {}", path.string()), errno);
  }
  return {};
}

// Nothing but an empty folder may be where a tree is restored to.
util::Status check_tree_target(const fs::path& target) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(target, error);
  if (!fs::exists(status) || (fs::is_directory(status) && fs::is_empty(target, error))) {
    return {};
  }
  return Error(ErrorCode::kConflict,
               fmt::format("{} is not empty; a tree is restored into an empty folder only: name "
                           "another and move what you need",
                           target.string()));
}

// Where a database may be put: at a place of its own, or over the old one when that is asked for.
util::Status check_file_target(const fs::path& target, Overwrite overwrite) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(target, error);
  if (fs::is_directory(status)) {
    return Error(ErrorCode::kInvalid,
                 fmt::format("{0} is a folder; name the file of the database, for instance "
                             "{0}/db.sqlite3",
                             target.string()));
  }
  if (fs::exists(status) && overwrite == Overwrite::kNo) {
    return Error(ErrorCode::kConflict,
                 fmt::format("{} exists; stop the service that uses it and say --overwrite (the "
                             "old one is kept beside it)",
                             target.string()));
  }
  return {};
}

// A database that is in use must not lose its file under its user. With the exclusive lock the
// journal is written back, so that the old database set aside is whole.
util::Status quiesce(const fs::path& database) {
  const auto connection =
      store::Connection::open(database, store::Connection::Mode::kReadWrite, {});
  if (!connection) {
    return {};  // no database, or a damaged one: nobody works with it
  }
  const util::Status exclusive = (*connection)
                                     ->execute(
                                         "PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; "
                                         "ROLLBACK; PRAGMA wal_checkpoint(TRUNCATE)");
  if (!exclusive && (*connection)->trouble() == store::Trouble::kBusy) {
    return Error(
        ErrorCode::kConflict,
        fmt::format("{} is in use; stop the service that works with it first", database.string()));
  }
  return {};
}

fs::path folder_of(const fs::path& target) {
  return target.parent_path().empty() ? fs::path(".") : target.parent_path();
}

// Restored by root, a database belongs to whom the old one did, or else to whom its folder does:
// the service that starts from it is not root. Whoever owns the folder could put another file in
// the place of ours; only what is ours and has no other name is given away.
util::Status give_away(const fs::path& made, const fs::path& like) {
  struct stat wanted{};
  if (::geteuid() != 0 || ::stat(like.c_str(), &wanted) != 0) {
    return {};
  }
  const util::Descriptor file(::open(made.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat ours{};
  if (!file || ::fstat(file.get(), &ours) != 0) {
    return util::errno_error(made.string(), errno);
  }
  if (!S_ISREG(ours.st_mode) || ours.st_uid != 0 || ours.st_nlink != 1) {
    return Error(ErrorCode::kConflict,
                 fmt::format("{} was exchanged by somebody else", made.string()));
  }
  if (::fchown(file.get(), wanted.st_uid, wanted.st_gid) != 0 ||
      (S_ISREG(wanted.st_mode) && ::fchmod(file.get(), wanted.st_mode & 0777) != 0)) {
    return util::errno_error(made.string(), errno);
  }
  return {};
}

// Puts a restored database in its place. SQLite's journals of the old one must be gone before the
// new one has the name: they would be played into it.
util::Status put_database(const fs::path& made, const fs::path& target, Overwrite overwrite,
                          const std::string& suffix) {
  WARDER_RETURN_IF_ERROR(check_file_target(target, overwrite));
  std::error_code error;
  if (fs::exists(fs::symlink_status(target, error))) {
    WARDER_RETURN_IF_ERROR(quiesce(target));
    WARDER_RETURN_IF_ERROR(give_away(made, target));
    WARDER_RETURN_IF_ERROR(rename_aside(target, suffix));
  } else {
    WARDER_RETURN_IF_ERROR(give_away(made, folder_of(target)));
  }
  for (const char* side : {"-wal", "-shm", "-journal"}) {
    WARDER_RETURN_IF_ERROR(rename_aside(target.string() + side, suffix));
  }
  // Never over a file that came meanwhile.
  if (::renameat2(AT_FDCWD, made.c_str(), AT_FDCWD, target.c_str(), RENAME_NOREPLACE) != 0) {
    return util::errno_error(target.string(), errno);
  }
  return flush_folder(folder_of(target));
}

util::Status put_tree(const fs::path& made, const fs::path& target) {
  WARDER_RETURN_IF_ERROR(check_tree_target(target));
  if (::rename(made.c_str(), target.c_str()) != 0) {
    return util::errno_error(target.string(), errno);
  }
  return flush_folder(folder_of(target));
}

// That a service could begin its work: opened for writing, in WAL mode, a table made and given up.
util::Status start_from(const fs::path& database) {
  WARDER_ASSIGN_OR_RETURN(
      const auto connection,
      store::Connection::open(database, store::Connection::Mode::kReadWrite, {}));
  WARDER_RETURN_IF_ERROR(connection->execute("PRAGMA journal_mode=WAL"));
  WARDER_RETURN_IF_ERROR(connection->execute(
      "BEGIN IMMEDIATE; CREATE TABLE warder_drill(x); INSERT INTO warder_drill VALUES(1); "
      "DROP TABLE warder_drill; ROLLBACK; PRAGMA quick_check"));
  return {};
}

}  // namespace

Report Keeper::restore(const RestoreOptions& options) {
  Report report = begin("restore");
  const auto work = [&]() -> util::Status {
    const fs::path target = fs::absolute(options.target).lexically_normal();
    const fs::path parent = target.parent_path();
    std::error_code error;
    if (!fs::is_directory(parent, error)) {
      return Error(ErrorCode::kNotFound,
                   fmt::format("{} is no folder; make it first, for the user of the service: "
                               "install -d -o USER -m 0750 {}",
                               parent.string(), parent.string()));
    }
    // An empty machine has no folder of backups yet: then it is the storage that has them.
    const bool here = fs::is_directory(parts_.set.folder, error) && !options.from_storage;
    std::optional<Opened> opened;
    std::optional<Entry> entry;
    if (here) {
      WARDER_ASSIGN_OR_RETURN(opened, open());
      auto found = opened->folder.find(options.stamp);
      if (found && found->is_whole()) {
        entry = std::move(*found);
      }
    }
    fs::path fetched = parent / fmt::format(".warder-restore-{}", ::getpid());
    const RoomRemover remover{fetched};
    if (::mkdir(fetched.c_str(), 0700) != 0) {
      return util::errno_error(fetched.string(), errno);
    }
    std::optional<Folder> folder;
    if (entry) {
      folder = opened->folder;
      report.facts.emplace_back("from", folder->path().string());
    } else {
      WARDER_ASSIGN_OR_RETURN(std::optional<RemoteCopies> there, remote());
      if (!there) {
        return Error(ErrorCode::kNotFound,
                     options.stamp
                         ? fmt::format("there is no whole backup {} in {}, and no storage is "
                                       "configured",
                                       options.stamp->to_string(), parts_.set.folder.string())
                         : fmt::format("there is no whole backup in {}, and no storage is "
                                       "configured",
                                       parts_.set.folder.string()));
      }
      WARDER_ASSIGN_OR_RETURN(const std::vector<Stamp> stamps, there->list());
      std::optional<Stamp> chosen;
      for (const Stamp& stamp : stamps) {
        if (!options.stamp || stamp.time == options.stamp->time) {
          chosen = stamp;
        }
      }
      if (!chosen) {
        return Error(ErrorCode::kNotFound,
                     fmt::format("{} holds no such backup of {}", parts_.storage->describe(),
                                 parts_.set.name));
      }
      WARDER_ASSIGN_OR_RETURN(folder, Folder::open(fetched / "backup", parts_.set.name));
      WARDER_RETURN_IF_ERROR(there->fetch(*chosen, *folder, parts_.progress));
      WARDER_ASSIGN_OR_RETURN(entry, folder->find(chosen));
      report.facts.emplace_back("from", parts_.storage->describe());
    }
    const Manifest& manifest = entry->manifest->manifest;
    WARDER_ASSIGN_OR_RETURN(const BackupFile file, choose(manifest, options.format));
    if (file.format == Format::kFull) {
      WARDER_RETURN_IF_ERROR(check_tree_target(target));
    } else {
      WARDER_RETURN_IF_ERROR(check_file_target(target, options.overwrite));
    }
    std::optional<Passphrase> passphrase;
    if (file.encryption == Encryption::kOpenPgp) {
      WARDER_ASSIGN_OR_RETURN(passphrase, passphrase_of(*entry->manifest, report));
    } else {
      report.notes.emplace_back("the backup is not encrypted: nothing proves who wrote it");
    }
    const Packed packed{folder->file(file.name), file, true,
                        passphrase ? &passphrase->text : nullptr, parts_.set.unpacked_limit};
    const fs::path made = fetched / "made";
    WARDER_RETURN_IF_ERROR(unpack(packed, made, options.keep_owners, [&](std::uint64_t done) {
      return !parts_.progress || parts_.progress("unpacking", done, file.plain.bytes);
    }));
    WARDER_RETURN_IF_ERROR(
        check_unpacked(packed, made, {manifest.database, parts_.set.queries, manifest.history}));
    if (parts_.at_boundary) {
      parts_.at_boundary("checked");
    }
    const std::string suffix = fmt::format(
        ".before-{}", Stamp{std::chrono::floor<std::chrono::seconds>(report.begun), 0}.to_string());
    WARDER_RETURN_IF_ERROR(file.format == Format::kFull
                               ? put_tree(made, target)
                               : put_database(made, target, options.overwrite, suffix));
    report.facts.emplace_back("backup", manifest.stamp.to_string());
    report.facts.emplace_back("made on", manifest.host);
    report.facts.emplace_back("format", to_string(file.format));
    report.facts.emplace_back("restored to", target.string());
    std::error_code ignored;
    if (fs::exists(target.string() + suffix, ignored)) {
      report.facts.emplace_back("the old one is", target.string() + suffix);
    }
    if (manifest.history) {
      report.facts.emplace_back(
          "history then",
          fmt::format("{} events, root {}", manifest.history->size, manifest.history->root));
    }
    report.summary = fmt::format("{} restored and checked", manifest.stamp.to_string());
    return {};
  };
  if (const util::Status done = work(); !done) {
    report.fail(done.error(), "nothing was restored; what was there is as it was");
  }
  end(report);
  return report;
}

Report Keeper::restore_file(const RestoreFileOptions& options) {
  Report report = begin("restore");
  const auto work = [&]() -> util::Status {
    const auto parts = parse_file_name(options.file.filename().string());
    if (!parts) {
      return Error(
          ErrorCode::kInvalid,
          fmt::format("{} is not named as a backup is (NAME-20261125T155057Z.sqlite3.gz.gpg); "
                      "`gpg --decrypt FILE | gunzip` opens any other",
                      options.file.string()));
    }
    report.set = parts->name;
    const fs::path target = fs::absolute(options.target).lexically_normal();
    const fs::path room = target.parent_path() / fmt::format(".warder-restore-{}", ::getpid());
    const RoomRemover remover{room};
    if (::mkdir(room.c_str(), 0700) != 0) {
      return util::errno_error(room.string(), errno);
    }
    if (parts->format == Format::kFull) {
      WARDER_RETURN_IF_ERROR(check_tree_target(target));
    } else {
      WARDER_RETURN_IF_ERROR(check_file_target(target, options.overwrite));
    }
    Packed packed{options.file, {}, false, nullptr, parts_.set.unpacked_limit};
    packed.file.format = parts->format;
    packed.file.name = options.file.filename().string();
    packed.file.encryption = parts->encryption;
    Expectation expected;
    std::vector<Passphrase> passphrases;
    const fs::path beside = options.file.parent_path() / manifest_name(parts->name, parts->stamp);
    const auto text = util::read_file(beside, util::ByteCount{kLongestManifest});
    if (text) {
      WARDER_ASSIGN_OR_RETURN(const ReadManifest read, read_manifest(*text));
      const auto known =
          std::ranges::find(read.manifest.files, packed.file.name, &BackupFile::name);
      if (known == read.manifest.files.end()) {
        return Error(ErrorCode::kInvalid,
                     fmt::format("{} does not know {}", beside.string(), packed.file.name));
      }
      packed.file = *known;
      packed.has_digests = true;
      expected.database = read.manifest.database;
      expected.history = read.manifest.history;
      if (read.manifest.key) {
        WARDER_ASSIGN_OR_RETURN(Passphrase found, passphrase_of(read, report));
        passphrases.push_back(std::move(found));
      }
    } else {
      report.notes.push_back(fmt::format(
          "{} is not there: the file opens with the passphrase and was not changed since it was "
          "encrypted, but what should be in it is not known",
          beside.string()));
      if (parts->encryption == Encryption::kOpenPgp) {
        const KeyId any{
            parts_.set.passphrase ? parts_.set.passphrase->to_string() : std::string(), 0, {}};
        WARDER_ASSIGN_OR_RETURN(
            passphrases, report.lacking(Lack::kPassphrase, parts_.passphrases->candidates(any)));
      }
    }
    const fs::path made = room / "made";
    const auto progress = [&](std::uint64_t done) {
      return !parts_.progress || parts_.progress("unpacking", done, packed.file.plain.bytes);
    };
    util::Status unpacked;
    for (std::size_t i = 0; i == 0 || i < passphrases.size(); ++i) {
      packed.passphrase = i < passphrases.size() ? &passphrases[i].text : nullptr;
      unpacked = unpack(packed, made, options.keep_owners, progress);
      if (unpacked || unpacked.error().code() != ErrorCode::kDenied) {
        break;
      }
    }
    WARDER_RETURN_IF_ERROR(unpacked);
    WARDER_RETURN_IF_ERROR(check_unpacked(packed, made, expected));
    const std::string suffix = fmt::format(
        ".before-{}", Stamp{std::chrono::floor<std::chrono::seconds>(report.begun), 0}.to_string());
    WARDER_RETURN_IF_ERROR(packed.file.format == Format::kFull
                               ? put_tree(made, target)
                               : put_database(made, target, options.overwrite, suffix));
    report.facts.emplace_back("from", options.file.string());
    report.facts.emplace_back("restored to", target.string());
    std::error_code ignored;
    if (fs::exists(target.string() + suffix, ignored)) {
      report.facts.emplace_back("the old one is", target.string() + suffix);
    }
    report.summary = fmt::format("{} restored and checked", packed.file.name);
    return {};
  };
  if (const util::Status done = work(); !done) {
    report.fail(done.error(), "nothing was restored; what was there is as it was");
  }
  end(report);
  return report;
}

Report Keeper::drill(const fs::path& work_folder) {
  constexpr std::size_t kMostTablesTold = 50;
  Report report = begin("drill");
  std::vector<std::pair<std::string, std::string>> counted;
  const auto work = [&]() -> util::Status {
    // The drill pretends that this host is lost: only the storage and the vault are used.
    WARDER_ASSIGN_OR_RETURN(std::optional<RemoteCopies> there, remote());
    const fs::path room = work_folder / fmt::format(".making-drill-{}", ::getpid());
    std::error_code error;
    fs::create_directories(work_folder, error);
    if (::mkdir(room.c_str(), 0700) != 0) {
      return util::errno_error(room.string(), errno);
    }
    const RoomRemover remover{room};
    WARDER_ASSIGN_OR_RETURN(const Folder fetched, Folder::open(room / "backup", parts_.set.name));
    const util::MonotonicTime begin = parts_.clock.monotonic();
    std::optional<Stamp> newest;
    if (there) {
      WARDER_ASSIGN_OR_RETURN(const std::vector<Stamp> stamps, there->list());
      if (!stamps.empty()) {
        newest = stamps.back();
      }
      if (!newest) {
        return Error(
            ErrorCode::kNotFound,
            fmt::format("{} holds no backup of {}", parts_.storage->describe(), parts_.set.name));
      }
      WARDER_RETURN_IF_ERROR(there->fetch(*newest, fetched, parts_.progress));
      report.facts.emplace_back("fetched from", parts_.storage->describe());
    } else {
      report.notes.emplace_back(
          "no storage is configured: the drill used the folder of this host, which is lost with "
          "it");
      WARDER_ASSIGN_OR_RETURN(const Folder folder,
                              Folder::open(parts_.set.folder, parts_.set.name));
      WARDER_ASSIGN_OR_RETURN(const Entry entry, folder.find({}));
      newest = entry.stamp;
      for (const BackupFile& file : entry.manifest->manifest.files) {
        fs::copy_file(folder.file(file.name), fetched.file(file.name), error);
      }
      const std::string manifest = manifest_name(parts_.set.name, entry.stamp);
      fs::copy_file(folder.file(manifest), fetched.file(manifest), error);
    }
    const double fetched_after =
        std::chrono::duration<double>(parts_.clock.monotonic() - begin).count();
    WARDER_ASSIGN_OR_RETURN(const Entry entry, fetched.find(newest));
    if (!entry.is_whole()) {
      return Error(ErrorCode::kInvalid, entry.fault);
    }
    const Manifest& manifest = entry.manifest->manifest;
    std::optional<Passphrase> passphrase;
    if (manifest.key) {
      WARDER_ASSIGN_OR_RETURN(passphrase, passphrase_of(*entry.manifest, report));
    }
    report.facts.emplace_back("backup", manifest.stamp.to_string());
    report.facts.emplace_back("made on", manifest.host);
    for (const BackupFile& file : manifest.files) {
      const Packed packed{fetched.file(file.name), file, true,
                          passphrase ? &passphrase->text : nullptr, parts_.set.unpacked_limit};
      const fs::path made = room / to_string(file.format);
      WARDER_RETURN_IF_ERROR(unpack(packed, made, false, [&](std::uint64_t done) {
        return !parts_.progress ||
               parts_.progress(fmt::format("restoring {}", to_string(file.format)), done,
                               file.plain.bytes);
      }));
      WARDER_RETURN_IF_ERROR(
          check_unpacked(packed, made, {manifest.database, parts_.set.queries, manifest.history}));
      if (manifest.database) {
        WARDER_RETURN_IF_ERROR(start_from(database_in(packed, made, *manifest.database)));
      }
      report.facts.emplace_back(
          to_string(file.format),
          fmt::format("{} unpacked, every check passed{}", size_text(file.plain.bytes),
                      manifest.database ? ", started from" : ""));
    }
    if (manifest.database) {
      for (const auto& [table, rows] : manifest.database->rows) {
        if (counted.size() < kMostTablesTold) {
          counted.emplace_back(fmt::format("rows of {}", table), fmt::format("{}", rows));
        }
      }
    }
    const double all = std::chrono::duration<double>(parts_.clock.monotonic() - begin).count();
    report.facts.emplace_back("fetching took", fmt::format("{:.1f} s", fetched_after));
    report.facts.emplace_back("recovery time (RTO)", fmt::format("{:.1f} s", all));
    report.facts.emplace_back(
        "data lost at most (RPO)",
        util::format_duration(
            std::max(std::chrono::minutes(1),
                     std::chrono::ceil<std::chrono::minutes>(report.begun - manifest.stamp.time))));
    report.summary = fmt::format("{} was restored into an empty folder and started from",
                                 manifest.stamp.to_string());
    return {};
  };
  if (const util::Status done = work(); !done) {
    report.fail(done.error(), "the drill failed: this host could not be recovered now");
  }
  std::error_code error;
  // One that failed is told, and does not count: `check` goes on to name the last that worked.
  if (report.good && fs::is_directory(parts_.set.folder, error)) {
    if (const auto folder = Folder::open(parts_.set.folder, parts_.set.name)) {
      if (auto state = folder->state()) {
        state->last_drill = report.begun;
        if (const util::Status kept = folder->keep(*state); !kept) {
          report.notes.push_back(kept.error().message());
        }
      }
    }
  }
  tell_protection(report);
  // Behind what counts most: a mail holds some thirty facts, and a service may have as many tables.
  report.facts.insert(report.facts.end(), counted.begin(), counted.end());
  end(report);
  return report;
}

}  // namespace warder::backup
