#pragma once

#include "util/descriptor.h"
#include "util/result.h"

#include <filesystem>
#include <string>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

namespace warder::util {

// A path in the form that bind(2) and connect(2) take.
struct UnixAddress {
  sockaddr_un name{};

  const sockaddr* generic() const { return reinterpret_cast<const sockaddr*>(&name); }
  socklen_t size() const { return sizeof name; }
};

// kInvalid when the path does not fit (1 to 107 bytes, unix(7)).
Result<UnixAddress> unix_address(const std::filesystem::path& path);

struct UnixListener {
  std::filesystem::path path;
  int type = SOCK_STREAM;
  int backlog = 64;
  gid_t group = static_cast<gid_t>(-1);  // as the folder gives it
  // What the caller is, for "another ... answers on PATH", and what to do about that.
  std::string owner;
  std::string remedy;
};

// Listens, without waiting, at a path that belongs to its owner and group (0660) from the moment it
// is there. A socket that nobody answers on is replaced. kConflict when somebody does, or when
// something that is no socket lies there (a file, a link, which is not followed): both stay as they
// are. Any thread: the process's umask is left alone.
Result<Descriptor> listen_unix(const UnixListener& listener);

}  // namespace warder::util
