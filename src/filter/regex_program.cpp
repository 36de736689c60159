#include "filter/regex_program.h"

#include "filter/guard.h"
#include "filter/marked_text.h"
#include "filter/regex.h"
#include "filter/regex_loops.h"
#include "filter/regex_rewrite.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <string>
#include <tuple>
#include <utility>

namespace warder::filter {
namespace {

// Groups of a form: those of the tree, some in several branches, and those for checks.
constexpr std::size_t kMostFormGroups = 200;
// An expression this small is compiled when a line first comes to it, because RE2 cannot refuse it:
// it allows over 40,000 instructions in kRegexMemory, and counts that multiply to 1,000.
constexpr RegexWeight kNeverRefused{20'000, 1'000, kMostFormGroups - 1};

using Places = std::vector<bool>;

// A form and what RE2 made of it; made when first asked for.
struct Compiled {
  std::once_flag once;
  RegexForm form;
  std::unique_ptr<re2::RE2> regex;  // null: RE2 refused it
};

// What a form's groups took, by number in the form.
using FormMatch = std::array<re2::StringPiece, kMostFormGroups>;

bool run(const Compiled& compiled, std::string_view text, FormMatch& groups) {
  return compiled.regex->Match(re2::StringPiece(text.data(), text.size()), 0, text.size(),
                               re2::RE2::UNANCHORED, groups.data(),
                               static_cast<int>(compiled.form.groups.size()));
}

bool is_ascii(std::string_view text) {
  std::uint64_t high = 0;
  std::size_t at = 0;
  for (; at + sizeof(high) <= text.size(); at += sizeof(high)) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, sizeof(word));
    high |= word;
  }
  for (; at < text.size(); ++at) {
    high |= static_cast<unsigned char>(text[at]);
  }
  return (high & 0x8080808080808080U) == 0;
}

bool equal_texts(std::string_view a, std::string_view b, bool fold) {
  return fold ? std::equal(a.begin(), a.end(), b.begin(), b.end(),
                           [](char x, char y) {
                             const auto lower = [](char c) {
                               return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
                             };
                             return lower(x) == lower(y);
                           })
              : a == b;
}

bool has_folding_reference(const RegexNode& node) {
  return (node.kind == NodeKind::kBackReference && node.fold) ||
         std::any_of(node.kids.begin(), node.kids.end(), has_folding_reference);
}

}  // namespace

// A reference that holds something else than its group.
struct BrokenReference {
  std::size_t group = 0;
  std::size_t begin = 0;  // in the subject
};

struct RegexProgram::Parts {
  RegexTree tree;
  // What is ahead or behind, to look at after a match of the plain form.
  std::vector<RegexNode> looks;
  std::vector<std::unique_ptr<re2::RE2>> look_regexes;
  // What the marked forms ask for.
  std::vector<RegexNode> guard_nodes;
  std::vector<Guard> guards;
  std::vector<std::size_t> referenced;
  bool fold_references = false;
  std::array<Compiled, 2> plain;  // by RegexText: kAscii, kUtf8
  std::array<Compiled, 2> marked;
  std::array<Compiled, 2> steered;  // with marks for references
  std::atomic<std::uint64_t> gave_up{0};

  Compiled& plain_form(RegexText text) {
    Compiled& compiled = plain[text == RegexText::kAscii ? 0 : 1];
    std::call_once(compiled.once,
                   [&] { compile_form(compiled, print_plain(tree, looks, text), text); });
    return compiled;
  }
  Compiled& marked_form(RegexText text, Steering steering) {
    Compiled& compiled =
        (steering == Steering::kYes ? steered : marked)[text == RegexText::kAscii ? 0 : 1];
    std::call_once(compiled.once, [&] {
      compile_form(compiled, print_marked(tree, guard_nodes, text, steering), text);
    });
    return compiled;
  }
  static void compile_form(Compiled& compiled, RegexForm form, RegexText text) {
    compiled.form = std::move(form);
    if (compiled.form.groups.size() > kMostFormGroups) {
      return;
    }
    auto regex = compile_regex(compiled.form.regex, text);
    if (regex) {
      compiled.regex = std::move(regex).value();
    }
  }

