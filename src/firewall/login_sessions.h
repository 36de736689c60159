#pragma once

#include "net/address.h"
#include "util/encoding.h"
#include "util/result.h"

#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

namespace warder::firewall {

// Where logged-in people come from, as systemd-logind (/run/systemd/sessions, systemd's own
// "key=value" files) and utmp(5) tell. Both are read, since logind misses hosts without pam_systemd
// and utmp misses sessions without a terminal. One thread at a time.
class LoginSessions {
 public:
  LoginSessions(std::filesystem::path sessions_folder, std::filesystem::path utmp);

  // Reads again what changed since the last call.
  void refresh();
  // False when the host has neither: then nothing is known about logins.
  bool is_known() const { return is_known_; }
  const std::vector<net::IpAddress>& peers() const { return peers_; }

 private:
  struct Stamp {
    std::int64_t seconds = -1;
    std::int64_t nanoseconds = 0;
    bool operator==(const Stamp&) const = default;
  };
  static std::optional<Stamp> stamp_of(const std::filesystem::path& path);
  void read_sessions();
  void read_utmp();

  std::filesystem::path sessions_folder_;
  std::filesystem::path utmp_;
  std::optional<Stamp> sessions_stamp_;
  std::optional<Stamp> utmp_stamp_;
  bool is_known_ = false;
  bool was_read_ = false;
  std::vector<net::IpAddress> peers_;
};

// The remote address of a session file, unless the session is none from afar or is closing.
std::optional<net::IpAddress> peer_of_session(std::string_view content);
// The remote addresses of the running logins in a utmp file; what is no whole record is passed
// over.
std::vector<net::IpAddress> peers_of_utmp(util::ByteView content);

}  // namespace warder::firewall
