#include "backup/make.h"

#include "backup/database_check.h"
#include "backup/gzip.h"
#include "backup/proof.h"
#include "backup/raft_snapshot.h"
#include "backup/size_text.h"
#include "backup/snapshot.h"
#include "backup/sql_dump.h"
#include "backup/tar.h"
#include "openpgp/encrypt.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <system_error>
#include <thread>

namespace warder::backup {
namespace {

namespace fs = std::filesystem;
using util::Error;
using util::ErrorCode;

class Maker {
 public:
  explicit Maker(const MakeParts& parts)
      : parts_(parts), set_(parts.set), work_(parts.folder.making("work")) {}
  Maker(const Maker&) = delete;
  Maker& operator=(const Maker&) = delete;
  ~Maker() {
    std::error_code ignored;
    fs::remove_all(work_, ignored);
    if (!published_) {
      for (const BackupFile& file : made_.manifest.files) {
        fs::remove(parts_.folder.making(file.name), ignored);
      }
      fs::remove(parts_.folder.making(manifest_file()), ignored);
    }
  }

  util::Result<Made> run() {
    const util::MonotonicTime begin = parts_.clock.monotonic();
    WARDER_RETURN_IF_ERROR(prepare());
    boundary("begun");
    if (!set_.database.empty()) {
      WARDER_RETURN_IF_ERROR(copy_database());
      boundary("copied");
    } else if (set_.vault) {
      WARDER_RETURN_IF_ERROR(copy_vault());
      boundary("copied");
    }
    for (const Format format : set_.formats) {
      WARDER_RETURN_IF_ERROR(pack(format));
      boundary(to_string(format));
    }
    std::error_code ignored;
    fs::remove(copy_, ignored);  // room for what is restored
    WARDER_RETURN_IF_ERROR(prove_all());
    boundary("proven");
    WARDER_RETURN_IF_ERROR(write_manifest_file());
    boundary("manifest");
    published_ = true;  // from here on recover() ends it
    WARDER_RETURN_IF_ERROR(parts_.folder.publish(made_.manifest, [this] { boundary("publish"); }));
    made_.seconds = std::chrono::duration<double>(parts_.clock.monotonic() - begin).count();
    return std::move(made_);
  }

 private:
  void boundary(std::string_view name) const {
    if (parts_.at_boundary) {
      parts_.at_boundary(name);
    }
  }

  std::string manifest_file() const {
    return manifest_name(made_.manifest.name, made_.manifest.stamp);
  }

  Progress progress(std::string stage, std::uint64_t total) const {
    if (!parts_.progress) {
      return {};
    }
    return [this, stage = std::move(stage), total](std::uint64_t done) {
      return parts_.progress(stage, done, total);
    };
  }

  util::Status prepare() {
    Manifest& manifest = made_.manifest;
    manifest.name = set_.name;
    manifest.host = parts_.host;
    manifest.tool = parts_.tool;
    manifest.history = parts_.history;
    for (const fs::path& path : set_.paths) {
      manifest.paths.push_back(path.string());
    }
    WARDER_RETURN_IF_ERROR(choose_stamp());
    if (set_.encryption == Encryption::kOpenPgp) {
      if (parts_.passphrase == nullptr) {
        return Error(ErrorCode::kInternal, "no passphrase was given");
      }
      manifest.key = parts_.passphrase->id;
    }
    if (::mkdir(work_.c_str(), 0700) != 0) {
      return util::errno_error(work_.string(), errno);
    }
    return check_room();
  }

  // A backup is called by its second, so the second of one second waits for the next.
  util::Status choose_stamp() {
    Stamp& stamp = made_.manifest.stamp;
    for (int attempt = 0; attempt < 3; ++attempt) {
      const util::WallTime now = parts_.clock.now();
      stamp.time = std::chrono::floor<std::chrono::seconds>(now);
      std::error_code error;
      if (!fs::exists(parts_.folder.file(manifest_file()), error)) {
        return {};
      }
      std::this_thread::sleep_for(stamp.time + std::chrono::seconds(1) - now);
    }
    return Error(ErrorCode::kConflict, "there is a backup of this very second already; try again");
  }

