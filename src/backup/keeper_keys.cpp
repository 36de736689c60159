#include "backup/gzip.h"
#include "backup/keeper.h"
#include "backup/proof.h"
#include "openpgp/decrypt.h"
#include "openpgp/encrypt.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <system_error>

namespace warder::backup {
namespace {

namespace fs = std::filesystem;
using util::Error;
using util::ErrorCode;

bool same_passphrase(const KeyId& a, const KeyId& b) {
  return a.reference == b.reference && a.version == b.version;
}

// The same gzip data under another passphrase: decrypted and encrypted in one pass.
util::Result<Digest> turn(const fs::path& from, const crypto::SecretString& old_one,
                          const fs::path& to, const crypto::SecretString& new_one) {
  WARDER_ASSIGN_OR_RETURN(FileSource file, FileSource::open(from));
  WARDER_ASSIGN_OR_RETURN(const auto decrypt, openpgp::DecryptSource::create(old_one, file));
  WARDER_ASSIGN_OR_RETURN(FileSink disk, FileSink::create(to));
  DigestSink stored(&disk);
  WARDER_ASSIGN_OR_RETURN(const auto encrypt, openpgp::EncryptSink::create(new_one, stored));
  WARDER_RETURN_IF_ERROR(util::copy_all(*decrypt, *encrypt));
  WARDER_RETURN_IF_ERROR(encrypt->finish());
  return stored.digest();
}

}  // namespace

util::Status Keeper::re_encrypt_entry(const Folder& folder, const Entry& entry,
                                      const KeyId& current, bool in_storage, Report& report) const {
  const ReadManifest* const read = entry.read();
  if (read == nullptr) {
    return Error(ErrorCode::kInvalid, entry.fault);
  }
  WARDER_ASSIGN_OR_RETURN(const Passphrase old_one, passphrase_of(*read, report));
  WARDER_ASSIGN_OR_RETURN(const Passphrase new_one, parts_.passphrases->current());
  if (!same_passphrase(new_one.id, current)) {
    return Error(ErrorCode::kConflict, "the passphrase was rotated meanwhile; run it again");
  }
  Manifest manifest = read->manifest;
  ++manifest.stamp.revision;
  manifest.key = new_one.id;
  for (BackupFile& file : manifest.files) {
    const std::string old_name = file.name;
    file.name = file_name(manifest.name, manifest.stamp, file.format, file.encryption);
    WARDER_ASSIGN_OR_RETURN(file.stored, turn(folder.file(old_name), old_one.text,
                                              folder.making(file.name), new_one.text));
    if (parts_.at_boundary) {
      parts_.at_boundary("encrypted");
    }
  }
  const fs::path room = folder.making("work");
  std::error_code error;
  fs::create_directory(room, error);
  double seconds = 0;
  for (const BackupFile& file : manifest.files) {
    const Packed packed{folder.making(file.name), file, true, &new_one.text,
                        parts_.set.unpacked_limit};
    WARDER_ASSIGN_OR_RETURN(const double took,
                            prove(packed, {manifest.database, parts_.set.queries, manifest.history},
                                  room, parts_.clock, {}));
    seconds += took;
  }
  fs::remove_all(room, error);
  manifest.proof = Proof{std::chrono::floor<std::chrono::seconds>(parts_.clock.now()), seconds};
  WARDER_ASSIGN_OR_RETURN(const std::string text, write_manifest(manifest, &new_one.text));
  WARDER_ASSIGN_OR_RETURN(
      FileSink sink, FileSink::create(folder.making(manifest_name(manifest.name, manifest.stamp))));
  WARDER_RETURN_IF_ERROR(sink.write(util::as_bytes(text)));
  WARDER_RETURN_IF_ERROR(sink.finish());
  WARDER_RETURN_IF_ERROR(folder.publish(manifest, [this] {
    if (parts_.at_boundary) {
      parts_.at_boundary("publish");
    }
  }));
  if (in_storage) {
    WARDER_ASSIGN_OR_RETURN(const Entry fresh, folder.find(manifest.stamp));
    WARDER_ASSIGN_OR_RETURN(std::optional<RemoteCopies> there, remote());
    if (there) {
      WARDER_RETURN_IF_ERROR(there->put(folder, fresh, parts_.progress));
    }
    if (parts_.at_boundary) {
      parts_.at_boundary("uploaded");
    }
  }
  // Only now, with the new one restored and, where it belongs there, read back from the storage.
  return folder.remove(entry);
}

util::Status Keeper::re_encrypt_all(const Folder& folder, Report& report) const {
  WARDER_ASSIGN_OR_RETURN(const Passphrase current,
                          report.lacking(Lack::kPassphrase, parts_.passphrases->current()));
  WARDER_ASSIGN_OR_RETURN(std::optional<RemoteCopies> there, remote());
  std::vector<Stamp> remote_stamps;
  if (there) {
    WARDER_ASSIGN_OR_RETURN(remote_stamps, there->list());
  }
  const auto is_remote = [&](const Stamp& stamp) {
    return std::ranges::any_of(remote_stamps,
                               [&](const Stamp& one) { return one.time == stamp.time; });
  };
  WARDER_ASSIGN_OR_RETURN(const std::vector<Entry> entries, folder.list());
  std::size_t done = 0;
  std::size_t number = 0;
  std::optional<Error> first;
  const auto note = [&](const Stamp& stamp, const util::Status& status) {
    if (status) {
      ++done;
      return;
    }
    report.facts.emplace_back(stamp.to_string(), "FAILED: " + status.error().message());
    if (!first) {
      first = status.error();
    }
  };
  for (const Entry& entry : entries) {
    ++number;
    if (parts_.progress && !parts_.progress("encrypting anew", number, entries.size())) {
      return Error(ErrorCode::kUnavailable, "stopped; run it again to go on");
    }
    const ReadManifest* const read = entry.read();
    const KeyId* const key = read == nullptr ? nullptr : read->key();
    if (key == nullptr) {
      continue;
    }
    if (!entry.is_whole()) {
      note(entry.stamp, Error(ErrorCode::kInvalid, entry.fault));
      continue;
    }
    if (!same_passphrase(*key, current.id)) {
      note(entry.stamp,
           re_encrypt_entry(folder, entry, current.id, is_remote(entry.stamp), report));
      continue;
    }
    // Done here in an earlier run that ended before the storage had it.
    const auto stale = std::ranges::find_if(remote_stamps, [&](const Stamp& one) {
      return one.time == entry.stamp.time && one.revision < entry.stamp.revision;
    });
    if (there && stale != remote_stamps.end()) {
      note(entry.stamp, there->put(folder, entry, parts_.progress));
    }
  }
  // What only the storage has is fetched, turned and brought back, one at a time.
  for (const Stamp& stamp : remote_stamps) {
    if (!there || std::ranges::any_of(
                      entries, [&](const Entry& one) { return one.stamp.time == stamp.time; })) {
      continue;
    }
    const auto manifest = there->manifest(stamp);
    if (!manifest) {
      note(stamp, manifest.error());
      continue;
    }
    const KeyId* const key = manifest->key();
    if (key == nullptr || same_passphrase(*key, current.id)) {
      continue;
    }
    const fs::path room = folder.making("turn");
    const auto turn_one = [&]() -> util::Status {
      WARDER_ASSIGN_OR_RETURN(const Folder inner, Folder::open(room, parts_.set.name));
      WARDER_RETURN_IF_ERROR(there->fetch(stamp, inner, parts_.progress));
      WARDER_ASSIGN_OR_RETURN(const Entry entry, inner.find(stamp));
      return re_encrypt_entry(inner, entry, current.id, true, report);
    };
    note(stamp, turn_one());
    std::error_code error;
    fs::remove_all(room, error);
  }
  if (there) {
    WARDER_RETURN_IF_ERROR(
        there->remove_superseded([this](const ReadManifest& one) { return is_sealed_by_us(one); }));
  }
  report.facts.emplace_back("encrypted anew", fmt::format("{}", done));
  report.facts.emplace_back("passphrase",
                            fmt::format("{} version {}", current.id.reference, current.id.version));
  if (first) {
    return *first;
  }
  report.summary = done == 0 ? "every backup is encrypted with the current passphrase already"
                             : fmt::format(
                                   "{} encrypted anew with the current passphrase, each "
                                   "restored before the old one went",
                                   util::counted(done, "backup"));
  return {};
}

Report Keeper::re_encrypt() {
  Report report = begin("re-encrypt");
  const auto work = [&]() -> util::Status {
    if (parts_.passphrases == nullptr) {
      return Error(ErrorCode::kInvalid, "this set of backups is not encrypted");
    }
    WARDER_ASSIGN_OR_RETURN(const Opened opened, open());
    return re_encrypt_all(opened.folder, report);
  };
  if (const util::Status done = work(); !done) {
    report.fail(done.error(), "not every backup could be encrypted anew; the old ones are kept");
  }
  end(report);
  return report;
}

}  // namespace warder::backup
