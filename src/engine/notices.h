#pragma once

#include "engine/recorder.h"
#include "filter/notice.h"
#include "jail/notice.h"
#include "source/notice.h"
#include "util/clock.h"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace warder::engine {

// Turns what sources, filters and jails report into events. What can come with every line is told
// once and then summed up: at most one event a jail and kind in kInterval, and one for all jails
// that read a log together where it is the log that has something. Pipeline thread only.
class Notices {
 public:
  static constexpr std::chrono::minutes kInterval{10};

  Notices(Recorder& recorder, const util::Clock& clock) : recorder_(recorder), clock_(clock) {}

  void source(const source::Notice& notice);
  // What a filter says of a line. With several jails one bad line is one event, without a jail.
  struct Line {
    std::string_view log;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    std::uint64_t number = 0;            // the same for the notices of one line, from 1
    std::span<const std::string> jails;  // that read the log
    std::string_view jail;               // of the filter
  };
  void filter(const Line& line, const filter::Notice& notice);
  void jail(std::string_view jail, const jail::Notice& notice);
  // What looking a finding's name up or asking its jail's ignorecommand comes to.
  enum class Aside : std::uint8_t { kRaw, kLookedUp, kNotFound, kTooMany, kCommand };
  void aside(std::string_view jail, Aside kind, model::Severity severity, std::string text);
  void plain(model::EventKind kind, model::Severity severity, std::string message);
  // The wall clock was set by so much; stored ends of bans move with it.
  void clock_set(std::chrono::microseconds by, std::string message);

 private:
  // Written to the agent's log, and as an event.
  model::Event said(model::EventKind kind, model::Severity severity,
                    const std::string& message) const;
  struct Told {
    util::MonotonicTime at{};
    std::uint64_t since = 0;  // how often it happened since it was told
    std::uint64_t line = 0;   // where it happened last
  };

  // How often it happened since it was last told, when it is to be told now.
  std::optional<std::uint64_t> due(Told& told) const;
  void tell(std::string_view jail, model::Severity severity, std::string text,
            std::string detail = {});

  Recorder& recorder_;
  const util::Clock& clock_;
  std::map<std::pair<std::string, filter::NoticeKind>, Told, std::less<>> told_;
  std::map<std::pair<std::string, Aside>, Told, std::less<>> told_aside_;
};

}  // namespace warder::engine
