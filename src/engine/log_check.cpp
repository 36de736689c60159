#include "engine/log_check.h"

#include "engine/old_log.h"
#include "engine/trial.h"
#include "filter/calendar.h"
#include "filter/text_filter.h"
#include "source/position_record.h"
#include "util/descriptor.h"
#include "util/duration.h"
#include "util/glob.h"
#include "util/strings.h"
#include "util/users.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

namespace warder::engine {
namespace {

using std::chrono::seconds;

constexpr std::size_t kMostFiles = 8;
constexpr std::size_t kTail = 64 * 1024;
// Positions are stored this late at worst (Recorder::kPositionInterval), and a step more.
constexpr seconds kPositionLag{15};
// Dates that differ from the time of writing by less are the writer's buffering.
constexpr seconds kClockTolerance{90};
constexpr seconds kZoneStep{15 * 60};
constexpr seconds kQuiet{60 * 60};

std::string age_text(std::chrono::microseconds age) {
  return util::format_duration(std::chrono::floor<seconds>(age));
}

util::WallTime modified(const struct stat& info) {
  return util::WallTime(std::chrono::duration_cast<std::chrono::microseconds>(
      seconds(info.st_mtim.tv_sec) + std::chrono::nanoseconds(info.st_mtim.tv_nsec)));
}

// What lets the agent's user in where `info` is a file or folder that keeps it out.
std::string remedy_for(const std::string& path, const struct stat& info, bool folder) {
  const std::string group = util::group_name(info.st_gid);
  const mode_t needed = folder ? S_IXGRP : S_IRGRP;
  if ((info.st_mode & needed) != 0 && info.st_gid != 0) {
    return fmt::format(
        "let the agent join the group {0}: `systemctl edit warder`, [Service] "
        "SupplementaryGroups={0}, then restart it",
        group);
  }
  return fmt::format(
      "give a group of the agent's access: `chgrp adm {0}; chmod g+{1} {0}`, and in "
      "the logrotate configuration too (create 0640 ... adm)",
      util::printable(path), folder ? "x" : "r");
}

// Which pattern came nearest to a line that none matches, and where it stopped; nothing when none
// did.
std::string nearness(const TrialReport::Missed& missed) {
  const auto& near = missed.nearest;
  if (!near || !near->pattern) {
    return "";
  }
  if (!near->failed.empty()) {
    return fmt::format("; rule {} comes near, but not {}", *near->pattern + 1,
                       util::printable_again(near->failed, 120));
  }
  return fmt::format("; pattern {} comes near '{}' and stops at '{}'", *near->pattern + 1,
                     util::printable(missed.example, 120),
                     util::printable_again(near->expression.substr(near->expression_at), 40));
}

class Check {
 public:
  Check(const JailFacts& facts, store::Reader& history, std::vector<Stage>& stages)
      : facts_(facts), history_(history), stages_(stages) {}

  void run(const std::string& pattern) {
    const std::vector<std::string> paths = util::paths_matching(pattern);
    if (paths.empty()) {
      return nothing_there(pattern);
    }
    for (std::size_t i = 0; i < paths.size() && i < kMostFiles; ++i) {
      file(paths[i]);
    }
    if (paths.size() > kMostFiles) {
      add("log", Verdict::kSkipped, fmt::format("{} more logs", paths.size() - kMostFiles),
          "only the first are looked at", "");
    }
  }

 private:
  void add(std::string name, Verdict verdict, std::string found, std::string cause = "",
           std::string remedy = "") {
    stages_.push_back({facts_.jail.options.name, std::move(name), verdict, std::move(found),
                       std::move(cause), std::move(remedy)});
  }

  // Names the first folder on the way that keeps the agent out.
  bool closed_folder(const std::string& path) {
    std::filesystem::path walked;
    for (const auto& part : std::filesystem::path(path).parent_path()) {
      walked /= part;
      struct stat info{};
      if (::stat(walked.c_str(), &info) == 0 && ::access(walked.c_str(), X_OK) != 0) {
        add("log", Verdict::kBroken, fmt::format("{} cannot be reached", util::printable(path)),
            fmt::format("the agent's user {} may not enter {} (owner {}, group {}, mode {:o})",
                        util::user_name(::geteuid()), util::printable(walked.string()),
                        util::user_name(info.st_uid), util::group_name(info.st_gid),
                        info.st_mode & 07777U),
            remedy_for(walked.string(), info, true));
        return true;
      }
    }
    return false;
  }

  void nothing_there(const std::string& pattern) {
    if (closed_folder(pattern)) {
      return;
    }
    std::vector<std::string> left_out;
    const std::vector<std::string> siblings = with_rotated(pattern, &left_out);
    if (siblings.size() > 1) {
      return add("log", Verdict::kBroken,
                 fmt::format("{} is not there, but {} is", util::printable(pattern),
                             util::printable(siblings[siblings.size() - 2])),
                 "it was rotated away and not made anew: the program still writes to the old file, "
                 "or stopped writing",
                 "have the program open its log again after rotation (logrotate: postrotate, or "
                 "copytruncate), then restart it once");
    }
    add("log", Verdict::kBroken, fmt::format("no file matches {}", util::printable(pattern)),
        "the program does not log there, or was never started",
        fmt::format("find out where it logs and set logpath of jail {}; where it logs to the "
                    "journal, backend = systemd and journalmatch",
                    facts_.jail.options.name));
  }