  // Are the guards kept by the match of the plain form? False where that cannot be seen from it.
  bool keeps_guards(const RegexForm& form, const FormMatch& groups, std::string_view text) const {
    const auto begin_of = [&](const re2::StringPiece& group) {
      return static_cast<std::size_t>(group.data() - text.data());
    };
    for (std::size_t number = 1; number < form.groups.size(); ++number) {
      const FormGroup& group = form.groups[number];
      if (group.role == FormGroup::Role::kPlace && groups[number].data() != nullptr &&
          !holds_from_to(group.number, text, begin_of(groups[number]), begin_of(groups[number]))) {
        return false;
      }
    }
    return std::all_of(form.rounds.begin(), form.rounds.end(), [&](const RoundsCheck& check) {
      const re2::StringPiece& rounds = groups[check.form_group];
      if (rounds.data() == nullptr || rounds.empty() || rounds.size() < check.head + check.tail) {
        // No round at all; a round that takes nothing asks at its begin.
        return rounds.data() == nullptr || check.head + check.tail > 0 ||
               holds_from_to(check.guard, text, begin_of(rounds), begin_of(rounds));
      }
      return holds_from_to(check.guard, text, begin_of(rounds) + check.head,
                           begin_of(rounds) + rounds.size() - check.tail);
    });
  }

  // Does the look hold at all places from `first` to `last`?
  bool holds_from_to(std::size_t look, std::string_view text, std::size_t first,
                     std::size_t last) const {
    const RegexNode& node = looks[look];
    if (node.assertion != AssertKind::kAhead || (!node.negative && first != last)) {
      return false;
    }
    const re2::RE2& regex = *look_regexes[look];
    re2::StringPiece found;
    const bool one = first == last;
    const bool any =
        regex.Match(re2::StringPiece(text.data(), text.size()), first, text.size(),
                    one ? re2::RE2::ANCHOR_START : re2::RE2::UNANCHORED, &found, one ? 0 : 1);
    if (one) {
      return any != node.negative;
    }
    return !any || static_cast<std::size_t>(found.data() - text.data()) > last;
  }

  // The groups of the tree, with `place` giving where a place of the searched text is in the
  // subject.
  template <typename Place>
  Match to_match(const RegexForm& form, const FormMatch& groups, const char* begin,
                 const Place& place) const {
    Match match(tree.names.size());
    for (std::size_t number = 0; number < form.groups.size(); ++number) {
      const FormGroup& group = form.groups[number];
      if (group.role == FormGroup::Role::kGroup && groups[number].data() != nullptr) {
        const auto at = static_cast<std::size_t>(groups[number].data() - begin);
        const Span span{place(at), place(at + groups[number].size())};
        // Of several places of a group in the expression, the one that came last.
        std::optional<Span>& last = match[group.number];
        if (!last || std::tie(last->begin, last->end) < std::tie(span.begin, span.end)) {
          last = span;
        }
      }
    }
    return match;
  }

  // Do the references say what their groups do?
  // `broken` tells of the first that does not, which group it asks for and where it stands.
  template <typename Place>
  bool keeps_references(const RegexForm& form, const FormMatch& groups, const char* begin,
                        const Place& place, const Match& match, std::string_view text,
                        BrokenReference* broken = nullptr) const {
    for (std::size_t number = 1; number < form.groups.size(); ++number) {
      const FormGroup& group = form.groups[number];
      if (group.role != FormGroup::Role::kReference || groups[number].data() == nullptr) {
        continue;
      }
      const std::optional<Span>& original = match[group.number];
      const auto at = static_cast<std::size_t>(groups[number].data() - begin);
      const std::size_t from = place(at);
      const std::size_t to = place(at + groups[number].size());
      if (!original || !equal_texts(text.substr(original->begin, original->end - original->begin),
                                    text.substr(from, to - from), fold_references)) {
        if (broken != nullptr) {
          *broken = {group.number, from};
        }
        return false;
      }
    }
    return true;
  }

  // `first`: the match of the plain form, when it keeps the guards and breaks a reference only.
  std::optional<Match> search_marked(const Subject& subject, std::optional<Match> first = {});
};

