#include "source/keys.h"

#include <chrono>
#include <cstddef>
#include <string_view>

namespace warder::source {
namespace {

using config::Change;
using config::Type;

constexpr std::string_view kStarts[] = {"head", "tail"};  // in the order of StartAt

constexpr config::Key kKeys[] = {
    {.name = "start_at",
     .type = Type::kEnum,
     .fallback = "tail",
     .choices = kStarts,
     .change = Change::kLive,
     .text =
         "Where reading begins in a log that was never read and is there when the agent starts: "
         "at its head or at its tail. A log that appears later is always read whole.",
     .example = "head"},
    {.name = "longest_line",
     .type = Type::kBytes,
     .fallback = "64K",
     .least = "1K",
     .most = "256K",
     .change = Change::kLive,
     .text = "A longer line is not judged, but reported with its place, length and SHA-256.",
     .example = "128K"},
    {.name = "open_files",
     .type = Type::kInteger,
     .fallback = "512",
     .least = "1",
     .most = "100000",
     .change = Change::kLive,
     .text = "Log files held open at once. More logs than that are followed all the same, by "
             "opening them in turns.",
     .example = "128"},
    {.name = "logs",
     .type = Type::kInteger,
     .fallback = "100000",
     .least = "1",
     .most = "1000000",
     .change = Change::kLive,
     .text = "Logs followed at most; what matches beyond that is reported and left alone.",
     .example = "20000"},
    {.name = "quiet_after_rename",
     .type = Type::kDuration,
     .fallback = "10s",
     .least = "1s",
     .most = "1h",
     .change = Change::kLive,
     .text = "A file renamed away is watched until it did not grow for so long.",
     .example = "1min"},
    {.name = "missing_after",
     .type = Type::kDuration,
     .fallback = "10s",
     .least = "1s",
     .most = "1h",
     .change = Change::kLive,
     .text = "A log that went is reported as missing when it did not come back for so long.",
     .example = "1min"},
};

constexpr config::Table kTable{
    .section = "source", .text = "How logs are read, whichever jail wants them.", .keys = kKeys};

}  // namespace

const config::Table& source_table() { return kTable; }

FileOptions file_options(const config::Values& values) {
  using std::chrono::duration_cast;
  using std::chrono::seconds;
  FileOptions options;
  options.start_at = values.choice<StartAt>("start_at");
  options.longest_line = values.bytes("longest_line");
  options.open_files = static_cast<std::size_t>(values.integer("open_files"));
  options.logs = static_cast<std::size_t>(values.integer("logs"));
  options.quiet_after_rename = duration_cast<seconds>(values.duration("quiet_after_rename"));
  options.missing_after = duration_cast<seconds>(values.duration("missing_after"));
  return options;
}

}  // namespace warder::source
