#pragma once

#include <cstdint>
#include <map>

namespace warder::engine {

// Findings that wait for an answer (the addresses of a name, an ignorecommand) before they count.
// While one does, the position behind its line must not be stored: after a crash the line has to
// come again. Tells from which moment on everything has been decided that was open at an earlier
// one, so that positions of that earlier moment may be stored even if there is always something
// open. Pipeline thread only.
class OpenCases {
 public:
  struct Ticket {
    std::uint64_t life = 0;
    std::uint64_t moment = 0;
  };

  Ticket open() {
    ++open_[moment_];
    return {life_, moment_};
  }
  void close(const Ticket& ticket) {
    if (!stands(ticket)) {
      return;
    }
    if (const auto found = open_.find(ticket.moment);
        found != open_.end() && --found->second == 0) {
      open_.erase(found);
    }
  }
  // Whether an answer still means something: not once the lines are read again.
  bool stands(const Ticket& ticket) const { return ticket.life == life_; }
  void forget() {
    ++life_;
    open_.clear();
  }

  bool any() const { return !open_.empty(); }
  // This moment: what is opened from now on is later.
  std::uint64_t mark() { return moment_++; }
  // Is all decided that was open at `moment`?
  bool decided(std::uint64_t moment) const {
    return open_.empty() || open_.begin()->first > moment;
  }

 private:
  std::uint64_t life_ = 0;
  std::uint64_t moment_ = 0;
  std::map<std::uint64_t, std::uint64_t> open_;  // by the moment before which it was opened
};

}  // namespace warder::engine
