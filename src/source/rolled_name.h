#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace warder::source {

enum class Compression { kNone, kGzip, kOther };

// A name that log rotation makes out of a log's name: "x.log" gives "x.log.1", "x.log-20260101",
// "x.log.2.gz", "x-20260101.log" (logrotate `extension`), "x-2026-01-01T10-00-00.000.log.gz"
// (Caddy and other users of lumberjack). Told by form alone: the part added consists of digits and
// of the signs that dates are written with.
struct RolledName {
  std::string name;    // the file's, without its folder
  std::string suffix;  // what was added, its first sign included, without extension or compression
  Compression compression = Compression::kNone;
};

// Nothing when `name` is not made out of `log` (both without their folder).
std::optional<RolledName> parse_rolled(std::string_view log, std::string_view name);

// The names of all logs that `name` may have been made out of; some a digit or sign apart.
std::vector<std::string> possible_logs(std::string_view name);

bool is_compressed(std::string_view name);

// What the order of suffixes alone says about two files: counters rise with age (.1 is the newest),
// dates fall. `kUnknown` where the forms differ and only the time of the last change can tell.
enum class Age { kNewer, kOlder, kSame, kUnknown };
Age compare_age(const RolledName& a, const RolledName& b);

}  // namespace warder::source
