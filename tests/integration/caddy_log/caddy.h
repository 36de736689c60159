#pragma once

#include "support/temporary_folder.h"
#include "util/descriptor.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace warder::testing {

// A real Caddy on the loopback interface that writes a JSON access log, answering as Vaultwarden
// does. Throws std::runtime_error when it cannot be started.
class Caddy {
 public:
  Caddy();
  ~Caddy();
  Caddy(const Caddy&) = delete;
  Caddy& operator=(const Caddy&) = delete;

  // Sends the bytes from a loopback address ("127.0.0.5") and gives the status of the answer.
  int send(const std::string& from, std::string_view request) const;
  // Ends it, so that all is written, and gives the lines of its log.
  std::vector<std::string> stop_and_read_log();

 private:
  void stop();

  TemporaryFolder folder_;
  std::uint16_t port_ = 0;
  pid_t process_ = -1;
  // What it prints goes here; open as long as it runs, or printing would end it.
  util::Descriptor messages_;
};

}  // namespace warder::testing