  // The copy and, beside it, at worst as much again packed; what is restored takes the copy's room.
  util::Status check_room() const {
    if (set_.database.empty()) {
      return {};
    }
    std::error_code error;
    const std::uint64_t size = fs::file_size(set_.database, error);
    struct statvfs info{};
    if (error || ::statvfs(parts_.folder.path().c_str(), &info) != 0) {
      return {};  // copying will say what is wrong
    }
    const std::uint64_t room = static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
    const std::uint64_t needed = size + size / 4;
    if (room < needed) {
      return Error(ErrorCode::kIo,
                   fmt::format("{}: {} are free and about {} are needed; make room or name another "
                               "folder",
                               parts_.folder.path().string(), size_text(room), size_text(needed)));
    }
    return {};
  }

  util::Status copy_database() {
    copy_ = work_ / "copy";
    std::error_code error;
    const std::uint64_t size = fs::file_size(set_.database, error);
    WARDER_ASSIGN_OR_RETURN(const sqlite::CopyFacts facts,
                            take_snapshot(set_.database, copy_, {.longest_lock = set_.longest_lock},
                                          parts_.clock, progress("copying", error ? 0 : size)));
    if (!facts.wal) {
      made_.longest_lock = facts.longest_step;
    }
    if (facts.restarts > 0) {
      made_.remarks.push_back(fmt::format(
          "the copy began anew {} times because the database was written; in WAL mode it would not",
          facts.restarts));
    }
    const auto check = [this]() -> util::Status {
      WARDER_ASSIGN_OR_RETURN(const auto copy, open_copy(copy_));
      // Where the very bytes of the copy are restored for trial, they are checked then.
      if (std::ranges::find(set_.formats, Format::kBinary) == set_.formats.end()) {
        WARDER_RETURN_IF_ERROR(check_integrity(*copy));
      }
      WARDER_ASSIGN_OR_RETURN(facts_, read_facts(*copy, copy_, set_.database.string()));
      made_.manifest.database = facts_;
      return {};
    };
    const util::Status checked = check();
    remove_side_files(copy_);
    if (!checked) {
      return damaged(checked.error());
    }
    if (facts_.broken_references > 0) {
      made_.remarks.push_back(
          fmt::format("{} rows of the database break a foreign key; see PRAGMA foreign_key_check",
                      facts_.broken_references));
    }
    return {};
  }

  util::Status copy_vault() {
    if (!parts_.snapshot) {
      return Error(ErrorCode::kInvalid,
                   "there is no vault to take a snapshot of: [vault] provider must be vault");
    }
    copy_ = work_ / "copy";
    WARDER_RETURN_IF_ERROR(parts_.snapshot(copy_, progress("copying", 0)));
    const auto mark = check_raft_snapshot(copy_, work_ / "checked", set_.unpacked_limit);
    if (!mark) {
      return mark.error().with_context("the vault's snapshot (older backups are kept)");
    }
    std::error_code error;
    facts_.bytes = fs::file_size(copy_, error);
    if (set_.passphrase && set_.passphrase->kind == config::SecretReference::Kind::kVault) {
      made_.remarks.push_back(
          fmt::format("{} lies in the vault that this is a backup of: keep it elsewhere, too",
                      set_.passphrase->to_string()));
    } else if (!set_.data_key.empty()) {
      made_.remarks.emplace_back(
          "the vault that this is a backup of is needed to open it: give it a passphrase instead");
    }
    return {};
  }

  util::Error damaged(const util::Error& error) const {
    return error.with_context(fmt::format("{} (older backups are kept)", set_.database.string()));
  }

