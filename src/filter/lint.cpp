#include "filter/lint.h"

#include "filter/lint_automaton.h"
#include "filter/lint_rules.h"
#include "filter/lint_twins.h"
#include "filter/matcher.h"
#include "util/strings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace warder::filter {
namespace {

constexpr std::string_view kSection = "Definition";
constexpr std::string_view kBecause = " because ";
constexpr std::size_t kLongestShown = 400;
// What is told of filters from fail2ban is a warning at best, and must not delay the start.
constexpr std::size_t kMostPairsOfOthers = 20'000;
// Of expressions that have been compiled: what these did not refuse is none of the lint's.
constexpr RegexDialect kDialect{.unknown_tags = UnknownTags::kText};

// One line of `assume` or `accept-unsafe`.
struct Waiver {
  std::string what;
  Place place;
  bool used = false;
};

std::vector<Waiver> read_waivers(const Definition& definition, std::string_view option,
                                 std::vector<std::string>& errors) {
  std::vector<Waiver> waivers;
  const Option* lines = definition.find(kSection, option);
  for (ValueLine& line : lines == nullptr ? std::vector<ValueLine>() : value_lines(*lines)) {
    const std::size_t because = line.text.rfind(kBecause);
    const std::string what(util::trim(line.text.substr(0, because)));
    if (because == std::string::npos || what.empty()) {
      errors.push_back(
          at(line.place, fmt::format("{} = '{}': write '... because REASON'; who reads "
                                     "the filter has to know why it holds",
                                     option, line.text)));
      continue;
    }
    waivers.push_back({what, std::move(line.place)});
  }
  return waivers;
}

// Does the tree have a field written like this?
bool has_field(const RegexNode& node, const RegexNode& wanted) {
  return node == wanted || std::any_of(node.kids.begin(), node.kids.end(),
                                       [&](const auto& kid) { return has_field(kid, wanted); });
}

// Takes the address of the one finding.
class Catcher : public MatchHandler {
 public:
  void on_finding(std::size_t, model::Finding&& finding) override {
    address = finding.address.to_string();
  }
  void on_notice(std::size_t, const Notice&) override {}
  std::string address;
};

// The address that the filter finds in a message; empty when it finds none.
std::string address_in(const std::shared_ptr<const Filter>& filter, const std::string& message) {
  const auto matcher = Matcher::build({filter}, {});
  if (!matcher) {
    return {};
  }
  const util::WallTime now{};
  model::Line line;
  line.text = message;
  line.stamp = now;  // so that no date is looked for
  Catcher catcher;
  (*matcher)->match(line, now, catcher);
  return catcher.address;
}

// The text of the first address that a reading marks.
std::string marked_address(const std::string& line, const std::vector<std::uint8_t>& marks) {
  const auto is_address = [](std::uint8_t mark) { return (mark & kAddressMark) != 0; };
  const auto begin = std::find_if(marks.begin(), marks.end(), is_address);
  const auto end = std::find_if_not(begin, marks.end(), is_address);
  return line.substr(static_cast<std::size_t>(begin - marks.begin()),
                     static_cast<std::size_t>(end - begin));
}

// The readings with other addresses in the places of theirs; empty where these share characters.
std::optional<TwoReadings> with_addresses(const TwoReadings& readings, std::string_view genuine,
                                          std::string_view taken) {
  TwoReadings result = readings;
  result.line.clear();
  result.genuine_marks.clear();
  result.taken_marks.clear();
  std::uint8_t last = 0;
  for (std::size_t i = 0; i < readings.line.size(); ++i) {
    const bool is_genuine = (readings.genuine_marks[i] & kAddressMark) != 0;
    const bool is_taken = (readings.taken_marks[i] & kAddressMark) != 0;
    if (is_genuine && is_taken) {
      return std::nullopt;
    }
    const std::uint8_t now = is_genuine ? 1 : is_taken ? 2 : 0;
    if (now == 0) {
      result.line += readings.line[i];
    } else if (now != last) {
      result.line += is_genuine ? genuine : taken;
    }
    result.genuine_marks.resize(result.line.size(), readings.genuine_marks[i]);
    result.taken_marks.resize(result.line.size(), readings.taken_marks[i]);
    last = now;
  }
  return result;
}

// What a line is read with, to find out whether a changed one still has both readings.
struct Readers {
  const Automaton& genuine;
  const Automaton& taken;
};

// A line to show, tried on the filter itself. `either`: both readings keep to the pattern, so that
// the one that the filter does not take may be the program's.
Counterexample to_example(const std::shared_ptr<const Filter>& filter, const Readers& readers,
                          const TwoReadings& readings, bool either) {
  constexpr std::array<std::array<std::string_view, 2>, 2> kAddresses{
      {{"203.0.113.9", "192.0.2.1"}, {"2001:db8::9", "2001:db8::1"}}};
  const auto judge = [&](const TwoReadings& tried) {
    Counterexample example{tried.line, marked_address(tried.line, tried.genuine_marks),
                           marked_address(tried.line, tried.taken_marks), false};
    const std::string found = address_in(filter, example.line);
    if (either && !found.empty() && found == example.genuine) {
      std::swap(example.genuine, example.taken);
    }
    example.confirmed = !found.empty() && found == example.taken && found != example.genuine;
    return example;
  };
  for (const auto& [genuine, taken] : kAddresses) {
    const auto tried = with_addresses(readings, genuine, taken);
    if (tried && can_read(readers.genuine, tried->line, tried->genuine_marks) &&
        can_read(readers.taken, tried->line, tried->taken_marks)) {
      Counterexample example = judge(*tried);
      if (example.confirmed) {
        return example;
      }
    }
  }
  return judge(readings);
}

std::string show(const Counterexample& example) {
  const std::string line = util::printable(example.line, kLongestShown);
  if (example.genuine == example.taken) {
    return fmt::format("'{}' can be counted for another session", line);
  }
  return example.genuine.empty()
             ? fmt::format("in '{}', which names no address, it reads {}", line, example.taken)
             : fmt::format("in '{}' the program wrote {}, and it reads {}", line, example.genuine,
                           example.taken);
}

class FilterLint {
 public:
  FilterLint(const std::shared_ptr<const Filter>& filter, const Definition& definition,
             std::size_t most_pairs)
      : filter_(filter), definition_(definition), most_pairs_(most_pairs) {}