  void file(const std::string& path) {
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0) {
      return add("log", Verdict::kBroken,
                 fmt::format("{} cannot be looked at", util::printable(path)),
                 util::errno_error(path, errno).message(), "mend the link or the folder");
    }
    if (!S_ISREG(info.st_mode)) {
      return add("log", Verdict::kBroken,
                 fmt::format("{} is no regular file", util::printable(path)),
                 "folders, devices and pipes are never read", "name the log itself in logpath");
    }
    const util::Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!fd) {
      const int error = errno;
      if (error == EACCES) {
        return add("log", Verdict::kBroken, fmt::format("{} cannot be read", util::printable(path)),
                   fmt::format("the agent's user {} may not (owner {}, group {}, mode {:o})",
                               util::user_name(::geteuid()), util::user_name(info.st_uid),
                               util::group_name(info.st_gid), info.st_mode & 07777U),
                   remedy_for(path, info, false));
      }
      return add("log", Verdict::kBroken, fmt::format("{} cannot be read", util::printable(path)),
                 util::errno_error(path, error).message(), "see the kernel's log about the disk");
    }
    const auto since_write = std::max(facts_.now - modified(info), std::chrono::microseconds(0));
    const std::string size =
        fmt::format("{} bytes, last written {} ago", info.st_size, age_text(since_write));
    if (const std::string elsewhere = still_written(path, modified(info)); !elsewhere.empty()) {
      add("log", Verdict::kBroken, fmt::format("{}: {}", util::printable(path), size),
          fmt::format("the program still writes to {}: the log was rotated away under it",
                      util::printable(elsewhere)),
          "have the program open its log again after rotation (logrotate: postrotate, or "
          "copytruncate), then restart it once");
    } else if (modified(info) < facts_.started && facts_.now - facts_.started > kQuiet) {
      add("log", Verdict::kNotice, fmt::format("{}: {}", util::printable(path), size),
          fmt::format("it never grew since the agent started {} ago: nothing happened, or the "
                      "program logs elsewhere",
                      age_text(facts_.now - facts_.started)),
          "cause a failure by hand and see whether a line comes; `lsof -p PID` of the program "
          "shows "
          "its log");
    } else {
      add("log", Verdict::kGood, fmt::format("{}: {}", util::printable(path), size));
    }
    position(path, info, since_write);
    tail(path, fd.get(), info);
  }

  // A rolled file that is written to while the log itself is not.
  std::string still_written(const std::string& path, util::WallTime changed) const {
    std::vector<std::string> left_out;
    const std::vector<std::string> siblings = with_rotated(path, &left_out);
    for (const std::string& sibling : siblings) {
      struct stat info{};
      if (sibling != path && !sibling.ends_with(".gz") && ::stat(sibling.c_str(), &info) == 0 &&
          modified(info) > changed + seconds(60)) {
        return sibling;
      }
    }
    return {};
  }

  void position(const std::string& path, const struct stat& info,
                std::chrono::microseconds since_write) {
    const auto stored = history_.position("file", path);
    const auto known = stored ? *stored : std::nullopt;
    if (!known) {
      return add(
          "position", Verdict::kBroken, fmt::format("{} was never read", util::printable(path)),
          stored ? "the agent does not follow it: the configuration was changed and not read, "
                   "or the log came into being a moment ago"
                 : stored.error().message(),
          "`warder reload`; then `warder events --kind source` tells what happens to it");
    }
    const auto record = source::decode_position(known->record);
    if (!record || record->generations.empty()) {
      return add("position", Verdict::kNotice,
                 fmt::format("{}: no line of it was judged yet", util::printable(path)),
                 "it held none when it was first seen", "");
    }
    const std::uint64_t at = record->generations.back().offset;
    const auto size = static_cast<std::uint64_t>(info.st_size);
    if (at < size && since_write > kPositionLag) {
      std::string cause = "the agent is behind, or has lost sight of the file";
      if (facts_.catching_up) {
        cause = "the agent is still reading what was written before it started";
      } else if (ends_in_half_a_line(path, at, size)) {
        cause = "the last line has no line end yet: it is judged when it is complete";
      }
      return add("position", facts_.catching_up ? Verdict::kNotice : Verdict::kBroken,
                 fmt::format("{} of {} bytes wait to be judged since {}", size - at, size,
                             age_text(since_write)),
                 std::move(cause),
                 "`warder status` shows the backlog; if it stays, restart the agent");
    }
    if (at > size) {
      return add("position", Verdict::kNotice,
                 fmt::format("judged up to byte {} of a file that has {} now", at, size),
                 "it was rotated or cut off, and what was read since is noted within seconds");
    }
    add("position", Verdict::kGood, fmt::format("judged up to byte {} of {}", at, size));
  }

