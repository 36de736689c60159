#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What the kernel says in /proc, read from text. The kernel writes it, but names of programs in it
// are chosen by whoever runs them: nothing here fails, what cannot be read is left out.
namespace warder::monitor {

// A line of /proc/locks (proc(5), fs/locks.c lock_get_status()):
//   12: POSIX  ADVISORY  WRITE 4711 08:01:131265 120 120
// Lines with "->" are of processes that wait.
struct FileLock {
  bool write = false;
  std::int64_t pid =
      0;  // -1: an open file description's lock (OFDLCK); 0: of another PID namespace
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::uint64_t inode = 0;
  std::uint64_t first = 0;
  std::uint64_t last = 0;  // EOF: the largest number

  friend bool operator==(const FileLock&, const FileLock&) = default;
};
std::vector<FileLock> parse_locks(std::string_view text);

// The file of the first watch in /proc/PID/fdinfo/FD of an inotify descriptor (proc(5)), as
// /proc/locks names it:
//   inotify wd:1 ino:5 sdev:29 mask:400 ignored_mask:0 ...
// `sdev` is the kernel's own device number (twenty bits of minor), in hexadecimal like `ino`.
struct FileIdentity {
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::uint64_t inode = 0;
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};
std::optional<FileIdentity> parse_watched_file(std::string_view text);

// MemTotal and MemAvailable of /proc/meminfo in bytes; empty unless both are there.
struct MemoryFigures {
  std::uint64_t total = 0;
  std::uint64_t available = 0;
  friend bool operator==(const MemoryFigures&, const MemoryFigures&) = default;
};
std::optional<MemoryFigures> parse_meminfo(std::string_view text);

}  // namespace warder::monitor
