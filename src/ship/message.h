#pragma once

#include "model/event.h"
#include "net/address.h"
#include "util/clock.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace warder::ship {

// Many events told as one.
struct Summary {
  struct Kind {
    model::EventKind kind = model::EventKind::kBan;
    std::uint64_t count = 0;
    // Most first; at most kMostNamed, the rest is in `other_jails`.
    std::vector<std::pair<std::string, std::uint64_t>> jails;
    std::uint64_t other_jails = 0;
    // Text of the most severe event of this kind, the first of them.
    std::string example;
  };
  static constexpr std::size_t kMostNamed = 5;
  // One of the events, in its own words.
  struct Line {
    util::WallTime time{};
    model::Severity severity = model::Severity::kInfo;
    std::string jail;
    std::string message;
  };
  static constexpr std::size_t kMostLines = 10;

  util::WallTime from{};
  util::WallTime until{};
  // How long was collected, rounded to seconds.
  std::chrono::seconds window{};
  std::uint64_t total = 0;
  model::Severity severity = model::Severity::kInfo;  // the highest
  std::vector<Kind> kinds;                            // in order of EventKind
  // Most first; at most kMostNamed.
  std::vector<std::pair<net::Prefix, std::uint64_t>> addresses;
  // Too many different addresses came to count each: `addresses` is the best known.
  bool addresses_estimated = false;
  // The most severe that are no findings or bans (of which the counts say it all), most severe
  // first, then in the order of time; at most kMostLines.
  std::vector<Line> worst = {};
  // It waited for the end of quiet hours.
  bool was_held = false;
};

// One thing to tell a destination: an event, or a summary of many.
struct Message {
  // The same for each attempt to deliver the same thing: receivers drop the second copy by it.
  std::string key;
  // The outbox items that are done once this is delivered.
  std::vector<std::uint64_t> items;
  std::variant<model::Event, Summary> what;
  // Place of the event in the history; of the first one for a summary.
  std::uint64_t sequence = 0;

  // Null when it is the other.
  const model::Event* event() const { return std::get_if<model::Event>(&what); }
  model::Event* event() { return std::get_if<model::Event>(&what); }
  const Summary* summary() const { return std::get_if<Summary>(&what); }
  Summary* summary() { return std::get_if<Summary>(&what); }

  model::Severity severity() const {
    return std::visit([](const auto& told) { return told.severity; }, what);
  }
  // Of the event, or the end of what is summed up.
  util::WallTime time() const { return event() != nullptr ? event()->time : summary()->until; }
};

// "DESTINATION-EVENTID" in hexadecimal.
std::string event_key(std::string_view destination, const model::EventId& id);

// "37 bans in 1m: sshd 30, caddy 7; top addresses 203.0.113.9 (5), 203.0.113.7". One line a kind
// when there are several. Of what was held in quiet hours the worst follow, a line each, unless the
// caller shows them otherwise.
enum class Lines : bool { kNo, kYes };
std::string summary_text(const Summary& summary, Lines lines = Lines::kYes);

// One line that says what it is: "ban 203.0.113.9 (sshd)", "firewall", "37 alerts in 1m".
std::string headline(const Message& message);

}  // namespace warder::ship
