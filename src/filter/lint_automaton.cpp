#include "filter/lint_automaton.h"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

namespace warder::filter {
namespace {

// Repetitions up to this often are written out; beyond it they count as without limit.
constexpr int kMostRounds = 24;
// Of closures and copies together, so that no pattern costs more than milliseconds to build.
constexpr std::size_t kMostWork = 4'000'000;

bool is_number(std::size_t symbol) {
  constexpr std::string_view kHex = "0123456789abcdefABCDEF";
  return symbol < Symbols::kBeyondAscii &&
         kHex.find(static_cast<char>(symbol)) != std::string_view::npos;
}

bool is_letter(std::size_t symbol) {
  return (symbol >= 'a' && symbol <= 'z') || (symbol >= 'A' && symbol <= 'Z');
}

void collect(const RegexNode& node, Symbols& symbols) {
  if (node.kind == NodeKind::kClass) {
    symbols.add(Symbols::of(node.chars));
  } else if (node.kind == NodeKind::kBackReference) {
    symbols.add(Symbols::any());
  }
  for (const RegexNode& kid : node.kids) {
    collect(kid, symbols);
  }
}

// Tags that say what a line is for its session; what they hold are the program's own words.
bool is_steering(const std::string& name) {
  return name == "nofail" || name == "mlfforget" || name == "mlfgained" || name == "mlffirst" ||
         name == "mlfecho";
}

bool has_capture(const RegexNode& node) {
  return node.kind == NodeKind::kCapture ||
         std::any_of(node.kids.begin(), node.kids.end(), has_capture);
}

// Is what a tag captures an address and nothing but one, with a prefix length at most?
bool is_plain_address(const RegexNode& node, const RegexTree& tree) {
  if (node.kind == NodeKind::kCapture) {
    const std::string& name = tree.names[node.group];
    return name == "ip4" || name == "ip6" || name == "cidr";
  }
  return has_capture(node) && std::all_of(node.kids.begin(), node.kids.end(), [&](const auto& kid) {
           return !has_capture(kid) || is_plain_address(kid, tree);
         });
}

// RFC 4291, 2.2, without the forms that end in an IPv4 address, which the tags do not match.
const RegexNode& strict_address(bool is_ip4) {
  static const RegexNode ip4 =
      parse_regex(R"((?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\.){3})"
                  R"((?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9]))",
                  {})
          .value()
          .root;
  static const RegexNode ip6 = [] {
    std::string text = "::|(?:H:){7}H|(?:H:){1,7}:|:(?::H){1,7}";
    for (int before = 1; before < 7; ++before) {
      text +=
          "|(?:H:){1," + std::to_string(before) + "}(?::H){1," + std::to_string(7 - before) + "}";
    }
    std::string written;
    for (const char c : text) {
      written += c == 'H' ? std::string("[0-9a-fA-F]{1,4}") : std::string(1, c);
    }
    return parse_regex(written, {}).value().root;
  }();
  return is_ip4 ? ip4 : ip6;
}

bool has_identity(const RegexTree& tree) {
  return std::any_of(tree.names.begin(), tree.names.end(), [](const std::string& name) {
    return (marks_of_group(name) & kAddressMark) != 0;
  });
}

}  // namespace

Symbols Symbols::any() {
  static const Symbols any = [] {
    Symbols symbols;
    for (std::size_t symbol = 0; symbol < kCount; ++symbol) {
      if (symbol != '\n') {
        symbols.add(symbol);
      }
    }
    return symbols;
  }();
  return any;
}

Symbols Symbols::of(const CharClass& chars) {
  Symbols symbols;
  for (std::size_t symbol = 0; symbol < kBeyondAscii; ++symbol) {
    if (symbol != '\n' && chars.matches_ascii(static_cast<unsigned char>(symbol))) {
      symbols.add(symbol);
    }
  }
  if (!chars.beyond_ascii()) {
    return symbols;
  }
  bool some = false;
  for (std::size_t kind = 0; kind < kExamples.size(); ++kind) {
    if (chars.matches(kExamples[kind].character)) {
      symbols.add(kBeyondAscii + kind);
      some = true;
    }
  }
  // Single characters of their own are told from no others of their kind.
  for (std::size_t kind = 0; kind < kExamples.size() && !some; ++kind) {
    symbols.add(kBeyondAscii + kind);
  }
  return symbols;
}

void Symbols::add(const Symbols& other) {
  for (std::size_t i = 0; i < words_.size(); ++i) {
    words_[i] |= other.words_[i];
  }
}

Symbols Symbols::both(const Symbols& other) const {
  Symbols both;
  for (std::size_t i = 0; i < words_.size(); ++i) {
    both.words_[i] = words_[i] & other.words_[i];
  }
  return both;
}

std::uint8_t marks_of_group(const std::string& name) {
  const std::string_view own = name.starts_with("alt_") ? std::string_view(name).substr(4) : name;
  if (own == "ip4" || own == "ip6" || own == "dns" || own == "fid") {
    return kAddressMark;
  }
  if (own == "cidr") {
    return kLengthMark;
  }
  return own == "mlfid" ? kSessionMark : 0;
}

bool is_field(const RegexNode& repeat, bool tagged) {
  if (repeat.kind != NodeKind::kRepeat || repeat.most == 1 || repeat.most == 0) {
    return false;
  }
  const bool endless = repeat.most == kNoLimit || repeat.most > kMostRounds;
  const RegexNode& body = repeat.kids[0];
  if (!endless && body.kind != NodeKind::kClass) {
    return false;
  }
  if (tagged) {
    return true;
  }
  Symbols symbols;
  collect(body, symbols);
  for (std::size_t symbol = 0; symbol < Symbols::kBeyondAscii; ++symbol) {
    if (symbols.has(symbol) && is_letter(symbol) && !is_number(symbol)) {
      return true;
    }
  }
  return false;
}

// Builds patterns from their ends to their begins as nodes with empty steps, then leaves those out.
class AutomatonBuilder {
 public:
  AutomatonBuilder(Fields fields, Addresses addresses, const std::vector<RegexNode>& kept)
      : fields_(fields), addresses_(addresses), kept_(kept) {}

