#pragma once

#include "filter/text_pattern.h"
#include "util/clock.h"

#include <chrono>
#include <cstddef>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace warder::filter {

// Joins the lines of one session (<F-MLFID>) of one filter into findings.
// Source: reference/fail2ban-compat.md 13, and two tags of our own: a line with <F-MLFFIRST> is a
// failure only if its session has none yet; one with <F-MLFECHO> is none once after each failure
// that another line told, since it tells of the same attempt again, and one otherwise. Both go by
// the failures of the address that the line names: process numbers come again.
//
// Bounded: kMost sessions, each forgotten kLongest after it began; names of users and kept texts
// are cut. One thread at a time.
class Sessions {
 public:
  static constexpr std::size_t kMost = 100;
  static constexpr std::chrono::minutes kLongest{5};

  // The data of a failure: the groups of all its lines, the newest value of each, and their texts.
  struct Failure {
    std::vector<std::pair<std::string, std::string>> groups;
    std::string text;
  };
  enum class Verdict {
    kHelper,   // no failure, or not yet
    kFailure,  // `failure` is set
  };
  struct Result {
    Verdict verdict = Verdict::kHelper;
    Failure failure;
    // A session that had not ended was dropped to make room.
    bool lost_one = false;
  };

  // A matched line with a non-empty `mlfid` capture.
  Result add(const Captures& captures, std::string_view text, util::WallTime now);

  std::size_t size() const { return sessions_.size(); }

 private:
  struct Session {
    std::string key;
    util::WallTime begin;
    std::vector<std::pair<std::string, std::string>> groups;
    std::vector<std::string> users;
    std::string text;       // lines kept for the next failure
    bool helper = false;    // the last line was no failure
    bool pending = false;   // a failure waits for its address
    bool reported = false;  // had a failure already
    std::string blamed;     // by the newest failure
    bool echo_due = false;  // the newest failure was told by another line than an echo
  };
  using Place = std::list<Session>::iterator;

  Place find_or_create(std::string_view key, util::WallTime now, bool& existed, bool& lost_one);
  void erase(Place session);

  std::list<Session> sessions_;  // oldest first
  std::unordered_map<std::string_view, Place> by_key_;
};

}  // namespace warder::filter
