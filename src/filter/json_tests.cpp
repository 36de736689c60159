#include "filter/json_tests.h"

#include "filter/json_uri.h"
#include "filter/sieve.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <cassert>
#include <utility>

namespace warder::filter {
namespace {

enum class Answer : std::uint8_t { kUnknown, kNo, kYes };

// The regular expressions of one look.
struct RegexGroup {
  Sieve sieve{SieveText::kUtf8};
  std::vector<std::size_t> tests;             // by number in the sieve
  std::vector<std::unique_ptr<RE2>> singles;  // likewise, made when the sieve runs out of memory
};

struct Look {
  JsonFields::Slot slot = JsonFields::kNoSlot;
  FieldView view = FieldView::kValue;
  RegexGroup regexes;
  // Of the current line.
  bool text_known = false;
  bool regexes_known = false;
  bool elements_known = false;
  std::optional<std::string_view> text;
  std::vector<std::string_view> elements;
  std::string storage;
  std::vector<std::size_t> matching;
};

struct KnownTest {
  Test test;
  LookId look = 0;
};

// Equal tests have equal keys.
std::string key_of(const Test& test) {
  std::string key = fmt::format("{}|{}|{}|{}{}{}", test.field.to_string(),
                                static_cast<int>(test.view), static_cast<int>(test.kind),
                                test.accepts_true, test.accepts_false, test.accepts_null);
  for (const NumberRange& range : test.numbers) {
    key += fmt::format("|{}..{}", range.low, range.high);
  }
  for (const std::string& text : test.texts) {
    key += fmt::format("|{}:{}", text.size(), text);
  }
  for (const net::Prefix& prefix : test.prefixes) {
    key += '|' + prefix.to_string();
  }
  return key + '|' + test.text;
}

bool in_ranges(const std::vector<NumberRange>& ranges, double number) {
  return std::any_of(ranges.begin(), ranges.end(), [number](const NumberRange& range) {
    return range.low <= number && number <= range.high;
  });
}

// Of tests that look at a text alone.
bool content_with(const Test& test, std::string_view text) {
  switch (test.kind) {
    case TestKind::kStarts:
      return text.starts_with(test.text);
    case TestKind::kEnds:
      return text.ends_with(test.text);
    case TestKind::kContains:
      return text.find(test.text) != std::string_view::npos;
    case TestKind::kCidr: {
      const auto address = net::IpAddress::parse(text);
      return address && std::any_of(test.prefixes.begin(), test.prefixes.end(),
                                    [&](const net::Prefix& p) { return p.contains(*address); });
    }
    case TestKind::kOneOf:
    case TestKind::kMatches:
    case TestKind::kExists:
      break;
  }
  return false;
}

}  // namespace

struct JsonTests::State {
  explicit State(JsonFields& wanted) : fields(wanted) {}

  LookId look(const Test& test);
  bool one_of(const KnownTest& known);
  // The look's text must be known.
  bool find_out(const KnownTest& known);
  bool any_element(const KnownTest& known);
  void search(Look& look);

