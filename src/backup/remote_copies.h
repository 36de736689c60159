#pragma once

#include "backup/folder.h"
#include "backup/make.h"
#include "backup/manifest.h"
#include "storage/storage.h"
#include "util/result.h"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace warder::backup {

// The backups of one set in a storage. A backup is there when its manifest is: that is brought last
// and removed first. It is whole there when the files that this names are there with their sizes.
class RemoteCopies {
 public:
  RemoteCopies(storage::Storage& storage, std::string name)
      : storage_(storage), name_(std::move(name)) {}

  // The stamps there, oldest first, the newest revision of each only.
  util::Result<std::vector<Stamp>> list();
  // By what list() has seen last: which file of a backup is not there, or has another size; empty
  // when it is whole.
  std::string fault(const Manifest& manifest) const;
  // The manifest of one; kNotFound, kInvalid.
  util::Result<ReadManifest> manifest(const Stamp& stamp);
  // Brings a whole backup of the folder there and reads every byte back: an upload that reports
  // success and is not there, or is something else, is a failure. Older revisions go then.
  util::Status put(const Folder& folder, const Entry& entry, const StageProgress& progress);
  // Fetches manifest and files into a folder, each compared with the manifest.
  util::Status fetch(const Stamp& stamp, const Folder& into, const StageProgress& progress);
  util::Status remove(const Stamp& stamp);
  // Removes what is left of revisions whose successor has its manifest there, and that a genuine
  // one: a run that ended between bringing the new one and removing the old one.
  util::Status remove_superseded(const std::function<bool(const ReadManifest&)>& is_genuine);

  storage::Storage& storage() { return storage_; }

 private:
  util::Status put_file(const std::filesystem::path& file, const std::string& name,
                        const Digest& expected, const StageProgress& progress);

  storage::Storage& storage_;
  const std::string name_;
  std::map<std::string, std::uint64_t, std::less<>> sizes_;  // of the files, as listed
};

}  // namespace warder::backup