  util::Status fill(Format format, util::ByteSink& sink) {
    switch (format) {
      case Format::kVault:
      case Format::kBinary: {
        WARDER_ASSIGN_OR_RETURN(FileSource copy, FileSource::open(copy_));
        return util::copy_all(copy, sink);
      }
      case Format::kSqlDump: {
        util::Status written;
        {
          WARDER_ASSIGN_OR_RETURN(const auto copy, open_copy(copy_));
          written = write_sql_dump(*copy, sink);
        }
        remove_side_files(copy_);
        return written;
      }
      case Format::kFull: {
        std::vector<TarReplacement> replaced;
        if (!copy_.empty()) {
          replaced.push_back({set_.database, copy_});
        }
        std::vector<fs::path> excluded = set_.excluded;
        excluded.push_back(parts_.folder.path());  // backups do not hold backups
        WARDER_ASSIGN_OR_RETURN(const TarFacts facts,
                                write_tar(set_.paths, replaced, excluded, sink));
        made_.remarks.insert(made_.remarks.end(), facts.remarks.begin(), facts.remarks.end());
        return {};
      }
    }
    return {};
  }

  // plain digest -> gzip -> OpenPGP -> stored digest -> file
  util::Status pack(Format format) {
    BackupFile file;
    file.format = format;
    file.encryption = set_.encryption;
    file.name = file_name(set_.name, made_.manifest.stamp, format, set_.encryption);
    WARDER_ASSIGN_OR_RETURN(FileSink disk, FileSink::create(parts_.folder.making(file.name)));
    made_.manifest.files.push_back(file);
    DigestSink stored(&disk);
    std::unique_ptr<openpgp::EncryptSink> encrypt;
    util::ByteSink* next = &stored;
    if (set_.encryption == Encryption::kOpenPgp) {
      WARDER_ASSIGN_OR_RETURN(encrypt,
                              openpgp::EncryptSink::create(parts_.passphrase->text, stored));
      next = encrypt.get();
    }
    GzipSink gzip(set_.level, *next, gzip_workers(set_.level));
    const std::uint64_t total =
        format == Format::kBinary || format == Format::kVault ? facts_.bytes : std::uint64_t{0};
    DigestSink plain(&gzip, progress(fmt::format("packing {}", to_string(format)), total));
    WARDER_RETURN_IF_ERROR(fill(format, plain));
    WARDER_RETURN_IF_ERROR(plain.finish());
    made_.manifest.files.back().plain = plain.digest();
    made_.manifest.files.back().stored = stored.digest();
    return {};
  }

  util::Status prove_all() {
    double seconds = 0;
    for (const BackupFile& file : made_.manifest.files) {
      const Packed packed{
          parts_.folder.making(file.name), file, true,
          set_.encryption == Encryption::kOpenPgp ? &parts_.passphrase->text : nullptr,
          set_.unpacked_limit};
      bool unpacked = false;
      const auto took = prove(
          packed, {made_.manifest.database, set_.queries, made_.manifest.history}, work_,
          parts_.clock,
          progress(fmt::format("restoring {} for trial", to_string(file.format)), file.plain.bytes),
          &unpacked);
      if (!took && unpacked && file.format == Format::kBinary) {
        return damaged(took.error());  // byte by byte what was copied
      }
      if (!took) {
        return took.error().with_context("the backup could not be restored and does not count");
      }
      seconds += *took;
    }
    made_.proof_seconds = seconds;
    made_.manifest.proof =
        Proof{std::chrono::floor<std::chrono::seconds>(parts_.clock.now()), seconds};
    return {};
  }

  util::Status write_manifest_file() {
    WARDER_ASSIGN_OR_RETURN(const std::string text,
                            write_manifest(made_.manifest, set_.encryption == Encryption::kOpenPgp
                                                               ? &parts_.passphrase->text
                                                               : nullptr));
    WARDER_ASSIGN_OR_RETURN(FileSink file, FileSink::create(parts_.folder.making(manifest_file())));
    WARDER_RETURN_IF_ERROR(file.write(util::as_bytes(text)));
    return file.finish();
  }

  const MakeParts& parts_;
  const SetOptions& set_;
  const fs::path work_;
  fs::path copy_;
  DatabaseFacts facts_;
  Made made_;
  bool published_ = false;
};

}  // namespace

util::Result<Made> make_backup(const MakeParts& parts) { return Maker(parts).run(); }

}  // namespace warder::backup