  util::Result<Automaton> run(const std::vector<LintPattern>& patterns) {
    // Patterns of one prefix share what stands before the content, which saves most of the work.
    std::map<const RegexTree*, std::vector<LintPattern>> by_prefix;
    for (const LintPattern& pattern : patterns) {
      by_prefix[pattern.prefix].push_back(pattern);
    }
    std::vector<Id> entries;
    for (const auto& [prefix, group] : by_prefix) {
      const auto content = prefix == nullptr ? 0 : find_content(*prefix);
      if (content > 0) {
        entries.push_back(shared_entry(*prefix, content, group));
        continue;
      }
      for (const LintPattern& pattern : group) {
        entries.push_back(pattern_entry(pattern));
      }
    }
    return finish(entries);
  }

 private:
  using Id = std::uint32_t;
  enum class Kind : std::uint8_t {
    kRead,
    kFork,
    kTextBegin,     // passed only at the begin of the message
    kTextEnd,       // only at its end
    kContentBegin,  // the same of the content
    kContentEnd,
    kOpen,   // the content begins here
    kClose,  // the content ends here
    kEnd,    // of a pattern
  };
  struct Node {
    Kind kind = Kind::kFork;
    Symbols symbols;
    std::uint8_t marks = 0;
    bool field = false;
    bool around = false;
    std::uint32_t pattern = 0;
    std::vector<Id> next;
  };
  // Where in a pattern the builder is.
  struct Within {
    const RegexTree* tree;
    std::uint8_t marks = 0;
    bool tagged = false;
    bool content = false;
    bool tag = false;  // in one that stands for an address
  };

  Id add(Kind kind, std::vector<Id> next) {
    Node node;
    node.kind = kind;
    node.next = std::move(next);
    if (nodes_.size() >= Automaton::kMostStates) {
      too_large_ = true;
      return 0;
    }
    nodes_.push_back(std::move(node));
    return static_cast<Id>(nodes_.size() - 1);
  }

