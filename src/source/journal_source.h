#pragma once

#include "source/source.h"
#include "util/result.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace warder::source {

struct JournalOptions {
  // fail2ban's journalmatch: lines are alternatives; in a line `+` stands between alternatives,
  // terms FIELD=value of different fields must all hold, of one field any. Words may be quoted as
  // in a shell. Empty: every entry.
  std::string match;
  std::vector<std::uint32_t> inputs;  // LogInfo::inputs
  // Read this folder (or, if it is a file, this one journal file) instead of the host's journal.
  std::filesystem::path path;
  // Without a stored position: entries not older than this. Zero: only what comes from now on.
  std::chrono::seconds look_back{0};
  util::ByteCount longest_line = util::kibibytes(64);
};

// The systemd journal through libsystemd. A line is "HOST IDENT[PID]: MESSAGE", its stamp
// _SOURCE_REALTIME_TIMESTAMP (else the time of receipt by journald), its offset a running number
// kept in the position, its generation made from the match. The position is the cursor of the last
// entry; when the journal no longer holds it, reading goes on at the next entry it does hold, with
// a notice.
class JournalSource : public Source {
 public:
  // kInvalid for a match that cannot be read (the text says which word), kNotFound, kDenied (the
  // text names the group systemd-journal), kIo.
  static util::Result<std::unique_ptr<JournalSource>> open(JournalOptions options,
                                                           const PositionLookup& positions,
                                                           const util::Clock& clock);
  ~JournalSource() override;

  std::string_view name() const override;
  int poll_fd() const override;
  std::optional<util::MonotonicTime> wake_at() const override;
  Pumped pump(LineHandler& handler, util::ByteCount budget) override;
  void take_positions(std::vector<model::Position>& positions) override;
  const LogInfo& log_info(std::uint32_t log) const override;
  SourceStatus status() const override;

 private:
  struct State;
  explicit JournalSource(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace warder::source
