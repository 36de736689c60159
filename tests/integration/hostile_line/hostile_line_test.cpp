// A line of a megabyte costs what its length says (GHSA-33wh-ccjc-p397: fail2ban took minutes). Not
// the time is looked at but the work: how many bytes are given to searches by RE2, each of which is
// linear in them. The linker puts the counting between this module and RE2.
#include "filter/filter.h"
#include "filter/matcher.h"
#include "hostile.h"

#include <catch2/catch.hpp>
#include <fmt/core.h>
#include <re2/re2.h>
#include <re2/set.h>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

using namespace warder;

namespace {

std::uint64_t g_searched = 0;  // bytes
std::uint64_t g_searches = 0;

}  // namespace

// The names that the linker gives (ld(1), --wrap): not for us to choose.
extern "C" {
// NOLINTBEGIN
bool __real__ZNK3re23RE25MatchERKNS_11StringPieceEmmNS0_6AnchorEPS1_i(const re2::RE2*,
                                                                      const re2::StringPiece&,
                                                                      std::size_t, std::size_t,
                                                                      re2::RE2::Anchor,
                                                                      re2::StringPiece*, int);
bool __wrap__ZNK3re23RE25MatchERKNS_11StringPieceEmmNS0_6AnchorEPS1_i(
    const re2::RE2* self, const re2::StringPiece& text, std::size_t begin, std::size_t end,
    re2::RE2::Anchor anchor, re2::StringPiece* groups, int count) {
  g_searched += end - begin;
  ++g_searches;
  return __real__ZNK3re23RE25MatchERKNS_11StringPieceEmmNS0_6AnchorEPS1_i(self, text, begin, end,
                                                                          anchor, groups, count);
}
bool __real__ZNK3re23RE23Set5MatchERKNS_11StringPieceEPSt6vectorIiSaIiEEPNS1_9ErrorInfoE(
    const re2::RE2::Set*, const re2::StringPiece&, std::vector<int>*, re2::RE2::Set::ErrorInfo*);
bool __wrap__ZNK3re23RE23Set5MatchERKNS_11StringPieceEPSt6vectorIiSaIiEEPNS1_9ErrorInfoE(
    const re2::RE2::Set* self, const re2::StringPiece& text, std::vector<int>* found,
    re2::RE2::Set::ErrorInfo* error) {
  g_searched += text.size();
  ++g_searches;
  return __real__ZNK3re23RE23Set5MatchERKNS_11StringPieceEPSt6vectorIiSaIiEEPNS1_9ErrorInfoE(
      self, text, found, error);
}
// NOLINTEND
}

namespace {

struct Work {
  std::uint64_t bytes = 0;
  std::uint64_t searches = 0;
};

Work work_of(const std::shared_ptr<const filter::Filter>& filter, const std::string& line) {
  filter::MatcherOptions options;
  options.lines.zone = filter::TimeZone();
  auto matcher = filter::Matcher::build({filter}, options);
  REQUIRE(matcher);
  model::Line one;
  one.text = line;
  one.received = util::WallTime(std::chrono::seconds(1'790'000'000));
  testing::Nobody nobody;
  g_searched = 0;
  g_searches = 0;
  (*matcher)->match(one, one.received, nobody);
  return {g_searched, g_searches};
}

std::string repeated(std::string_view text, std::size_t size) {
  std::string result;
  result.reserve(size + text.size());
  while (result.size() < size) {
    result += text;
  }
  return result;
}

// What a line of that filter begins with: the first words of what it must match.
std::vector<std::string> beginnings(const filter::Filter& filter) {
  std::vector<std::string> all{"", "2026-09-21T14:13:20+00:00 host prog[17]: ",
                               "Sep 21 14:13:20 host sshd[17]: Failed password for "};
  for (const filter::Sample& sample : filter.samples()) {
    if (sample.must_match && all.size() < 6) {
      all.push_back(sample.lines.front());
      all.push_back(sample.lines.front().substr(0, sample.lines.front().size() * 2 / 3));
    }
  }
  return all;
}

// The most passes over a line that any search of it takes.
struct Most {
  double passes = 0;
  std::string where;
};

void judge(const std::shared_ptr<const filter::Filter>& filter, Most* most) {
  constexpr std::size_t kSmall = 64U << 10;
  constexpr std::size_t kLarge = 1U << 20;
  for (const std::string& begin : beginnings(*filter)) {
    for (const char* piece : {": a", " from 192.0.2.1 ", "a=b a!c ", "\xc3\xa9: [x] "}) {
      const std::string small = begin + repeated(piece, kSmall);
      const std::string large = begin + repeated(piece, kLarge);
      const Work little = work_of(filter, small);
      const Work much = work_of(filter, large);
      INFO(filter->name() << " on '" << begin << "' and '" << piece
                          << "' again and again: " << little.bytes << " bytes searched of "
                          << small.size() << ", " << much.bytes << " of " << large.size());
      // As many searches, each of the whole: sixteen times the line is sixteen times the work.
      CHECK(much.searches <= little.searches + 8);
      CHECK(much.bytes <= little.bytes * 17 + 4096);
      const double passes = static_cast<double>(much.bytes) / static_cast<double>(large.size());
      if (passes > most->passes) {
        *most = {passes, fmt::format("{} on '{}' and '{}'", filter->name(), begin, piece)};
      }
    }
  }
}

}  // namespace

TEST_CASE("a line of a megabyte costs every filter of ours what its length says") {
  const std::string folder = std::string(WARDER_SOURCE_DIR) + "/filters";
  Most most;
  int filters = 0;
  for (const std::string& name : testing::names_in(folder)) {
    filter::FilterRequest request;
    request.name = name;
    request.folders = {folder};
    if (name == "mariadb" || name == "phpmyadmin") {
      request.parameters = {{"forged-lines", "accepted"}};
    }
    const auto filter = filter::load_filter(request);
    INFO(name);
    REQUIRE(filter);
    judge(*filter, &most);
    ++filters;
  }
  CHECK(filters > 30);
  fmt::print("{} own filters: at most {:.1f} passes over a line ({})\n", filters, most.passes,
             most.where);
}

TEST_CASE("a line of a megabyte costs every stock filter what its length says") {
  const std::string folder = "/etc/fail2ban/filter.d";
  Most most;
  int filters = 0;
  for (const std::string& name : testing::names_in(folder)) {
    filter::FilterRequest request;
    request.name = name;
    request.folders = {folder};
    request.samples = filter::SamplePolicy::kIgnore;
    request.text = {.usedns = filter::UseDns::kLookUp, .ignore = filter::IgnoreScope::kReference};
    const auto filter = filter::load_filter(request);
    if (!filter) {  // files that others include hold no expression
      CHECK(filter.error().message().find("failregex") != std::string::npos);
      continue;
    }
    judge(*filter, &most);
    ++filters;
  }
  CHECK(filters > 80);
  fmt::print("{} stock filters: at most {:.1f} passes over a line ({})\n", filters, most.passes,
             most.where);
}