  Id read(const Symbols& symbols, const Within& within, Id next) {
    const Id id = add(Kind::kRead, {next});
    nodes_[id].symbols = symbols;
    nodes_[id].marks = within.marks;
    return id;
  }

  // Anything, any number of times.
  Id anything(std::uint8_t marks, bool around, Id next) {
    const Id fork = add(Kind::kFork, {next});
    const Id loop = add(Kind::kRead, {fork});
    Node& node = nodes_[loop];
    node.symbols = Symbols::any();
    node.marks = marks;
    node.field = true;
    node.around = around;
    nodes_[fork].next.push_back(loop);
    return fork;
  }

  Id pattern_entry(const LintPattern& pattern) {
    const Id end = add(Kind::kEnd, {});
    nodes_[end].pattern = static_cast<std::uint32_t>(pattern.index);
    const Id tail = anything(0, true, end);
    frame_ = false;
    if (pattern.prefix == nullptr) {
      return anything(0, true, build(pattern.tree->root, {pattern.tree}, tail));
    }
    inner_ = pattern.tree;
    frame_is_own_ = !has_identity(*pattern.prefix);
    const Id entry = build(pattern.prefix->root, {pattern.prefix}, tail);
    frame_ = false;
    return anything(0, true, entry);
  }

  // Which kid of the prefix is its content; 0 when that is the first, or stands in a group.
  static std::size_t find_content(const RegexTree& prefix) {
    const std::vector<RegexNode>& kids = prefix.root.kids;
    if (prefix.root.kind != NodeKind::kConcat) {
      return 0;
    }
    for (std::size_t i = 0; i < kids.size(); ++i) {
      if (kids[i].kind == NodeKind::kCapture && prefix.names[kids[i].group] == "content") {
        return i;
      }
    }
    return 0;
  }

  Id shared_entry(const RegexTree& prefix, std::size_t content,
                  const std::vector<LintPattern>& patterns) {
    const std::vector<RegexNode>& kids = prefix.root.kids;
    frame_is_own_ = !has_identity(prefix);
    std::vector<Id> ways;
    for (const LintPattern& pattern : patterns) {
      frame_ = false;
      const Id end = add(Kind::kEnd, {});
      nodes_[end].pattern = static_cast<std::uint32_t>(pattern.index);
      Id next = anything(0, true, end);
      for (std::size_t kid = kids.size(); kid-- > content + 1;) {
        next = build(kids[kid], {&prefix}, next);
      }
      inner_ = pattern.tree;
      ways.push_back(content_entry({&prefix}, next));
    }
    Id entry = add(Kind::kFork, std::move(ways));
    frame_ = frame_is_own_;
    for (std::size_t kid = content; kid-- > 0;) {
      entry = build(kids[kid], {&prefix}, entry);
    }
    frame_ = false;
    return anything(0, true, entry);
  }

  Id content_entry(const Within& outer, Id next) {
    const RegexTree* inner = std::exchange(inner_, nullptr);
    const Id close = add(Kind::kClose, {next});
    const Id tail = anything(0, true, close);
    const Within within{inner, outer.marks, false, true};
    const Id entry = anything(0, true, build(inner->root, within, tail));
    // What stands before the content is the log's own frame.
    frame_ = frame_is_own_;
    return add(Kind::kOpen, {entry});
  }

  bool is_kept(const RegexNode& node) const {
    return std::find(kept_.begin(), kept_.end(), node) != kept_.end();
  }

  Id build(const RegexNode& node, const Within& within, Id next) {
    if (too_large_) {
      return 0;
    }
    switch (node.kind) {
      case NodeKind::kEmpty:
        return next;
      case NodeKind::kClass:
        return read(Symbols::of(node.chars), within, next);
      case NodeKind::kConcat:
        for (auto kid = node.kids.rbegin(); kid != node.kids.rend(); ++kid) {
          next = build(*kid, within, next);
        }
        return next;
      case NodeKind::kAlternate:
      case NodeKind::kConditional: {
        std::vector<Id> ways;
        for (const RegexNode& kid : node.kids) {
          ways.push_back(build(kid, within, next));
        }
        return add(Kind::kFork, std::move(ways));
      }
      case NodeKind::kRepeat:
        return repeat(node, within, next);
      case NodeKind::kCapture:
        return capture(node, within, next);
      case NodeKind::kTag:
        return tag(node, within, next);
      case NodeKind::kAssert:
        return assertion(node, within, next);
      case NodeKind::kBackReference:
        return anything(within.marks, false, next);
    }
    return next;
  }