  LintReport run() {
    report_.patterns.resize(filter_->patterns().size());
    assumed_ = read_waivers(definition_, "assume", report_.errors);
    accepted_ = read_waivers(definition_, "accept-unsafe", report_.errors);
    if (!read_trees()) {
      return std::move(report_);
    }
    find_waivers();
    judge_addresses();
    judge_excuses();
    tell();
    return std::move(report_);
  }

 private:
  // False when there is nothing that can be analysed; told.
  bool read_trees() {
    const Option* maxlines = definition_.find(kSection, "maxlines");
    if (maxlines != nullptr && util::trim(maxlines->value) != "1") {
      report_.warnings.push_back(at(maxlines->place,
                                    "the addresses of a filter that joins lines by maxlines are "
                                    "not proven safe from injected text"));
      return false;
    }
    const Option* prefix = definition_.find(kSection, "prefregex");
    if (prefix != nullptr && !util::trim(prefix->value).empty()) {
      auto tree = parse_regex(util::trim(prefix->value), kDialect);
      if (!tree) {
        return false;
      }
      tell_unknown_tags(*tree, prefix->place);
      prefix_ = std::move(*tree);
    }
    for (const Pattern& pattern : filter_->patterns()) {
      auto tree = parse_regex(pattern.text, kDialect);
      if (!tree) {
        return false;
      }
      tell_unknown_tags(*tree, pattern.place);
      trees_.push_back(std::move(*tree));
    }
    return true;
  }

  void tell_unknown_tags(const RegexTree& tree, const Place& place) {
    for (const std::string& tag : tree.unknown_tags) {
      report_.warnings.push_back(
          at(place, fmt::format("the filter has no option for {}, which stands for itself, as in "
                                "fail2ban; write [<] where '<' itself is meant",
                                tag)));
    }
  }

