// Tries to break what the lint calls proven: lines as the program would write them, with fields
// full of pieces of other such lines, must never give another address than the program's.
#include "config/file_reader.h"
#include "filter/lint_automaton.h"
#include "unit/filter/lint_support.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <vector>

using namespace warder::filter;

namespace {

constexpr const char* kGenuine = "203.0.113.9";

// Writes lines of one filter by walking its automaton.
class Writer {
 public:
  explicit Writer(const Automaton& automaton)
      : automaton_(automaton), left_(automaton.states().size(), kNowhere) {
    // How far each state is from an end.
    for (bool changed = true; changed;) {
      changed = false;
      for (std::size_t id = 0; id < left_.size(); ++id) {
        const Automaton::State& state = automaton.states()[id];
        std::size_t left = state.ends.empty() ? kNowhere : 0;
        for (const std::uint32_t next : state.next) {
          left = std::min(left, left_[next] == kNowhere ? kNowhere : left_[next] + 1);
        }
        changed |= left < left_[id];
        left_[id] = std::min(left_[id], left);
      }
    }
  }

  // A line with `address` where the program writes one.
  std::string write(const std::string& address, std::mt19937& random) {
    std::string line;
    std::uint32_t state = pick(automaton_.begin(), random, 0);
    bool in_address = false;
    for (std::size_t steps = 0;; ++steps) {
      const Automaton::State& here = automaton_.states()[state];
      const bool is_address = (here.marks & kAddressMark) != 0;
      if (is_address && !in_address) {
        line += address;
      } else if (here.field && repeats(state) && !donors_.empty() && random() % 3 == 0) {
        add_piece(line, here, random);
      } else if (!is_address) {
        line += character(here, random);
      }
      in_address = is_address;
      if (!here.ends.empty() && (steps > 400 || here.next.empty() || random() % 4 == 0)) {
        break;
      }
      state = pick(here.next, random, steps);
    }
    return line;
  }

  void remember(std::string line) { donors_.push_back(std::move(line)); }

 private:
  static constexpr std::size_t kNowhere = std::numeric_limits<std::size_t>::max();

  std::uint32_t pick(const std::vector<std::uint32_t>& next, std::mt19937& random,
                     std::size_t steps) const {
    std::uint32_t best = next[random() % next.size()];
    for (const std::uint32_t other : next) {
      // Later on the shortest way out.
      if (left_[best] == kNowhere || (steps > 300 && left_[other] < left_[best])) {
        best = other;
      }
    }
    return best;
  }

  // Any number of its characters may follow each other.
  bool repeats(std::uint32_t state) const {
    const std::vector<std::uint32_t>& next = automaton_.states()[state].next;
    return std::find(next.begin(), next.end(), state) != next.end();
  }

  static char character(const Automaton::State& state, std::mt19937& random) {
    while (true) {
      const std::size_t symbol = random() % 4 == 0 ? random() % 128 : 32 + random() % 95;
      if (state.symbols.has(symbol)) {
        return static_cast<char>(symbol);
      }
      for (std::size_t only = 0; only < 128; ++only) {
        if (state.symbols.has(only) && random() % 8 == 0) {
          return static_cast<char>(only);
        }
      }
    }
  }

  // Part of another line, as far as the field takes its characters.
  void add_piece(std::string& line, const Automaton::State& state, std::mt19937& random) const {
    const std::string& donor = donors_[random() % donors_.size()];
    const std::size_t begin = random() % 2 == 0 ? 0 : random() % donor.size();
    const std::size_t size = random() % 2 == 0 ? donor.size() : random() % donor.size();
    for (const char c : donor.substr(begin, size)) {
      if (static_cast<unsigned char>(c) < 128 && state.symbols.has(static_cast<unsigned char>(c))) {
        line += c;
      }
    }
  }

  const Automaton& automaton_;
  std::vector<std::size_t> left_;
  std::vector<std::string> donors_;
};

// The address found instead of the program's, with the line; empty when none of `count` lines is
// read wrongly.
std::string break_filter(const Linted& linted, int count) {
  const Option* prefregex = linted.definition.find("Definition", "prefregex");
  std::optional<RegexTree> prefix;
  if (prefregex != nullptr) {
    prefix = parse_regex(prefregex->value, {}).value();
  }
  std::vector<RegexTree> trees;
  for (const Pattern& pattern : linted.filter->patterns()) {
    trees.push_back(parse_regex(pattern.text, {}).value());
  }
  std::vector<LintPattern> patterns;
  for (std::size_t i = 0; i < trees.size(); ++i) {
    if (!linted.report.patterns[i].accepted) {
      patterns.push_back({i, &trees[i], prefix ? &*prefix : nullptr});
    }
  }
  // Fields that are assumed to keep to their classes do so here.
  const bool all_proven =
      std::all_of(linted.report.patterns.begin(), linted.report.patterns.end(),
                  [](const PatternLint& pattern) { return pattern.safety == Safety::kProven; });
  const Automaton automaton =
      Automaton::build(patterns, all_proven ? Fields::kAnything : Fields::kAsWritten,
                       Addresses::kExact, {})
          .value();
  Writer writer(automaton);
  std::mt19937 random(4711);
  for (int i = 0; i < 40; ++i) {
    writer.remember(writer.write(i % 2 == 0 ? "192.0.2.1" : "2001:db8::1", random));
  }
  for (int i = 0; i < count; ++i) {
    const std::string line = writer.write(kGenuine, random);
    const std::string found = find_address(linted.filter, line);
    // With a prefix length it is a network around the address.
    const auto prefix_found = warder::net::Prefix::parse(found);
    if (prefix_found && !prefix_found->contains(*warder::net::IpAddress::parse(kGenuine))) {
      return found + " in '" + line + "'";
    }
  }
  return "";
}

}  // namespace

TEST_CASE("no random line of a shipped filter gives an address that the program did not write") {
  warder::config::DiskFiles files;
  const auto folder = std::filesystem::path(WARDER_SOURCE_DIR) / "filters";
  std::size_t filters = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    FilterRequest request;
    request.name = file.path().stem().string();
    request.folders = {folder};
    if (file.path().extension() != ".conf") {
      continue;
    }
    if (request.name == "mariadb" || request.name == "phpmyadmin") {
      request.parameters = {{"forged-lines", "accepted"}};
    }
    const Linted linted = lint(request, files);
    if (linted.filter->format() == Format::kText) {
      ++filters;
      INFO(request.name);
      CHECK(break_filter(linted, 300) == "");
    }
  }
  CHECK(filters > 30);
}

TEST_CASE("random lines do break patterns that are not safe") {
  CHECK(break_filter(lint("failregex = ^login of .* from <HOST>\\s\n"), 3000) != "");
  CHECK(break_filter(lint("failregex = login of \\S+ from <HOST>\\s\n"), 3000) != "");
  CHECK(break_filter(lint("failregex = ^login of <F-USER>.*</F-USER> from <HOST>$\n"), 3000) == "");
}