  Id tag(const RegexNode& node, Within within, Id next) {
    if (addresses_ == Addresses::kCoarse && is_plain_address(node, *within.tree)) {
      return address_run(within, next);
    }
    within.tag = true;
    return build(node.kids[0], within, next);
  }

  // An address in brackets or not.
  Id address_run(Within within, Id next) {
    static const Symbols run = [] {
      Symbols symbols;
      for (const char c : std::string_view("0123456789abcdefABCDEF:./")) {
        symbols.add(static_cast<unsigned char>(c));
      }
      return symbols;
    }();
    Symbols bracket;
    bracket.add(']');
    next = add(Kind::kFork, {read(bracket, within, next), next});
    const Id fork = add(Kind::kFork, {next});
    Within inner = within;
    inner.marks |= kAddressMark;
    const Id loop = read(run, inner, fork);
    nodes_[fork].next.push_back(loop);
    bracket = Symbols();
    bracket.add('[');
    return add(Kind::kFork, {read(bracket, within, loop), loop});
  }

  Id assertion(const RegexNode& node, const Within& within, Id next) {
    switch (node.assertion) {
      case AssertKind::kTextBegin:
        return add(within.content ? Kind::kContentBegin : Kind::kTextBegin, {next});
      case AssertKind::kTextEnd:
      case AssertKind::kVeryEnd:
        return add(within.content ? Kind::kContentEnd : Kind::kTextEnd, {next});
      default:
        return next;
    }
  }

  Id capture(const RegexNode& node, Within within, Id next) {
    const std::string& name = within.tree->names[node.group];
    if (name == "content" && inner_ != nullptr) {
      return content_entry(within, next);
    }
    const std::uint8_t marks = marks_of_group(name);
    within.marks |= marks;
    if (within.tag && (name == "ip4" || name == "ip6")) {
      return build(strict_address(name == "ip4"), within, next);
    }
    within.tagged =
        within.tagged || (!name.empty() && marks == 0 && name != "content" && !is_steering(name));
    return build(node.kids[0], within, next);
  }

  Id repeat(const RegexNode& node, const Within& within, Id next) {
    // An address and the name of a session are the program's to write, and so is the frame.
    const bool field = within.marks == 0 && !frame_ && is_field(node, within.tagged);
    const bool kept = field && is_kept(node);
    if (field && !kept && fields_ == Fields::kAnything) {
      return anything(0, false, next);
    }
    const std::size_t before = nodes_.size();
    const RegexNode& body = node.kids[0];
    const bool endless = node.most == kNoLimit || node.most > kMostRounds;
    Within inner = within;
    inner.tagged = within.tagged && !kept;
    if (endless) {
      const Id fork = add(Kind::kFork, {next});
      const Id loop = build(body, inner, fork);
      nodes_[fork].next.push_back(loop);
      next = fork;
    } else {
      for (int round = node.least; round < node.most; ++round) {
        next = add(Kind::kFork, {build(body, inner, next), next});
      }
    }
    for (int round = 0; round < std::min(node.least, kMostRounds); ++round) {
      next = build(body, inner, next);
    }
    for (std::size_t id = before; field && !kept && id < nodes_.size(); ++id) {
      nodes_[id].field = true;
    }
    return next;
  }

  // What empty steps have found out about the place between two characters.
  struct Flags {
    bool text_begin = false;
    bool text_end = false;
    bool content_begin = false;
    bool content_end = false;
    std::uint64_t bits() const {
      return (text_begin ? 1U : 0U) | (text_end ? 2U : 0U) | (content_begin ? 4U : 0U) |
             (content_end ? 8U : 0U);
    }
  };

