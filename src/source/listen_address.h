#pragma once

#include "net/address.h"
#include "util/descriptor.h"
#include "util/result.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace warder::source {

// Where programs hand lines in, as it stands in a `logpath`.
struct ListenAddress {
  enum class Kind : std::uint8_t {
    kHttp,  // http://127.0.0.1:8300/audit: by POST
    kTcp,   // tcp://127.0.0.1:8301: a stream of lines
    kUnix,  // unix:/run/warder/audit.sock: the same at a Unix socket
  };
  Kind kind = Kind::kHttp;
  net::IpAddress host;     // not of kUnix
  std::uint16_t port = 0;  // not of kUnix
  std::string path;        // kHttp: what is posted to. kUnix: the socket
};

// Is it meant to be one? What is none of these is the path of a file.
bool is_listen_address(std::string_view text);

// kInvalid, with cause and remedy, for one that has no port, is not of this host's loopback, or
// whose socket has no absolute path of at most 107 bytes (unix(7)).
util::Result<ListenAddress> parse_listen_address(std::string_view text);

// Binds and listens. A Unix socket has mode 0660 from its first moment and the group that the
// folder gives it; one that nobody answers on makes way. kConflict when somebody does, or when
// something else lies at the path; kIo otherwise.
util::Result<util::Descriptor> listen_at(const ListenAddress& address);

}  // namespace warder::source