  void find_waivers() {
    for (Waiver& waiver : assumed_) {
      const auto tree = parse_regex(waiver.what, {});
      if (!tree || !(is_field(tree->root, true))) {
        report_.errors.push_back(
            at(waiver.place,
               fmt::format("assume = '{}': write one repetition as it stands in a pattern, as \\S+ "
                           "or [^\"]*",
                           waiver.what)));
        waiver.used = true;
        continue;
      }
      waiver.used = prefix_ && has_field(prefix_->root, tree->root);
      for (const RegexTree& pattern : trees_) {
        waiver.used = waiver.used || has_field(pattern.root, tree->root);
      }
      kept_.push_back(tree->root);
    }
    for (Waiver& waiver : accepted_) {
      for (std::size_t i = 0; i < trees_.size(); ++i) {
        if (filter_->patterns()[i].text.find(waiver.what) != std::string::npos) {
          report_.patterns[i].accepted = true;
          waiver.used = true;
        }
      }
    }
    for (const std::vector<Waiver>* waivers : {&assumed_, &accepted_}) {
      for (const Waiver& waiver : *waivers) {
        if (!waiver.used && !is_in_an_option(waiver.what)) {
          report_.warnings.push_back(
              at(waiver.place, fmt::format("'{}' stands in no pattern any more", waiver.what)));
        }
      }
    }
  }

  // Patterns that other parameters would bring (mode=...) stand in options of their own.
  bool is_in_an_option(const std::string& text) const {
    const auto& options = definition_.sections.at(std::string(kSection));
    return std::any_of(options.begin(), options.end(), [&](const auto& option) {
      return option.first != "assume" && option.first != "accept-unsafe" &&
             option.second.value.find(text) != std::string::npos;
    });
  }

  const RegexTree* content_prefix() const {
    return prefix_ && prefix_->has_group("content") ? &*prefix_ : nullptr;
  }

  static bool names_somebody(const RegexTree& tree) {
    return std::any_of(tree.names.begin(), tree.names.end(),
                       [](const std::string& name) { return marks_of_group(name) != 0; });
  }

  // Patterns of the lines that the program writes, or of what they can be taken for.
  std::vector<LintPattern> patterns(bool only_with_address) const {
    std::vector<LintPattern> list;
    for (std::size_t i = 0; i < trees_.size(); ++i) {
      const RegexTree* prefix = content_prefix();
      if (!only_with_address || names_somebody(trees_[i]) ||
          (prefix != nullptr && names_somebody(*prefix))) {
        list.push_back({i, &trees_[i], prefix});
      }
    }
    return list;
  }

  void set_all(Safety safety) {
    for (PatternLint& pattern : report_.patterns) {
      pattern.safety = safety;
    }
  }

  // Every claim is tried with coarse addresses first, which is fast and mostly enough.
  void judge_addresses() {
    if (prefix_ && content_prefix() == nullptr && names_somebody(*prefix_)) {
      set_all(Safety::kUnknown);
      return;
    }
    set_all(Safety::kProven);
    bool known = claim(Fields::kAnything, {}, Addresses::kCoarse, Safety::kAssumed);
    if (some(Safety::kAssumed) && !kept_.empty()) {
      known = claim(Fields::kAnything, kept_, Addresses::kCoarse, Safety::kFields);
    } else {
      replace(Safety::kAssumed, Safety::kFields);
    }
    if (some(Safety::kFields)) {
      replace(Safety::kFields, kept_.empty() ? Safety::kProven : Safety::kAssumed);
      known = claim(Fields::kAnything, kept_, Addresses::kExact, Safety::kFields);
    }
    if (some(Safety::kFields)) {
      known = claim(Fields::kAsWritten, {}, Addresses::kExact, Safety::kUnsafe) && known;
    }
    for (PatternLint& pattern : report_.patterns) {
      if (!known && pattern.safety < Safety::kFields) {
        pattern.safety = Safety::kUnknown;
      }
    }
  }

  void replace(Safety what, Safety with) {
    for (PatternLint& pattern : report_.patterns) {
      pattern.safety = pattern.safety == what ? with : pattern.safety;
    }
  }

  bool some(Safety safety) const {
    return std::any_of(report_.patterns.begin(), report_.patterns.end(),
                       [&](const PatternLint& pattern) { return pattern.safety == safety; });
  }

  // Gives `otherwise` to each pattern that has lines with two readings when fields are taken so.
  // False when that could not be found out for all.
  bool claim(Fields fields, const std::vector<RegexNode>& kept, Addresses addresses,
             Safety otherwise) {
    const auto genuine = Automaton::build(patterns(false), fields, addresses, kept);
    const auto taken = Automaton::build(patterns(true), Fields::kAsWritten, addresses, {});
    if (!genuine || !taken) {
      return false;
    }
    const TwinSearch search = find_twins(*genuine, *taken, most_pairs_);
    for (const TwoReadings& readings : search.found) {
      PatternLint& pattern = report_.patterns[readings.genuine];
      pattern.safety = otherwise;
      if (addresses == Addresses::kExact) {
        pattern.example =
            to_example(filter_, {*genuine, *taken}, readings, otherwise == Safety::kUnsafe);
      }
    }
    return search.complete;
  }

