#pragma once

#include "util/byte_stream.h"
#include "util/bytes.h"
#include "util/result.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace warder::backup {

// A file to be stored under another path than it lies at: the copy of a live database.
struct TarReplacement {
  std::filesystem::path stored_as;  // absolute
  std::filesystem::path file;
};

struct TarFacts {
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;           // of file contents
  std::vector<std::string> remarks;  // what was left out or changed while it was read, at most 20
};

// Writes a tar archive (pax) of `paths` with all below them, as absolute paths without the first
// '/'. Links are stored as links; sockets, devices and FIFOs are left out with a remark, as are the
// replaced files themselves and SQLite's files beside them (-wal, -shm, -journal) and whatever
// `excluded` names (absolute, with all below).
util::Result<TarFacts> write_tar(const std::vector<std::filesystem::path>& paths,
                                 const std::vector<TarReplacement>& replaced,
                                 const std::vector<std::filesystem::path>& excluded,
                                 util::ByteSink& to);

// Unpacks below `folder`, which exists. Refused with kInvalid: names that are absolute or hold
// "..", anything but files, folders and symbolic links, an entry that would pass through a link,
// a name twice, more than `limit` bytes or a million entries. Nothing is written outside `folder`:
// every step on the way is opened without following links, and links are made last. Modes and
// times are restored (set-user-id bits are not), owners when `keep_owners`.
struct UntarOptions {
  util::ByteCount limit;
  bool keep_owners = false;
};
util::Result<TarFacts> read_tar(util::ByteSource& from, const std::filesystem::path& folder,
                                const UntarOptions& options);

}  // namespace warder::backup