namespace {

// Where groups and their references may be: the marks that steer the search (ReferenceMark).
class SteeringMarks {
 public:
  SteeringMarks(const Subject& subject, std::size_t groups, bool fold)
      : subject_(subject), fold_(fold) {
    for (std::size_t at = 0; at < subject.text.size();) {
      places_.push_back(at);
      at += std::max<std::size_t>(decode_utf8(subject.text, at).second, 1);
    }
    places_.push_back(subject.text.size());
    free_.resize(groups, Places(places_.size(), true));
    allowed_.resize(groups, Places(places_.size(), true));
    bound_.resize(groups);
  }

  // Everything goes but for what was excluded.
  void append_open(std::vector<Places>& holds) const {
    const Places all(places_.size(), true);
    for (std::size_t group = 0; group < free_.size(); ++group) {
      Places begin(places_.size(), false);
      Places free = free_[group];
      if (const std::optional<std::size_t>& bound = bound_[group]) {
        begin[*bound] = true;
        free[*bound] = false;
      }
      holds.insert(holds.end(), {std::move(free), std::move(begin), allowed_[group], all, all});
    }
  }

  // The groups stay where `match` has them, and their references are where their texts stand.
  void append_fixed(std::vector<Places>& holds, const std::vector<std::size_t>& groups,
                    const RegexProgram::Match& match) const {
    for (const std::size_t group : groups) {
      const Places none(places_.size(), false);
      Places begin = none;
      Places end = none;
      Places reference_begin = none;
      Places reference_end = none;
      if (const std::optional<Span>& span = match[group]) {
        begin[number_of(span->begin)] = true;
        end[number_of(span->end)] = true;
        find_text(subject_.text.substr(span->begin, span->end - span->begin), reference_begin,
                  reference_end);
      }
      holds.insert(holds.end(), {none, std::move(begin), std::move(end), std::move(reference_begin),
                                 std::move(reference_end)});
    }
  }

  // Of what append_fixed() appended: the references to one group stand at one place only. Its text
  // may stand so close together that a reference went from one begin to another's end. False when
  // it does not stand there.
  bool narrow(std::vector<Places>& holds, const std::vector<std::size_t>& groups,
              const RegexProgram::Match& match, const BrokenReference& broken) const {
    const auto index = static_cast<std::size_t>(
        std::find(groups.begin(), groups.end(), broken.group) - groups.begin());
    const std::optional<Span>& span = match[broken.group];
    const std::size_t end =
        span ? broken.begin + span->end - span->begin : subject_.text.size() + 1;
    if (index == groups.size() || end > subject_.text.size()) {
      return false;
    }
    const std::size_t first = holds.size() - kReferenceMarks * (groups.size() - index);
    Places& begins = holds[first + 3];
    Places& ends = holds[first + 4];
    const bool stands = begins[number_of(broken.begin)] && ends[number_of(end)];
    begins.assign(places_.size(), false);
    ends.assign(places_.size(), false);
    begins[number_of(broken.begin)] = true;
    ends[number_of(end)] = true;
    return stands;
  }

  // No more the group where `match` has it. False when its begin was left before.
  bool exclude(std::size_t index, std::size_t group, const RegexProgram::Match& match) {
    const std::optional<Span>& span = match[group];
    if (!span) {
      return false;
    }
    const std::size_t begin = number_of(span->begin);
    std::optional<std::size_t>& bound = bound_[index];
    if (bound != begin) {
      if (bound) {
        free_[index][*bound] = false;
      }
      if (!free_[index][begin]) {
        return false;
      }
      bound = begin;
      allowed_[index].assign(places_.size(), true);
    }
    allowed_[index][number_of(span->end)] = false;
    return true;
  }

 private:
  std::size_t number_of(std::size_t place) const {
    return static_cast<std::size_t>(std::lower_bound(places_.begin(), places_.end(), place) -
                                    places_.begin());
  }

  // Knuth, Morris and Pratt: the text may overlap itself at every place of the subject, and both
  // are a stranger's.
  void find_text(std::string_view text, Places& begin, Places& end) const {
    if (text.empty()) {
      begin.flip();
      end.flip();
      return;
    }
    const auto equal = [this](char a, char b) {
      return equal_texts(std::string_view(&a, 1), std::string_view(&b, 1), fold_);
    };
    // How much of the text is left matching when the next character does not.
    std::vector<std::size_t> shorter(text.size(), 0);
    for (std::size_t at = 1, matching = 0; at < text.size(); ++at) {
      while (matching > 0 && !equal(text[at], text[matching])) {
        matching = shorter[matching - 1];
      }
      matching += equal(text[at], text[matching]) ? 1 : 0;
      shorter[at] = matching;
    }
    const std::string_view all = subject_.text;
    for (std::size_t at = 0, matching = 0; at < all.size(); ++at) {
      while (matching > 0 && !equal(all[at], text[matching])) {
        matching = shorter[matching - 1];
      }
      matching += equal(all[at], text[matching]) ? 1 : 0;
      if (matching == text.size()) {
        begin[number_of(at + 1 - text.size())] = true;
        end[number_of(at + 1)] = true;
        matching = shorter[matching - 1];
      }
    }
  }

