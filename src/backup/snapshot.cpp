#include "backup/snapshot.h"

#include "backup/streams.h"
#include "store/database.h"

#include <fmt/core.h>

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>

namespace warder::backup {
namespace {

using util::Error;
using util::ErrorCode;

struct Identity {
  dev_t device = 0;
  ino_t inode = 0;
  friend bool operator==(const Identity&, const Identity&) = default;
};

util::Result<Identity> identity_of(const std::filesystem::path& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) {
    return util::errno_error(path.string(), errno);
  }
  if (!S_ISREG(info.st_mode)) {
    return Error(ErrorCode::kInvalid, fmt::format("{}: is not a regular file", path.string()));
  }
  return Identity{info.st_dev, info.st_ino};
}

}  // namespace

util::Result<sqlite::CopyFacts> take_snapshot(const std::filesystem::path& source,
                                              const std::filesystem::path& target,
                                              const sqlite::CopyOptions& options,
                                              const util::Clock& clock, const Progress& progress) {
  WARDER_ASSIGN_OR_RETURN(const Identity before, identity_of(source));
  {
    // SQLite would make the file as the umask says.
    WARDER_ASSIGN_OR_RETURN(FileSink empty, FileSink::create(target));
    WARDER_RETURN_IF_ERROR(empty.finish());
  }
  using Mode = store::Connection::Mode;
  WARDER_ASSIGN_OR_RETURN(const auto from, store::Connection::open(source, Mode::kReadOnly, {}));
  WARDER_ASSIGN_OR_RETURN(const auto to, store::Connection::open(target, Mode::kReadWrite, {}));
  WARDER_RETURN_IF_ERROR(from->execute("PRAGMA cache_size=-1024"));
  // A copy that breaks off is thrown away: it needs neither journal nor flushes.
  WARDER_RETURN_IF_ERROR(
      to->execute("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-1024"));
  auto facts = sqlite::copy_online(from->handle(), to->handle(), options, clock, progress);
  if (!facts) {
    return facts.error().with_context(fmt::format("copying {}", source.string()));
  }
  const auto after = identity_of(source);
  if (!after || *after != before) {
    return Error(ErrorCode::kInvalid,
                 fmt::format("{} was replaced by another file while it was copied: what was copied "
                             "is the old one; run the backup again",
                             source.string()));
  }
  return facts;
}

}  // namespace warder::backup
