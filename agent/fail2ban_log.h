#pragma once

#include "net/address.h"
#include "util/clock.h"
#include "util/descriptor.h"
#include "util/result.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>

namespace warder::agent {

// A ban that fail2ban's log tells of.
struct Fail2banBan {
  std::string jail;
  net::Prefix address;
  util::WallTime time{};  // of the last finding before it, where the log has it; else of the line
  // Bans are logged a moment after their finding, and when fail2ban reads an old log others may
  // come in between: the first finding it may have been.
  util::WallTime earliest{};
};

// Follows fail2ban's log through rotation. Times in it are the host's local ones.
class Fail2banLog {
 public:
  using OnBan = std::function<void(Fail2banBan&&)>;

  // Bans before `since` are left out.
  Fail2banLog(std::string path, util::WallTime since, OnBan on_ban);

  // Reads what was written since the last call. A file that is not there is an error only at the
  // first call.
  util::Status read();

 private:
  using Offender = std::pair<std::string, net::Prefix>;
  struct Found {
    std::int64_t written;  // both as fail2ban::LogLine has them, in milliseconds
    std::int64_t found;
  };

  util::Status open();
  util::Status read_open_file();
  void on_line(std::string_view line);
  void remember(Offender offender, Found found);

  const std::string path_;
  const util::WallTime since_;
  const OnBan on_ban_;
  util::Descriptor file_;
  ino_t inode_ = 0;
  dev_t device_ = 0;
  off_t offset_ = 0;
  bool opened_once_ = false;
  std::string half_;  // a line without its end
  // The newest findings of the newest offenders; the oldest are forgotten first.
  std::map<Offender, std::deque<Found>> found_;
  std::deque<Offender> order_;
};

}  // namespace warder::agent
