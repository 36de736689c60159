#pragma once

#include "source/json_gist.h"
#include "source/source.h"
#include "util/bytes.h"
#include "util/clock.h"
#include "util/result.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace warder::source {

// Where reading begins in a log that has no stored position and was there when the source started.
// A log that appears later is always read from its start.
enum class StartAt : std::uint8_t { kHead, kTail };

// A path or pattern of logs: absolute, `*`, `?` and `[...]` in any component as in glob(7) (a
// leading dot must be written out; there is no `**`).
struct Glob {
  std::uint32_t id = 0;  // the caller's; comes back in LogInfo::inputs
  std::string pattern;
  // Instead of FileOptions::start_at. Of several patterns for one log the first one counts.
  std::optional<StartAt> start_at = std::nullopt;
};

struct FileOptions {
  StartAt start_at = StartAt::kTail;
  // Longest line that is judged, without its line end.
  util::ByteCount longest_line = util::kibibytes(64);
  // Of a longer line that is a JSON object these members are kept and judged (JsonGist); without
  // any it is reported and not judged.
  MemberNames kept_members;
  // Files held open at once (least recently read ones are closed and opened again when needed).
  std::size_t open_files = 512;
  // Folders watched at once; beyond it, as at the kernel's limit, the source looks each second.
  std::size_t watches = 4096;
  // Logs followed; more than that match: notice kTooMany.
  std::size_t logs = 100'000;
  // A file renamed away is watched until it did not grow for so long.
  std::chrono::seconds quiet_after_rename{10};
  // A log is called missing when it did not come back for so long (a rotation is shorter).
  std::chrono::seconds missing_after{10};
  // How often to look where the kernel cannot tell (watch limit, network file systems).
  std::chrono::seconds scan_interval{1};
  // pread(2), replaced by fault tests.
  std::function<ssize_t(int fd, void* buffer, std::size_t size, off_t offset)> read_at;
};

// Follows log files by path patterns through renaming, copying and truncating, deletion,
// re-creation, restart of the agent and compression; README.md of this folder says how each case is
// told and what is guaranteed. model::Position::log is the path.
class FileSource : public Source {
 public:
  // kInvalid for a pattern that is empty or not absolute, the text naming it. Touches no file.
  static util::Result<std::unique_ptr<FileSource>> create(FileOptions options,
                                                          std::vector<Glob> globs,
                                                          PositionLookup positions,
                                                          const util::Clock& clock);
  ~FileSource() override;

  std::string_view name() const override { return "file"; }
  int poll_fd() const override;
  std::optional<util::MonotonicTime> wake_at() const override;
  Pumped pump(LineHandler& handler, util::ByteCount budget) override;
  void take_positions(std::vector<model::Position>& positions) override;
  const LogInfo& log_info(std::uint32_t log) const override;
  SourceStatus status() const override;

 private:
  class Implementation;
  explicit FileSource(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace warder::source
