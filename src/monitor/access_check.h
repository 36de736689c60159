#pragma once

#include "monitor/access_watch.h"
#include "monitor/options.h"
#include "monitor/outcome.h"
#include "util/clock.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace warder::monitor {

// The check `access`: the rights of a database's files, which programs have it open, and with
// `access_watch` which have opened it since, however shortly. Those openings count for kKept, so
// that who comes again and again is one trouble. One thread.
class AccessCheck {
 public:
  static constexpr std::chrono::hours kKept{1};
  // Programs and users that are told apart; what goes beyond is counted.
  static constexpr std::size_t kMostTold = 50;

  // `on_opening`: somebody who may not has opened it; on a thread of the watch. `clock` must
  // outlive it. `proc`: "/proc", or a folder of tests.
  AccessCheck(const MonitorOptions& options, std::filesystem::path proc, const util::Clock& clock,
              std::function<void()> on_opening);

  Outcome make();

 private:
  // Who may open it, beside the owner of the file, root and this program.
  struct Rules {
    std::filesystem::path database;
    std::vector<std::string> users;
    std::vector<std::string> programs;
    bool allow(const Opener& who) const;
  };
  struct Opened {
    AccessWatch::Seen last;
    std::uint64_t times = 0;
  };

  // Begins to listen, once it can be; what keeps it from that is in watch_trouble_.
  void listen();
  void take_openings();

  const Rules rules_;
  const bool watched_;
  const std::filesystem::path proc_;
  const util::Clock& clock_;
  const std::function<void()> on_opening_;
  std::unique_ptr<AccessWatch> watch_;
  std::string watch_trouble_;
  std::map<std::string, Opened> opened_;  // by program and user
  std::uint64_t uncounted_ = 0;           // openings that were lost
};

}  // namespace warder::monitor