  // Goes on by empty steps: the nodes that read, and the patterns that may end.
  void close_over(Id from, Flags flags, std::unordered_set<std::uint64_t>& seen,
                  std::vector<Id>& reads, std::vector<std::uint32_t>& ends) {
    std::vector<std::pair<Id, Flags>> open{{from, flags}};
    while (!open.empty() && !too_large_) {
      const auto [id, at] = open.back();
      open.pop_back();
      if (!seen.insert(std::uint64_t{id} << 4 | at.bits()).second) {
        continue;
      }
      too_large_ = ++work_ > kMostWork;
      const Node& node = nodes_[id];
      Flags then = at;
      switch (node.kind) {
        case Kind::kRead:
          if (!at.text_end && !at.content_end) {
            reads.push_back(id);
          }
          continue;
        case Kind::kEnd:
          ends.push_back(node.pattern);
          continue;
        case Kind::kTextBegin:
          if (!at.text_begin) {
            continue;
          }
          break;
        case Kind::kContentBegin:
          if (!at.content_begin) {
            continue;
          }
          break;
        case Kind::kTextEnd:
          then.text_end = true;
          break;
        case Kind::kContentEnd:
          then.content_end = true;
          break;
        case Kind::kOpen:
          then.content_begin = true;
          then.content_end = false;
          break;
        case Kind::kClose:
          then.content_begin = false;
          then.content_end = false;
          break;
        case Kind::kFork:
          break;
      }
      for (const Id next : node.next) {
        open.emplace_back(next, then);
      }
    }
  }

  util::Result<Automaton> finish(const std::vector<Id>& entries) {
    Automaton automaton;
    std::vector<Id> state_of(nodes_.size(), 0);
    std::vector<Id> node_of;
    for (Id id = 0; id < nodes_.size(); ++id) {
      if (nodes_[id].kind == Kind::kRead) {
        state_of[id] = static_cast<Id>(node_of.size());
        node_of.push_back(id);
      }
    }
    automaton.states_.resize(node_of.size());
    const auto to_states = [&](std::vector<Id>& reads) {
      std::sort(reads.begin(), reads.end());
      reads.erase(std::unique(reads.begin(), reads.end()), reads.end());
      for (Id& id : reads) {
        id = state_of[id];
      }
      return std::move(reads);
    };
    std::unordered_set<std::uint64_t> seen;
    std::vector<Id> reads;
    std::vector<std::uint32_t> ends;
    for (const Id entry : entries) {
      Flags flags;
      flags.text_begin = true;
      close_over(entry, flags, seen, reads, ends);
    }
    automaton.begin_ = to_states(reads);
    for (std::size_t index = 0; index < node_of.size() && !too_large_; ++index) {
      const Node& node = nodes_[node_of[index]];
      Automaton::State& state = automaton.states_[index];
      state.symbols = node.symbols;
      state.marks = node.marks;
      state.field = node.field;
      state.around = node.around;
      seen.clear();
      reads.clear();
      close_over(node.next[0], {}, seen, reads, state.ends);
      state.next = to_states(reads);
      std::sort(state.ends.begin(), state.ends.end());
      state.ends.erase(std::unique(state.ends.begin(), state.ends.end()), state.ends.end());
    }
    if (too_large_) {
      return util::Error(util::ErrorCode::kInvalid, "the patterns are too large to be analysed");
    }
    return automaton;
  }

  Fields fields_;
  Addresses addresses_;
  const std::vector<RegexNode>& kept_;
  std::vector<Node> nodes_;
  const RegexTree* inner_ = nullptr;
  bool frame_is_own_ = false;
  bool frame_ = false;
  bool too_large_ = false;
  std::size_t work_ = 0;
};

util::Result<Automaton> Automaton::build(const std::vector<LintPattern>& patterns, Fields fields,
                                         Addresses addresses, const std::vector<RegexNode>& kept) {
  return AutomatonBuilder(fields, addresses, kept).run(patterns);
}

}  // namespace warder::filter