  // Text from outside that makes an ignoreregex match hides who wrote it.
  void judge_excuses() {
    const Option* ignoreregex = definition_.find(kSection, "ignoreregex");
    for (const ValueLine& line :
         ignoreregex == nullptr ? std::vector<ValueLine>() : value_lines(*ignoreregex)) {
      const auto tree = parse_regex(line.text, kDialect);
      if (!tree) {
        continue;
      }
      std::vector<LintPattern> ways{{0, &*tree, nullptr}};
      if (content_prefix() != nullptr) {
        ways.push_back({0, &*tree, content_prefix()});
      }
      const auto genuine =
          Automaton::build(patterns(false), Fields::kAnything, Addresses::kExact, kept_);
      const auto ignored = Automaton::build(ways, Fields::kAsWritten, Addresses::kCoarse, {});
      if (!genuine || !ignored) {
        continue;
      }
      const TwinSearch search = find_excuses(*genuine, *ignored, most_pairs_);
      if (!search.found.empty()) {
        report_.warnings.push_back(at(
            line.place,
            fmt::format("ignoreregex '{}': who attacks can hide behind it, because it asks only "
                        "for text that he may write, as in '{}'; ask for the address as well, or "
                        "use ignoreip",
                        line.text, util::printable(search.found[0].line, kLongestShown))));
      }
    }
  }

  void tell() {
    for (std::size_t i = 0; i < report_.patterns.size(); ++i) {
      const PatternLint& lint = report_.patterns[i];
      if (lint.safety < Safety::kFields) {
        continue;
      }
      const Pattern& pattern = filter_->patterns()[i];
      std::string text = fmt::format("failregex '{}': ", pattern.text);
      if (lint.safety == Safety::kUnknown) {
        text += fmt::format("{} that injected text cannot move its address; make it simpler",
                            kTooLargeToProve);
      } else if (lint.safety == Safety::kFields) {
        text += fmt::format(
            "a field that holds more than its pattern says can move the address: {}; anchor the "
            "pattern, or say why the field cannot: assume = FIELD because REASON",
            show(*lint.example));
      } else {
        text += fmt::format(
            "injected text can move the address: {}; anchor the pattern{}", show(*lint.example),
            lint.example->confirmed ? "" : ", for only the order of preference may save it");
      }
      if (!lint.accepted) {
        report_.errors.push_back(
            at(pattern.place, text + ", or accept it: accept-unsafe = PART OF THE PATTERN because "
                                     "REASON"));
      } else {
        report_.warnings.push_back(at(pattern.place, text + " (accepted)"));
      }
    }
  }

  const std::shared_ptr<const Filter>& filter_;
  const Definition& definition_;
  std::size_t most_pairs_;
  LintReport report_;
  std::vector<Waiver> assumed_;
  std::vector<Waiver> accepted_;
  std::vector<RegexNode> kept_;
  std::optional<RegexTree> prefix_;
  std::vector<RegexTree> trees_;
};

}  // namespace

LintReport lint_filter(const std::shared_ptr<const Filter>& filter, const Definition& definition,
                       Origin origin) {
  LintReport report;
  if (filter->format() == Format::kText) {
    report =
        FilterLint(filter, definition, origin == Origin::kOwn ? kMostPairs : kMostPairsOfOthers)
            .run();
    check_patterns(definition, origin, report);
  }
  check_names(definition, report);
  check_forgeable(definition, report);
  return report;
}

std::vector<std::string> with_unproven_counted(const std::vector<std::string>& warnings) {
  std::vector<std::string> told;
  std::size_t unproven = 0;
  for (const std::string& warning : warnings) {
    if (warning.find(kTooLargeToProve) != std::string::npos) {
      ++unproven;
    } else {
      told.push_back(warning);
    }
  }
  if (unproven > 0) {
    told.push_back(
        fmt::format("{} of its patterns {} too large to prove that injected text cannot "
                    "move the address",
                    unproven, unproven == 1 ? "is" : "are"));
  }
  return told;
}

}  // namespace warder::filter
