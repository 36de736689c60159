#include "engine/recent_lines.h"

#include "engine/old_log.h"
#include "filter/json_time.h"
#include "filter/text_filter.h"
#include "util/descriptor.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace warder::engine {
namespace {

// Where a log's begin of the recent is looked for: at each multiple of this from the end.
constexpr std::uint64_t kStep = 256U << 10U;
// How much is looked at there for a line with a date.
constexpr std::size_t kLook = 64U << 10U;
constexpr int kMostUndated = 32;
// A JSON number or text is a time when it lies within these of now.
constexpr std::chrono::hours kOldest{24 * 3650};
constexpr std::chrono::hours kAhead{24};

// The date of the first line that begins at `offset` or behind it.
std::optional<util::WallTime> first_date(int fd, std::uint64_t offset, std::string& buffer,
                                         LineDates& dates) {
  const ssize_t got = ::pread(fd, buffer.data(), buffer.size(), static_cast<off_t>(offset));
  if (got <= 0) {
    return std::nullopt;
  }
  std::string_view left(buffer.data(), static_cast<std::size_t>(got));
  bool whole = offset == 0;
  for (int tried = 0; tried < kMostUndated;) {
    const std::size_t end = left.find('\n');
    if (end == std::string_view::npos) {
      break;
    }
    if (whole) {
      if (const auto date = dates.of(left.substr(0, end))) {
        return date;
      }
      ++tried;
    }
    whole = true;
    left.remove_prefix(end + 1);
  }
  return std::nullopt;
}

// Leaves out what stands before the first line that is recent, and a line's rest at the begin.
class FromFirst : public source::LineHandler {
 public:
  FromFirst(std::uint64_t begin, bool dated, util::WallTime since, LineDates& dates,
            source::LineHandler& inner)
      : begin_(begin), passing_(!dated), since_(since), dates_(dates), inner_(inner) {}

  void on_line(const model::Line& line) override {
    read_ += line.length;
    if (begin_ > 0 && line.offset == begin_) {
      return;
    }
    if (!passing_) {
      const auto date = dates_.of(line.text);
      passing_ = date && *date >= since_;
    }
    if (passing_) {
      inner_.on_line(line);
    }
  }
  void on_notice(const source::Notice& notice) override {
    read_ += notice.length.value_or(0);
    inner_.on_notice(notice);
  }

  std::uint64_t read() const { return read_; }

 private:
  std::uint64_t begin_;
  bool passing_;
  util::WallTime since_;
  LineDates& dates_;
  source::LineHandler& inner_;
  std::uint64_t read_ = 0;
};

}  // namespace

LineDates::LineDates(std::shared_ptr<const filter::Filter> filter, const filter::LineOptions& lines,
                     util::WallTime now)
    : filter_(std::move(filter)),
      calendar_(lines.zone.value_or(filter::TimeZone::system()), lines.rules),
      now_(now) {}

std::optional<util::WallTime> LineDates::of(std::string_view line) {
  if (const auto& text = filter_->text()) {
    const auto date = text->dates().find(line);
    return date ? calendar_.resolve(date->fields, now_) : std::nullopt;
  }
  const nlohmann::json document = nlohmann::json::parse(line, nullptr, false);
  if (!document.is_object()) {
    return std::nullopt;
  }
  for (const auto& member : document) {
    std::optional<util::WallTime> time;
    if (member.is_number()) {
      time = filter::time_from_number(member.get<double>());
    } else if (member.is_string()) {
      time = filter::time_from_text(member.get_ref<const std::string&>());
    }
    if (time && *time > now_ - kOldest && *time < now_ + kAhead) {
      return time;
    }
  }
  return std::nullopt;
}

util::Result<std::uint64_t> read_recent_lines(const std::string& path, const RecentLines& which,
                                              LineDates& dates, const util::Clock& clock,
                                              source::LineHandler& handler) {
  const util::Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info{};
  if (!fd || ::fstat(fd.get(), &info) != 0) {
    return util::errno_error(path, errno);
  }
  if (!S_ISREG(info.st_mode)) {
    return util::Error(util::ErrorCode::kInvalid, fmt::format("{} is no regular file", path));
  }
  const auto size = static_cast<std::uint64_t>(info.st_size);
  const std::uint64_t first = size > which.most_bytes ? size - which.most_bytes : 0;
  std::string buffer(kLook, '\0');
  std::uint64_t begin = size;
  bool dated = false;
  std::uint64_t looked = 0;
  while (begin > first) {
    begin = begin > first + kStep ? begin - kStep : first;
    looked += std::min<std::uint64_t>(kLook, size - begin);
    const auto date = first_date(fd.get(), begin, buffer, dates);
    dated = dated || date.has_value();
    if (date && *date < which.since) {
      break;
    }
  }
  FromFirst recent(begin, dated, which.since, dates, handler);
  OldLogOptions options;
  options.begin = begin;
  WARDER_RETURN_IF_ERROR(read_old_log(path, options, clock, recent));
  return looked + recent.read();
}

}  // namespace warder::engine
