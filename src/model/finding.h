#pragma once

#include "net/address.h"
#include "util/clock.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace warder::model {

// One line that matched a filter: who, when, how. Owned by whoever holds it. `text` may hold
// anything an attacker can write.
struct Finding {
  net::Prefix address;  // single unless the filter captured a subnet
  // The line names no address that can be blamed: `address` says nothing. Only from JSON filters
  // that allow it, for jails that alert.
  bool without_address = false;
  // What identifies the offender where that is no address (then `address` says nothing): a host
  // name that may be looked up, of filters loaded with usedns = yes or warn, any text with usedns =
  // raw.
  std::string identifier;
  util::WallTime time{};        // of the line, judged against now by the filter
  bool time_from_line = false;  // false: the line had no usable time, `time` is when it was read
  std::uint32_t attempts = 1;
  std::uint32_t pattern = 0;  // index of the failregex or rule that matched, for explain
  std::string user;           // as captured, may be empty
  std::string text;           // the line (or lines), cut to a limit by the filter
  std::string summary;        // the same for people: without its date, or the fields that say it
  // What the line is about, where a log may tell of it more than once (two copies of one log, the
  // request and its response): findings with the same text are one. Empty: the line itself.
  std::string once;
  // Other named captures (F-NAME tags, named fields), in the order of the filter.
  std::vector<std::pair<std::string, std::string>> captures;
};

}  // namespace warder::model