  const Subject& subject_;
  bool fold_;
  std::vector<std::size_t> places_;
  std::vector<Places> free_;
  std::vector<Places> allowed_;
  std::vector<std::optional<std::size_t>> bound_;
};

}  // namespace

std::optional<RegexProgram::Match> RegexProgram::Parts::search_marked(const Subject& subject,
                                                                      std::optional<Match> first) {
  const std::u32string characters = decode_text(subject.text);
  std::vector<Places> fixed;
  fixed.reserve(guards.size());
  for (const Guard& guard : guards) {
    fixed.push_back(guard.holds(characters));
  }
  FormMatch groups;
  bool references = false;
  BrokenReference broken;
  const auto attempt = [&](const std::vector<Places>& holds,
                           Steering steering) -> std::optional<Match> {
    const Compiled& compiled = marked_form(subject.kind, steering);
    if (compiled.regex == nullptr) {
      ++gave_up;
      return std::nullopt;
    }
    const MarkedText text(subject.text, holds, subject.kind, compiled.form.asks);
    if (!run(compiled, text.text(), groups)) {
      return std::nullopt;
    }
    const char* begin = text.text().data();
    const auto place = [&text](std::size_t at) { return text.place(at); };
    Match match = to_match(compiled.form, groups, begin, place);
    references =
        keeps_references(compiled.form, groups, begin, place, match, subject.text, &broken);
    return match;
  };
  if (referenced.empty()) {
    return attempt(fixed, Steering::kNo);
  }
  SteeringMarks marks(subject, referenced.size(), fold_references);
  for (int tries = 0; tries < kMostTries; ++tries) {
    std::vector<Places> holds = fixed;
    std::optional<Match> match = std::exchange(first, std::nullopt);
    if (!match) {
      // Nothing is excluded yet the first time, and nothing need be marked.
      if (tries > 0) {
        marks.append_open(holds);
      }
      match = attempt(holds, tries > 0 ? Steering::kYes : Steering::kNo);
      if (!match || references) {
        return match;
      }
      holds = fixed;
    }
    marks.append_fixed(holds, referenced, *match);
    auto held = attempt(holds, Steering::kYes);
    if (held && !references && marks.narrow(holds, referenced, *match, broken)) {
      held = attempt(holds, Steering::kYes);
    }
    if (held && references) {
      return held;
    }
    if (!marks.exclude(referenced.size() - 1, referenced.back(), *match)) {
      break;
    }
  }
  ++gave_up;
  return std::nullopt;
}

