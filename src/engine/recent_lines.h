#pragma once

#include "engine/jail_set.h"
#include "filter/calendar.h"
#include "source/source.h"
#include "util/clock.h"
#include "util/result.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace warder::engine {

// When the lines of a jail's logs were written, whether they concern the jail or not. One thread.
class LineDates {
 public:
  // `filter` as the jail has it; `now` is for dates without a year.
  LineDates(std::shared_ptr<const filter::Filter> filter, const filter::LineOptions& lines,
            util::WallTime now);

  // By the filter's own dates; of a JSON line the first member of the object itself that can be a
  // time. Empty where the line has none.
  std::optional<util::WallTime> of(std::string_view line);

 private:
  std::shared_ptr<const filter::Filter> filter_;
  filter::Calendar calendar_;
  util::WallTime now_;
};

struct RecentLines {
  util::WallTime since{};  // lines before are left out, where lines have dates
  // At most so many bytes from the end of a log are read.
  std::uint64_t most_bytes = std::uint64_t{4} << 20U;
};

// Hands over the newest lines of a log that may be followed at the same time, in their order; where
// they begin is looked for from the end on, so that a long log costs no more than a short one. The
// bytes read, which go a little beyond the limit. Errors as read_old_log(); kInvalid for what is no
// regular file. Constant memory.
util::Result<std::uint64_t> read_recent_lines(const std::string& path, const RecentLines& which,
                                              LineDates& dates, const util::Clock& clock,
                                              source::LineHandler& handler);

}  // namespace warder::engine