  JsonFields& fields;
  std::vector<KnownTest> tests;
  std::map<std::string, std::size_t> numbers;  // of tests, by key_of()
  std::vector<Look> looks;
  std::vector<std::size_t> hits;  // numbers in the sieve; reused
  // Of the current line.
  JsonReader* reader = nullptr;
  std::vector<Answer> answers;
  bool out_of_memory = false;
};

JsonTests::JsonTests(JsonFields& fields) : state_(std::make_unique<State>(fields)) {}

JsonTests::~JsonTests() = default;

CompiledExpression JsonTests::compile(const Expression& expression) {
  CompiledExpression compiled;
  compiled.kind = expression.kind;
  if (expression.kind == Expression::Kind::kTest) {
    const auto [place, is_new] =
        state_->numbers.try_emplace(key_of(expression.test), state_->tests.size());
    if (is_new) {
      state_->tests.push_back({expression.test, state_->look(expression.test)});
    }
    compiled.test = place->second;
  }
  for (const Expression& child : expression.children) {
    compiled.children.push_back(compile(child));
  }
  return compiled;
}

LookId JsonTests::State::look(const Test& test) {
  const JsonFields::Slot slot =
      test.view == FieldView::kElement ? fields.add_list(test.field) : fields.add(test.field);
  const auto found = std::find_if(looks.begin(), looks.end(), [&](const Look& look) {
    return look.slot == slot && look.view == test.view;
  });
  if (found != looks.end()) {
    return static_cast<LookId>(found - looks.begin());
  }
  looks.emplace_back();
  looks.back().slot = slot;
  looks.back().view = test.view;
  return looks.size() - 1;
}

util::Status JsonTests::finish() {
  for (std::size_t number = 0; number < state_->tests.size(); ++number) {
    const KnownTest& known = state_->tests[number];
    if (known.test.kind != TestKind::kMatches) {
      continue;
    }
    RegexGroup& group = state_->looks[known.look].regexes;
    WARDER_ASSIGN_OR_RETURN([[maybe_unused]] const std::size_t in_sieve,
                            group.sieve.add(known.test.text));
    // Equal tests are one test, so every expression is new to its sieve.
    assert(in_sieve == group.tests.size());
    group.tests.push_back(number);
  }
  for (Look& look : state_->looks) {
    look.regexes.singles.resize(look.regexes.tests.size());
    WARDER_RETURN_IF_ERROR(look.regexes.sieve.compile());
  }
  state_->answers.resize(state_->tests.size());
  return {};
}

void JsonTests::start_line(JsonReader& reader) {
  state_->reader = &reader;
  state_->out_of_memory = false;
  std::fill(state_->answers.begin(), state_->answers.end(), Answer::kUnknown);
  for (Look& look : state_->looks) {
    look.text_known = false;
    look.regexes_known = false;
    look.elements_known = false;
  }
}

bool JsonTests::answer(std::size_t test) {
  Answer& known = state_->answers[test];
  if (known == Answer::kUnknown) {
    const KnownTest& asked = state_->tests[test];
    if (asked.test.kind == TestKind::kMatches) {
      matching(asked.look);  // answers this one and its neighbours
    } else {
      text(asked.look);
      known = state_->find_out(asked) ? Answer::kYes : Answer::kNo;
    }
  }
  return state_->answers[test] == Answer::kYes;
}

const std::vector<std::size_t>& JsonTests::matching(LookId look_id) {
  Look& look = state_->looks[look_id];
  if (!look.regexes_known) {
    look.regexes_known = true;
    look.matching.clear();
    text(look_id);
    if (look.text) {
      state_->search(look);
    }
    for (const std::size_t test : look.regexes.tests) {
      state_->answers[test] = Answer::kNo;
    }
    for (const std::size_t test : look.matching) {
      state_->answers[test] = Answer::kYes;
    }
  }
  return look.matching;
}

void JsonTests::State::search(Look& look) {
  RegexGroup& group = look.regexes;
  if (group.sieve.search(*look.text, hits) == Sieve::Outcome::kFound) {
    for (const std::size_t number : hits) {
      look.matching.push_back(group.tests[number]);
    }
    return;
  }
  out_of_memory = true;
  for (const std::size_t number : hits) {
    if (!group.singles[number]) {
      RE2::Options options;
      options.set_log_errors(false);
      group.singles[number] = std::make_unique<RE2>(tests[group.tests[number]].test.text, options);
    }
    if (RE2::PartialMatch(*look.text, *group.singles[number])) {
      look.matching.push_back(group.tests[number]);
    }
  }
}

std::optional<double> JsonTests::number(JsonFields::Slot slot) {
  return state_->reader->number(slot);
}

std::optional<std::string_view> JsonTests::text(LookId look_id) {
  Look& look = state_->looks[look_id];
  if (!look.text_known) {
    look.text_known = true;
    look.text = state_->reader->text(look.slot);
    if (look.text && look.view == FieldView::kUriPath) {
      uri_path(*look.text, look.storage);
      look.text = look.storage;
    }
  }
  return look.text;
}

bool JsonTests::State::one_of(const KnownTest& known) {
  const Test& test = known.test;
  switch (reader->kind(looks[known.look].slot)) {
    case JsonKind::kNumber: {
      const auto number = reader->number(looks[known.look].slot);
      return number && in_ranges(test.numbers, *number);
    }
    case JsonKind::kTrue:
      return test.accepts_true;
    case JsonKind::kFalse:
      return test.accepts_false;
    case JsonKind::kNull:
      return test.accepts_null;
    case JsonKind::kText: {
      const auto text = looks[known.look].text;
      return text && std::find(test.texts.begin(), test.texts.end(), *text) != test.texts.end();
    }
    case JsonKind::kMissing:
    case JsonKind::kArray:
    case JsonKind::kObject:
      break;
  }
  return false;
}

bool JsonTests::State::find_out(const KnownTest& known) {
  const Test& test = known.test;
  if (test.view == FieldView::kElement) {
    return any_element(known);
  }
  if (test.kind == TestKind::kOneOf) {
    return one_of(known);
  }
  if (test.kind == TestKind::kExists) {
    return reader->kind(looks[known.look].slot) != JsonKind::kMissing;
  }
  const std::optional<std::string_view>& text = looks[known.look].text;
  return text && content_with(test, *text);
}

// A text in the place of the array is its only element.
bool JsonTests::State::any_element(const KnownTest& known) {
  const Test& test = known.test;
  Look& look = looks[known.look];
  if (!look.elements_known) {
    look.elements_known = true;
    reader->texts(look.slot, look.elements);
  }
  return std::any_of(look.elements.begin(), look.elements.end(), [&](std::string_view element) {
    return test.kind == TestKind::kOneOf
               ? std::find(test.texts.begin(), test.texts.end(), element) != test.texts.end()
               : content_with(test, element);
  });
}

bool JsonTests::out_of_memory() const { return state_->out_of_memory; }

const Test& JsonTests::test(std::size_t number) const { return state_->tests[number].test; }

LookId JsonTests::look_of(std::size_t test) const { return state_->tests[test].look; }

JsonFields::Slot JsonTests::slot_of(LookId look) const { return state_->looks[look].slot; }

std::size_t JsonTests::looks() const { return state_->looks.size(); }

}  // namespace warder::filter
