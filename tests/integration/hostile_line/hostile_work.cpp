// hostile_work: has filters judge lines that an attacker would write, each in two lengths, under
// callgrind, which is told the name of each; hostile_work_test.py reads what it counted. One kind
// of run puts a pass into each line that no filter would be let have, to show that it is found.
#include "filter/filter.h"
#include "filter/matcher.h"
#include "hostile.h"

#include <fmt/core.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <valgrind/callgrind.h>
#include <vector>

using namespace warder;

namespace {

// Both longer than what RE2 searches in another, faster way (256 Kbit a text and program), and than
// what a window of lines keeps whole (32 KiB): it is searched whenever a line is not.
constexpr std::size_t kShort = 33U << 10;
constexpr std::size_t kLong = 4 * kShort;
constexpr std::size_t kLongest = 1U << 20;
// Lines of a sample log that are taken; some have hundreds.
constexpr std::size_t kMostOfALog = 3;
constexpr std::string_view kPieces[] = {
    ": a",      " from 192.0.2.1 ",     "\xc3\xa9: [x] ", "[",          "<", " ", "\\\"", "{\"a\":",
    "\"a\":1,", "2026-09-21T14:13:20 ", "Sep 21 14:1 ",   "179000000. "};

struct Frame {
  std::string begin;
  std::string end;
};

std::string line(const Frame& frame, std::string_view piece, std::size_t size) {
  std::string text = frame.begin;
  while (text.size() < size) {
    text += piece;
  }
  return text + frame.end;
}

// For each of the first places of a line, all of the line behind it once more: what a search that
// begins anew wherever it failed costs. `places` in the thousand, as few as such an oversight would
// have.
std::size_t quadratic_pass(std::string_view text, std::size_t places) {
  std::size_t found = 0;
  for (std::size_t place = 0; place < text.size() * places / 1000; ++place) {
    found += text.substr(place).find('\x01') == std::string_view::npos ? 0 : 1;
  }
  return found;
}

// In the thousand, see quadratic_pass(); 0 in all runs but the one that must be found.
std::size_t g_quadratic_places = 0;

void judge(filter::Matcher& matcher, const std::string& text, const std::string& name) {
  model::Line one;
  one.text = text;
  one.received = util::WallTime(std::chrono::seconds(1'790'000'000));
  testing::Nobody nobody;
  // What is compiled when a line first needs it, and an automaton's states, are not this line's.
  matcher.match(one, one.received, nobody);
  CALLGRIND_ZERO_STATS;
  matcher.match(one, one.received, nobody);
  if (quadratic_pass(text, g_quadratic_places) > 0) {
    fmt::print(stderr, "the lines hold no such character\n");
  }
  CALLGRIND_DUMP_STATS_AT(name.c_str());
}

void judge(filter::Matcher& matcher, const std::string& who, const std::vector<Frame>& frames) {
  for (std::size_t frame = 0; frame < frames.size(); ++frame) {
    for (std::size_t piece = 0; piece < std::size(kPieces); ++piece) {
      const std::string name = fmt::format("{} {} {}", who, frame, piece);
      judge(matcher, line(frames[frame], kPieces[piece], kShort), name + " short");
      judge(matcher, line(frames[frame], kPieces[piece], kLong), name + " long");
    }
  }
}

// A few lines of a megabyte, as they cost most: what GHSA-33wh-ccjc-p397 has, the same beyond
// ASCII, and runs of what each filter looks for, one after the other.
void judge_longest(filter::Matcher& matcher, const std::vector<std::string>& samples) {
  std::string runs;
  for (const std::string& sample : samples) {
    for (int copy = 0; copy < 4; ++copy) {
      runs += sample.substr(0, sample.size() * 2 / 3);
    }
  }
  const Frame frame{"2026-09-21T14:13:20+00:00 host sshd[17]: Failed password for ", ""};
  for (const auto& [name, piece] : {std::pair<std::string, std::string>{"colons", ": a"},
                                    {"beyond ASCII", "\xc3\xa9: [x] "},
                                    {"runs", runs}}) {
    judge(matcher, line(frame, piece, kLongest / 4), name + " short");
    judge(matcher, line(frame, piece, kLongest), name + " long");
  }
}

// The first lines of a filter that are to match: its own samples, or else those of a sample log of
// fail2ban's that is named like it (reference/fail2ban-compat.md 22).
std::vector<std::string> lines_for(const filter::Filter& filter,
                                   const std::filesystem::path& logs) {
  std::vector<std::string> lines;
  for (const filter::Sample& sample : filter.samples()) {
    lines.push_back(sample.lines.front());
  }
  std::ifstream log(logs / filter.name());
  for (std::string text; lines.size() < kMostOfALog && std::getline(log, text);) {
    if (!text.empty() && text.front() != '#') {
      lines.push_back(text);
    }
  }
  return lines;
}

}  // namespace

// FOLDER together|apart|quadratic|longest|longest-quadratic [LOGS]: the filters of a folder in one
// matcher, as in a log that all of them read, or each by itself in lines that begin or end as its
// samples do, or as lines of its sample log in LOGS; `quadratic` is `apart` with a pass of that
// kind in each line; `longest` is `together`, in lines of a megabyte, and `longest-quadratic` that
// with such a pass.
int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) {
    return 2;
  }
  const std::filesystem::path logs = argc == 4 ? argv[3] : "";
  const std::string_view how = argv[2];
  g_quadratic_places = how == "quadratic" ? 100 : how == "longest-quadratic" ? 10 : 0;
  const std::string folder = argv[1];
  const bool longest = how.starts_with("longest");
  const bool together = longest || how == "together";
  filter::MatcherOptions options;
  options.lines.zone = filter::TimeZone();
  std::vector<std::shared_ptr<const filter::Filter>> all;
  std::vector<std::string> samples;
  for (const std::string& name : testing::names_in(folder)) {
    filter::FilterRequest request;
    request.folders = {folder};
    request.name = name;
    request.samples = filter::SamplePolicy::kIgnore;
    request.text = {.usedns = filter::UseDns::kLookUp,
                    .ignore = filter::IgnoreScope::kReference,
                    .unknown_tags = filter::UnknownTags::kText};
    const auto filter = filter::load_filter(request);
    if (!filter) {  // files that others include hold no expression
      continue;
    }
    all.push_back(*filter);
    const std::vector<std::string> lines = lines_for(**filter, logs);
    samples.insert(samples.end(), lines.begin(), lines.end());
    if (together) {
      continue;
    }
    std::vector<Frame> frames;
    for (const std::string& text : lines) {
      frames.push_back({text.substr(0, text.size() * 2 / 3), text.substr(text.size() * 2 / 3)});
      frames.push_back({text, ""});
    }
    judge(**filter::Matcher::build({*filter}, options), name, frames);
  }
  if (longest) {
    judge_longest(**filter::Matcher::build(all, options), samples);
  } else if (together) {
    judge(**filter::Matcher::build(all, options), "all",
          {{"", ""}, {"2026-09-21T14:13:20+00:00 host sshd[17]: ", ""}});
  }
  fmt::print("{} filters\n", all.size());
  return 0;
}
