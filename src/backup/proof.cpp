#include "backup/proof.h"

#include "backup/database_check.h"
#include "backup/gzip.h"
#include "backup/raft_snapshot.h"
#include "backup/sql_dump.h"
#include "openpgp/decrypt.h"
#include "store/checkpoint.h"
#include "store/reader.h"
#include "store/verify.h"
#include "util/encoding.h"
#include "util/thread_name.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <sys/stat.h>
#include <system_error>
#include <thread>

namespace warder::backup {
namespace {

namespace fs = std::filesystem;
using util::Error;
using util::ErrorCode;

// Beside that of who reads the rows: both and what is left of unpacking stay within 32 MiB.
constexpr util::ByteCount kIntegrityCache = util::mebibytes(4);

util::Status write_database(util::ByteSource& from, const fs::path& target, Durability durability) {
  WARDER_ASSIGN_OR_RETURN(FileSink file, FileSink::create(target, durability));
  WARDER_RETURN_IF_ERROR(util::copy_all(from, file));
  return file.finish();
}

util::Status write_tree(util::ByteSource& from, const fs::path& target, util::ByteCount limit,
                        bool keep_owners) {
  if (::mkdir(target.c_str(), 0700) != 0) {
    return util::errno_error(target.string(), errno);
  }
  WARDER_ASSIGN_OR_RETURN(const TarFacts facts, read_tar(from, target, {limit, keep_owners}));
  return {};
}

util::Status unpack_into(const Packed& packed, const fs::path& target, bool keep_owners,
                         const Progress& progress) {
  if (packed.has_digests) {
    WARDER_ASSIGN_OR_RETURN(const Digest stored, digest_of_file(packed.path));
    if (stored != packed.file.stored) {
      return Error(ErrorCode::kInvalid,
                   "its bytes are not those that were written: it is damaged or was changed");
    }
  }
  WARDER_ASSIGN_OR_RETURN(FileSource file, FileSource::open(packed.path));
  std::unique_ptr<openpgp::DecryptSource> decrypt;
  util::ByteSource* next = &file;
  if (packed.file.encryption == Encryption::kOpenPgp) {
    if (packed.passphrase == nullptr) {
      return Error(ErrorCode::kDenied, "there is no passphrase for it");
    }
    WARDER_ASSIGN_OR_RETURN(decrypt, openpgp::DecryptSource::create(*packed.passphrase, file));
    next = decrypt.get();
  }
  GunzipSource gunzip(*next);
  const util::ByteCount limit =
      packed.has_digests ? std::min(packed.limit, util::ByteCount{packed.file.plain.bytes})
                         : packed.limit;
  LimitSource limited(gunzip, limit);
  AheadSource ahead(limited);
  DigestSource plain(ahead, progress);
  switch (packed.file.format) {
    case Format::kBinary:
    case Format::kVault:
      WARDER_RETURN_IF_ERROR(write_database(
          plain, target, packed.for_trial ? Durability::kNone : Durability::kFlushedToRead));
      break;
    case Format::kSqlDump:
      WARDER_RETURN_IF_ERROR(execute_sql_dump(plain, target));
      break;
    case Format::kFull:
      WARDER_RETURN_IF_ERROR(write_tree(plain, target, limit, keep_owners));
      break;
  }
  if (packed.has_digests && plain.digest() != packed.file.plain) {
    return Error(ErrorCode::kInvalid, "what it unpacks to is not what was packed");
  }
  return {};
}

util::Status check_history(const fs::path& database, const HistoryMark& mark) {
  const auto newest = store::newest_checkpoint(database);
  if (!newest || newest->origin != mark.origin) {
    return {};  // another database
  }
  WARDER_ASSIGN_OR_RETURN(const util::Bytes root, util::from_base64(mark.root));
  store::Checkpoint expected{mark.origin, mark.size, {}};
  if (root.size() != expected.root.size()) {
    return Error(ErrorCode::kInvalid, "the manifest's root of the history is none");
  }
  std::ranges::copy(root, expected.root.begin());
  store::VerifyOptions options;
  options.against.push_back({"the backup's manifest", {}, expected});
  WARDER_ASSIGN_OR_RETURN(const store::VerifyReport found, store::verify(database, options));
  // A view or an index that the operator added is in the original, too: the agent's check tells.
  const auto fault = std::ranges::find_if(
      found.faults, [](const store::Fault& one) { return one.kind != store::FaultKind::kSchema; });
  if (fault == found.faults.end() && found.more_faults == 0) {
    return {};
  }
  return Error(ErrorCode::kInvalid,
               fmt::format("the history in it is not what was recorded: {}; see `warder verify`",
                           (fault == found.faults.end() ? found.faults.back() : *fault).text));
}

void remove_target(const fs::path& target) {
  std::error_code ignored;
  // A restored tree may hold folders without write permission.
  for (fs::recursive_directory_iterator at(target, ignored), end; !ignored && at != end;
       at.increment(ignored)) {
    if (at->is_directory(ignored) && !at->is_symlink(ignored)) {
      fs::permissions(at->path(), fs::perms::owner_all, fs::perm_options::add, ignored);
    }
  }
  fs::remove_all(target, ignored);
  remove_side_files(target);
}

}  // namespace

util::Status unpack(const Packed& packed, const fs::path& target, bool keep_owners,
                    const Progress& progress) {
  std::error_code error;
  if (fs::exists(fs::symlink_status(target, error))) {
    return Error(ErrorCode::kConflict, fmt::format("{} exists already", target.string()));
  }
  const util::Status done = unpack_into(packed, target, keep_owners, progress);
  if (!done) {
    remove_target(target);
    return done.error().with_context(packed.path.filename().string());
  }
  return {};
}

fs::path database_in(const Packed& packed, const fs::path& unpacked, const DatabaseFacts& facts) {
  return packed.file.format == Format::kFull ? unpacked / fs::path(facts.path).relative_path()
                                             : unpacked;
}

util::Status check_unpacked(const Packed& packed, const fs::path& unpacked,
                            const Expectation& expected) {
  if (packed.file.format == Format::kVault) {
    const auto mark = check_raft_snapshot(unpacked, unpacked.string() + ".checked", packed.limit);
    return mark ? util::Status() : mark.error().with_context(packed.path.filename().string());
  }
  if (packed.file.format == Format::kFull && !expected.database) {
    return {};  // the digests have said all there is to say
  }
  const DatabaseFacts facts = expected.database.value_or(DatabaseFacts{});
  const fs::path database = database_in(packed, unpacked, facts);
  const auto read = [&](store::Connection& copy) -> util::Status {
    if (expected.database) {
      WARDER_ASSIGN_OR_RETURN(const DatabaseFacts found,
                              read_facts(copy, database, expected.database->path));
      WARDER_RETURN_IF_ERROR(compare_facts(*expected.database, found, packed.file.format));
    }
    return run_queries(copy, expected.queries);
  };
  const auto check = [&]() -> util::Status {
    // integrity_check takes longest: the rest is read beside it. The first to read makes SQLite's
    // index of the journal, so the second must come after it.
    WARDER_ASSIGN_OR_RETURN(const auto whole, open_copy(database, kIntegrityCache));
    WARDER_ASSIGN_OR_RETURN(const std::int64_t ignored, whole->integer("PRAGMA schema_version"));
    static_cast<void>(ignored);
    WARDER_ASSIGN_OR_RETURN(const auto copy, open_copy(database));
    util::Status readable;
    std::thread reader([&] {
      util::name_thread("reading");
      readable = read(*copy);
    });
    const util::Status integrity = check_integrity(*whole);
    reader.join();
    WARDER_RETURN_IF_ERROR(integrity);
    WARDER_RETURN_IF_ERROR(readable);
    // SQL text gives the rows back, not the file that is a history.
    return expected.history && packed.file.format != Format::kSqlDump
               ? check_history(database, *expected.history)
               : util::Status();
  };
  const util::Status checked = check();
  remove_side_files(database);
  return checked ? checked : checked.error().with_context(packed.path.filename().string());
}

util::Result<double> prove(Packed packed, const Expectation& expected, const fs::path& work,
                           const util::Clock& clock, const Progress& progress, bool* unpacked) {
  packed.for_trial = true;
  const fs::path target = work / "restored";
  const util::MonotonicTime begin = clock.monotonic();
  WARDER_RETURN_IF_ERROR(unpack(packed, target, false, progress));
  if (unpacked != nullptr) {
    *unpacked = true;
  }
  const util::Status checked = check_unpacked(packed, target, expected);
  const double seconds = std::chrono::duration<double>(clock.monotonic() - begin).count();
  remove_target(target);
  WARDER_RETURN_IF_ERROR(checked);
  return seconds;
}

}  // namespace warder::backup