  static bool ends_in_half_a_line(const std::string& path, std::uint64_t from, std::uint64_t size) {
    if (size - from > kTail) {
      return false;
    }
    const util::Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    std::string rest(size - from, '\0');
    const ssize_t got = ::pread(fd.get(), rest.data(), rest.size(), static_cast<off_t>(from));
    return got > 0 && rest.find('\n') == std::string::npos;
  }

  // Dates and matches of the last lines, as they stand.
  void tail(const std::string& path, int fd, const struct stat& info) {
    const auto size = static_cast<std::uint64_t>(info.st_size);
    const std::uint64_t from = size > kTail ? size - kTail : 0;
    std::string text(size - from, '\0');
    const ssize_t got = ::pread(fd, text.data(), text.size(), static_cast<off_t>(from));
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    std::vector<std::string_view> lines = util::split(text, '\n');
    if (!lines.empty() && from > 0) {
      lines.erase(lines.begin());  // the rest of a line
    }
    std::erase_if(lines, [](std::string_view line) { return line.empty(); });
    if (lines.empty()) {
      return add("date", Verdict::kSkipped, util::printable(path), "the log has no line", "");
    }
    dates(lines, modified(info));
    const util::SystemClock clock;
    auto trial = Trial::create(facts_.jail.filter, facts_.matcher, clock, {});
    if (!trial) {
      return add("match", Verdict::kBroken, util::printable(path), trial.error().message(), "");
    }
    for (const std::string_view one : lines) {
      model::Line line;
      line.text = one;
      line.received = facts_.now;
      (*trial)->on_line(line);
    }
    matches((*trial)->finish());
  }

  void dates(const std::vector<std::string_view>& lines, util::WallTime written) {
    const auto& text = facts_.jail.filter->text();
    if (!text || !text->dates().expects_date()) {
      return;
    }
    filter::Calendar calendar(facts_.matcher.lines.zone.value_or(filter::TimeZone::system()),
                              facts_.matcher.lines.rules);
    for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
      const auto date = text->dates().find(*line);
      const auto time = date ? calendar.resolve(date->fields, facts_.now) : std::nullopt;
      if (!time) {
        continue;
      }
      const std::string words =
          util::printable(line->substr(date->begin, date->end - date->begin), 40);
      const auto off = std::chrono::round<seconds>(*time - written);
      const seconds zone = kZoneStep * std::llround(static_cast<double>(off.count()) /
                                                    static_cast<double>(kZoneStep.count()));
      if (zone.count() != 0 && std::chrono::abs(off - zone) <= kClockTolerance) {
        return add("date", Verdict::kBroken,
                   fmt::format("'{}' was written at {}", words, util::format_rfc3339(written)),
                   fmt::format(
                       "the log's dates are off by a constant {}{}: they are of another time "
                       "zone than the one they are read in",
                       zone.count() > 0 ? "+" : "-", util::format_duration(std::chrono::abs(zone))),
                   "tell the jail the zone of its log (logtimezone), or have the program write the "
                   "zone with its dates");
      }
      if (off > kClockTolerance) {
        return add("date", Verdict::kBroken,
                   fmt::format("'{}' was written at {}", words, util::format_rfc3339(written)),
                   fmt::format("the date is {} ahead of the time of writing: the clock of the "
                               "program's host is wrong",
                               util::format_duration(off)),
                   "set the clocks of both hosts by NTP");
      }
      return add("date", Verdict::kGood,
                 fmt::format("'{}' is read as {}", words, util::format_rfc3339(*time)));
    }
    const std::string guess_example = util::printable(lines.back(), 60);
    add("date", Verdict::kBroken, fmt::format("no date is found in '{}'", guess_example),
        "the form of the dates is not known: every line counts as happening when it is read",
        "set datepattern in the filter; `warder test` suggests one");
  }

  void matches(const TrialReport& report) {
    const std::uint64_t matched = report.lines - report[LineFate::kMissed];
    if (matched > 0) {
      return add("match", Verdict::kGood,
                 fmt::format("{} of the last {} lines match", matched, report.lines));
    }
    std::uint64_t before = 0;
    for (const std::uint64_t hits : facts_.filter.patterns) {
      before += hits;
    }
    if (before > 0) {
      return add("match", Verdict::kGood,
                 fmt::format("none of the last {} lines, but {} since the agent started",
                             report.lines, before));
    }
    std::string cause = "no line of this log ever matched a pattern since the agent started";
    if (!report.missed.empty()) {
      cause += nearness(report.missed[0]);
    }
    add("match", Verdict::kNotice, fmt::format("none of the last {} lines matches", report.lines),
        std::move(cause),
        fmt::format("nothing may have happened; otherwise `warder test {} LOG` shows where the "
                    "patterns stop",
                    facts_.jail.options.name));
  }

  const JailFacts& facts_;
  store::Reader& history_;
  std::vector<Stage>& stages_;
};

}  // namespace

void check_logs(const JailFacts& facts, const std::string& pattern, store::Reader& history,
                std::vector<Stage>& stages) {
  Check(facts, history, stages).run(pattern);
}

}  // namespace warder::engine
