#include "filter/lint_twins.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>

namespace warder::filter {
namespace {

constexpr std::size_t kNoPair = static_cast<std::size_t>(-1);

// A readable character of those that both states read.
std::size_t choose_symbol(const Symbols& symbols) {
  constexpr std::string_view kPleasant = "x1 abcdefghijklmnopqrstuvwyz023456789.:";
  for (const char c : kPleasant) {
    if (symbols.has(static_cast<unsigned char>(c))) {
      return static_cast<unsigned char>(c);
    }
  }
  for (std::size_t symbol = '!'; symbol <= '~'; ++symbol) {
    if (symbols.has(symbol)) {
      return symbol;
    }
  }
  for (std::size_t symbol = 0; symbol < Symbols::kCount; ++symbol) {
    if (symbols.has(symbol)) {
      return symbol;
    }
  }
  return 0;
}

std::string_view bytes_of(std::size_t symbol, char& single) {
  if (symbol >= Symbols::kBeyondAscii) {
    return Symbols::kExamples[symbol - Symbols::kBeyondAscii].bytes;
  }
  single = static_cast<char>(symbol);
  return {&single, 1};
}

struct Pair {
  std::uint32_t left;
  std::uint32_t right;
  bool apart;  // before this character
  std::size_t parent;
};

// `Step` decides about one pair of states: nothing when the line is of no use, else whether the
// readings are apart behind it.
template <typename Step>
class Search {
 public:
  Search(const Automaton& left, const Automaton& right, std::size_t most_pairs, Step step)
      : left_(left), right_(right), most_pairs_(most_pairs), step_(step) {}

  TwinSearch run() {
    const std::size_t places = left_.states().size() * right_.states().size() * 2;
    constexpr std::size_t kMostPlaces = std::size_t{1} << 28;  // 32 MiB of bits
    if (places > kMostPlaces) {
      result_.complete = false;
      return std::move(result_);
    }
    seen_.resize(places);
    for (const Automaton::State& state : left_.states()) {
      wanted_.insert(state.ends.begin(), state.ends.end());
    }
    for (const std::uint32_t left : left_.begin()) {
      for (const std::uint32_t right : right_.begin()) {
        push(left, right, false, kNoPair);
      }
    }
    for (std::size_t at = 0; at < pairs_.size() && !wanted_.empty(); ++at) {
      if (at >= most_pairs_) {
        result_.complete = false;
        break;
      }
      visit(at);
    }
    result_.pairs = pairs_.size();
    return std::move(result_);
  }

 private:
  void push(std::uint32_t left, std::uint32_t right, bool apart, std::size_t parent) {
    if (!left_.states()[left].symbols.meets(right_.states()[right].symbols)) {
      return;
    }
    const std::size_t place =
        (std::size_t{left} * right_.states().size() + right) * 2 + (apart ? 1 : 0);
    if (!seen_[place]) {
      seen_[place] = true;
      pairs_.push_back({left, right, apart, parent});
    }
  }

  void visit(std::size_t at) {
    const Pair pair = pairs_[at];
    const Automaton::State& left = left_.states()[pair.left];
    const Automaton::State& right = right_.states()[pair.right];
    const std::optional<bool> apart = step_(left, right, pair.apart);
    if (!apart) {
      return;
    }
    if (*apart && !right.ends.empty()) {
      for (const std::uint32_t pattern : left.ends) {
        if (wanted_.erase(pattern) > 0) {
          report(at, pattern, right.ends.front());
        }
      }
    }
    for (const std::uint32_t next_left : left.next) {
      for (const std::uint32_t next_right : right.next) {
        push(next_left, next_right, *apart, at);
      }
    }
  }

  void report(std::size_t at, std::uint32_t genuine, std::uint32_t taken) {
    std::vector<std::size_t> path;
    for (; at != kNoPair; at = pairs_[at].parent) {
      path.push_back(at);
    }
    TwoReadings readings;
    readings.genuine = genuine;
    readings.taken = taken;
    for (auto step = path.rbegin(); step != path.rend(); ++step) {
      const Automaton::State& left = left_.states()[pairs_[*step].left];
      const Automaton::State& right = right_.states()[pairs_[*step].right];
      char single = 0;
      const std::string_view bytes =
          bytes_of(choose_symbol(left.symbols.both(right.symbols)), single);
      readings.line += bytes;
      readings.genuine_marks.resize(readings.line.size(), left.marks);
      readings.taken_marks.resize(readings.line.size(), right.marks);
    }
    result_.found.push_back(std::move(readings));
  }

  const Automaton& left_;
  const Automaton& right_;
  std::size_t most_pairs_;
  Step step_;
  TwinSearch result_;
  std::vector<bool> seen_;
  std::vector<Pair> pairs_;
  std::set<std::uint32_t> wanted_;
};

}  // namespace

TwinSearch find_twins(const Automaton& genuine, const Automaton& taken, std::size_t most_pairs) {
  const auto step = [](const Automaton::State& left, const Automaton::State& right,
                       bool apart) -> std::optional<bool> {
    return apart || left.marks != right.marks;
  };
  return Search(genuine, taken, most_pairs, step).run();
}

bool can_read(const Automaton& automaton, const std::string& line,
              const std::vector<std::uint8_t>& marks) {
  std::vector<std::uint32_t> here = automaton.begin();
  bool ends = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const std::size_t symbol = static_cast<unsigned char>(line[i]);
    std::set<std::uint32_t> next;
    ends = false;
    for (const std::uint32_t id : here) {
      const Automaton::State& state = automaton.states()[id];
      if (symbol < Symbols::kBeyondAscii && state.symbols.has(symbol) && state.marks == marks[i]) {
        next.insert(state.next.begin(), state.next.end());
        ends = ends || !state.ends.empty();
      }
    }
    here.assign(next.begin(), next.end());
  }
  return ends;
}

TwinSearch find_excuses(const Automaton& genuine, const Automaton& ignored,
                        std::size_t most_pairs) {
  const auto step = [](const Automaton::State& left, const Automaton::State& right,
                       bool apart) -> std::optional<bool> {
    if (!right.around && (left.marks & (kAddressMark | kLengthMark)) != 0) {
      return std::nullopt;
    }
    return apart || (!right.around && left.field);
  };
  return Search(genuine, ignored, most_pairs, step).run();
}

}  // namespace warder::filter