RegexProgram::RegexProgram(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
RegexProgram::RegexProgram(RegexProgram&&) noexcept = default;
RegexProgram& RegexProgram::operator=(RegexProgram&&) noexcept = default;
RegexProgram::~RegexProgram() = default;

const RegexTree& RegexProgram::tree() const { return parts_->tree; }

bool RegexProgram::has_trials() const { return !parts_->referenced.empty(); }

std::uint64_t RegexProgram::gave_up() const { return parts_->gave_up; }

util::Result<RegexProgram> RegexProgram::compile(RegexTree tree) {
  auto parts = std::make_unique<Parts>();
  WARDER_RETURN_IF_ERROR(resolve_references(tree));
  WARDER_RETURN_IF_ERROR(fill_rounds(tree));
  parts->tree = std::move(tree);
  const RegexNode& root = parts->tree.root;
  parts->referenced = find_referenced(root);
  parts->fold_references = has_folding_reference(root);
  parts->looks = find_guards(root, GuardScope::kLooks);
  parts->guard_nodes = find_guards(root, GuardScope::kAndBorders);
  if (parts->guard_nodes.size() + kReferenceMarks * parts->referenced.size() > kMostGuards) {
    return util::Error(util::ErrorCode::kInvalid,
                       "it looks around or back in too many ways; write several expressions");
  }
  for (const RegexNode& node : parts->guard_nodes) {
    WARDER_ASSIGN_OR_RETURN(Guard guard, Guard::compile(node));
    parts->guards.push_back(std::move(guard));
  }
  for (const RegexNode& node : parts->looks) {
    RegexTree inner;
    inner.root = node.kids[0];
    inner.names.resize(parts->tree.names.size());
    WARDER_ASSIGN_OR_RETURN(
        auto regex,
        compile_regex(print_plain(inner, {}, RegexText::kAscii).regex, RegexText::kAscii));
    parts->look_regexes.push_back(std::move(regex));
  }
  // Many filters of a host never see a line that they could match, and compiling is most of the
  // cost of loading one.
  const RegexWeight weight = weigh(root);
  if (parts->guards.empty() && weight.instructions <= kNeverRefused.instructions &&
      weight.rounds <= kNeverRefused.rounds && weight.groups <= kNeverRefused.groups) {
    return RegexProgram(std::move(parts));
  }
  Compiled& plain = parts->plain_form(RegexText::kAscii);
  if (plain.form.groups.size() > kMostFormGroups) {
    return util::Error(util::ErrorCode::kInvalid,
                       "it has too many groups; write (?:...) for those nobody asks for");
  }
  if (plain.regex == nullptr) {
    const auto regex = compile_regex(plain.form.regex, RegexText::kAscii);
    return util::Error(util::ErrorCode::kInvalid,
                       regex ? "RE2 refuses it" : regex.error().message());
  }
  return RegexProgram(std::move(parts));
}

std::optional<RegexProgram::Match> RegexProgram::search(const Subject& subject) const {
  Parts& parts = *parts_;
  if (subject.kind == RegexText::kUtf8 && !parts.guards.empty()) {
    return parts.search_marked(subject);
  }
  const Compiled& compiled = parts.plain_form(subject.kind);
  FormMatch groups;
  if (compiled.regex == nullptr) {
    ++parts.gave_up;
    return std::nullopt;
  }
  if (!run(compiled, subject.text, groups)) {
    return std::nullopt;
  }
  const char* begin = subject.text.data();
  const auto place = [](std::size_t at) { return at; };
  if (!parts.keeps_guards(compiled.form, groups, subject.text)) {
    return parts.search_marked(subject);
  }
  Match match = parts.to_match(compiled.form, groups, begin, place);
  if (!parts.keeps_references(compiled.form, groups, begin, place, match, subject.text)) {
    return parts.search_marked(subject, std::move(match));
  }
  return match;
}

bool RegexProgram::matches(const Subject& subject) const {
  const Parts& parts = *parts_;
  if (parts.looks.empty() && parts.referenced.empty() &&
      (subject.kind == RegexText::kAscii || parts.guards.empty())) {
    const re2::RE2* regex = parts_->plain_form(subject.kind).regex.get();
    if (regex == nullptr) {
      ++parts_->gave_up;
      return false;
    }
    return regex->Match(re2::StringPiece(subject.text.data(), subject.text.size()), 0,
                        subject.text.size(), re2::RE2::UNANCHORED, nullptr, 0);
  }
  return search(subject).has_value();
}

Subject make_subject(std::string_view before, std::string_view behind, std::string& buffer) {
  buffer.clear();
  if (is_ascii(before) && is_ascii(behind)) {
    buffer.append(before).append(behind);
    buffer += '\n';
    return {buffer, RegexText::kAscii};
  }
  for (const std::string_view text : {before, behind}) {
    for (std::size_t at = 0; at < text.size();) {
      const auto [c, length] = decode_utf8(text, at);
      if (length == 0 || c >= kFirstMark) {
        append_utf8(buffer, 0xFFFD);
      } else {
        buffer += text.substr(at, length);
      }
      at += std::max<std::size_t>(length, 1);
    }
  }
  buffer += '\n';
  return {buffer, RegexText::kUtf8};
}

void fold_subject(const Subject& subject, std::string& buffer) {
  buffer.clear();
  for (const char c : subject.text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      buffer += c;
    } else if (byte >= 0xC0) {
      buffer += kFoldedByte;
    }
  }
}

}  // namespace warder::filter
