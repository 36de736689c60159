#include "filter/json_filter.h"

#include "filter/json_rules.h"
#include "util/strings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace warder::filter {
namespace {

constexpr std::size_t kMostRules = 200;    // of one filter
constexpr std::size_t kMostCaptures = 16;  // named fields of one filter
constexpr std::size_t kMostAddresses = 8;  // fields of `address`
constexpr std::string_view kSection = "Definition";
constexpr std::string_view kCapturePrefix = "field.";

constexpr std::size_t kMostBegins = 8;  // texts of `begins`

constexpr std::array<std::string_view, 13> kOptions = {
    "format", "time",    "address",    "peer", "forwarded", "user",           "condition",
    "ignore", "message", "field.NAME", "once", "begins",    "without-address"};

// Options that every filter may have for its interpolation, whatever its format.
bool is_common(std::string_view name) {
  return name.starts_with('_') || name == "mode" || name == "logtype";
}

// A text of several lines of the file with the place of each.
struct Joined {
  std::string text;
  std::vector<Place> places;
};

// "file:line: what, column 7: text", where the byte at `offset` stands.
void add_problem(Problems& problems, const Joined& source, std::string_view what,
                 const ConditionProblem& problem) {
  const std::string_view before = std::string_view(source.text).substr(0, problem.offset);
  const auto line = static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
  const std::size_t begin = line == 0 ? 0 : before.rfind('\n') + 1;
  problems.add(source.places[std::min(line, source.places.size() - 1)],
               fmt::format("{}, column {}: {}", what, before.size() - begin + 1, problem.text));
}

std::optional<JsonPath> read_path(const Option& option, std::string_view name,
                                  std::string_view text, Problems& problems) {
  ConditionProblem problem;
  auto path = parse_json_path(text, problem);
  if (!path) {
    add_problem(problems, {std::string(text), {option.place}}, name, problem);
  }
  return path;
}

std::optional<JsonPath> read_optional_path(const Definition& definition, std::string_view name,
                                           Problems& problems) {
  const Option* option = definition.find(kSection, name);
  return option == nullptr ? std::nullopt : read_path(*option, name, option->value, problems);
}

void require(const Definition& definition, std::string_view name, std::string_view remedy,
             Problems& problems) {
  const Option* option = definition.find(kSection, name);
  if (option == nullptr || util::trim(option->value).empty()) {
    problems.add(option == nullptr ? Place{definition.file, 1} : option->place,
                 fmt::format("[Definition] {} is missing; {}", name, remedy));
  }
}

// Does the line go on with what the line above began?
bool continues(std::string_view text) {
  const std::size_t end = text.find_first_of(" \t(");
  const std::string_view word = text.substr(0, end);
  return word == "and" || word == "or" || text.starts_with(')');
}

std::vector<Joined> rules_of(const Option& option) {
  std::vector<Joined> rules;
  for (ValueLine& line : value_lines(option)) {
    if (rules.empty() || !continues(line.text)) {
      rules.emplace_back();
    } else {
      rules.back().text += '\n';
    }
    rules.back().text += line.text;
    rules.back().places.push_back(std::move(line.place));
  }
  return rules;
}

// "name: condition": gives the length of "name:" or zero.
std::size_t label_length(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0) {
    return 0;
  }
  const std::string_view label = text.substr(0, colon);
  const bool plain = std::all_of(label.begin(), label.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
  return plain ? colon + 1 : 0;
}

std::optional<Expression> read_expression(const Joined& source, std::string_view what,
                                          Problems& problems) {
  ConditionProblem problem;
  const std::size_t label = label_length(source.text);
  auto expression = parse_condition(std::string_view(source.text).substr(label), problem);
  if (!expression) {
    problem.offset += label;
    add_problem(problems, source, what, problem);
  }
  return expression;
}

void check_names(const Definition& definition, Problems& problems) {
  const auto section = definition.sections.find(std::string(kSection));
  if (section == definition.sections.end()) {
    return;
  }
  for (const auto& [name, option] : section->second) {
    const bool known = std::find(kOptions.begin(), kOptions.end(), name) != kOptions.end();
    if (known || is_common(name) || name.starts_with(kCapturePrefix)) {
      continue;
    }
    const auto near = util::nearest(name, kOptions);
    problems.add(option.place,
                 near ? fmt::format("a JSON filter has no option '{}'; did you mean '{}'?",
                                    util::printable(name, 60), *near)
                      : fmt::format("a JSON filter has no option '{}'; it has {}",
                                    util::printable(name, 60), fmt::join(kOptions, ", ")));
  }
}

void read_origin(const Definition& definition, JsonRules& rules, Problems& problems) {
  if (const Option* option = definition.find(kSection, "address")) {
    for (const std::string_view text : util::split(option->value, ',')) {
      if (auto path = read_path(*option, "address", util::trim(text), problems)) {
        rules.address.push_back(std::move(*path));
      }
    }
    if (rules.address.size() > kMostAddresses) {
      problems.add(option->place, fmt::format("address names {} fields; at most {} are allowed",
                                              rules.address.size(), kMostAddresses));
    }
  }
  rules.peer = read_optional_path(definition, "peer", problems);
  rules.forwarded = read_optional_path(definition, "forwarded", problems);
  const Option* forwarded = definition.find(kSection, "forwarded");
  if (forwarded != nullptr && definition.find(kSection, "peer") == nullptr) {
    problems.add(forwarded->place,
                 "forwarded needs peer: a list of addresses can only be believed when the field of "
                 "the connection's peer shows that one of our proxies reports it; add for example "
                 "peer = request.remote_ip");
  }
}

// How lines are told from each other, and what becomes of those that are no plain entry.
void read_lines(const Definition& definition, JsonRules& rules, Problems& problems) {
  rules.once = read_optional_path(definition, "once", problems);
  if (const Option* option = definition.find(kSection, "without-address")) {
    const std::string_view word = util::trim(option->value);
    if (word != "yes" && word != "no") {
      problems.add(option->place, fmt::format("without-address = {} is neither yes nor no",
                                              util::printable(word, 40)));
    }
    rules.without_address = word == "yes";
  }
  const Option* option = definition.find(kSection, "begins");
  if (option == nullptr) {
    return;
  }
  for (const ValueLine& line : value_lines(*option)) {
    if (!line.text.starts_with("{\"") || rules.begins.size() == kMostBegins) {
      problems.add(line.place,
                   fmt::format("begins holds at most {} texts, one a line, each the begin of a "
                               "JSON object: {{\"time\":",
                               kMostBegins));
      return;
    }
    rules.begins.push_back(line.text);
  }
}

void read_captures(const Definition& definition, JsonRules& rules, Problems& problems) {
  rules.user = read_optional_path(definition, "user", problems);
  const auto section = definition.sections.find(std::string(kSection));
  if (section == definition.sections.end()) {
    return;
  }
  for (const auto& [name, option] : section->second) {
    if (!name.starts_with(kCapturePrefix)) {
      continue;
    }
    if (rules.captures.size() == kMostCaptures) {
      problems.add(option.place, fmt::format("more than {} named fields", kMostCaptures));
      return;
    }
    if (auto path = read_path(option, name, option.value, problems)) {
      rules.captures.emplace_back(name.substr(kCapturePrefix.size()), std::move(*path));
    }
  }
}

// After the captures: it chooses among them.
void read_message(const Definition& definition, JsonRules& rules, Problems& problems) {
  const Option* option = definition.find(kSection, "message");
  if (option == nullptr) {
    return;
  }
  for (const std::string_view text : util::split(option->value, ',')) {
    const std::string_view name = util::trim(text);
    const auto named = std::find_if(rules.captures.begin(), rules.captures.end(),
                                    [&](const auto& capture) { return capture.first == name; });
    if (named != rules.captures.end()) {
      rules.message.push_back(static_cast<std::size_t>(named - rules.captures.begin()));
      continue;
    }
    const std::string shown = util::printable(name, 60);
    problems.add(option->place,
                 fmt::format("message names '{}', but there is no field.{}; add for example "
                             "field.{} = request.{}",
                             shown, shown, shown, shown));
  }
}

void read_conditions(const Definition& definition, JsonRules& rules, Problems& problems) {
  if (const Option* option = definition.find(kSection, "condition")) {
    for (const Joined& source : rules_of(*option)) {
      if (rules.written.size() == kMostRules) {
        problems.add(source.places.front(), fmt::format("more than {} rules", kMostRules));
        break;
      }
      if (auto expression = read_expression(source, "condition", problems)) {
        rules.conditions.push_back(std::move(*expression));
        rules.written.push_back({source.text, source.places.front()});
      }
    }
  }
  if (const Option* option = definition.find(kSection, "ignore")) {
    // Several lines are alternatives, as with ignoreregex.
    Expression any;
    any.kind = Expression::Kind::kAny;
    for (const Joined& source : rules_of(*option)) {
      if (auto expression = read_expression(source, "ignore", problems)) {
        any.children.push_back(std::move(*expression));
      }
    }
    if (!any.children.empty()) {
      rules.ignore = std::move(any);
    }
  }
}

void add_members(const JsonPath& path, std::set<std::string>& names) {
  for (const JsonPath::Step& step : path.steps) {
    if (!step.element) {
      names.insert(step.key);
    }
  }
}

void add_members(const Expression& expression, std::set<std::string>& names) {
  if (expression.kind == Expression::Kind::kTest) {
    add_members(expression.test.field, names);
  }
  for (const Expression& child : expression.children) {
    add_members(child, names);
  }
}

}  // namespace

std::set<std::string> JsonRules::members() const {
  std::set<std::string> names;
  for (const Expression& condition : conditions) {
    add_members(condition, names);
  }
  if (ignore) {
    add_members(*ignore, names);
  }
  add_members(time, names);
  for (const JsonPath& path : address) {
    add_members(path, names);
  }
  for (const auto* path : {&peer, &forwarded, &user, &once}) {
    if (*path) {
      add_members(**path, names);
    }
  }
  for (const auto& [name, path] : captures) {
    add_members(path, names);
  }
  return names;
}

std::shared_ptr<const JsonFilter> compile_json_filter(const Definition& definition,
                                                      Problems& problems) {
  const std::size_t before = problems.texts().size();
  auto rules = std::make_shared<JsonRules>();
  check_names(definition, problems);
  require(definition, "time", "name the field that holds the time, for example time = ts",
          problems);
  require(definition, "address",
          "name the fields that hold the client's address, best first, for example "
          "address = request.client_ip, request.remote_ip",
          problems);
  require(definition, "condition",
          "say which lines are failures, for example condition = status == 401", problems);
  if (problems.texts().size() == before) {
    rules->time = read_optional_path(definition, "time", problems).value_or(JsonPath{});
    read_origin(definition, *rules, problems);
    read_lines(definition, *rules, problems);
    read_captures(definition, *rules, problems);
    read_message(definition, *rules, problems);
    read_conditions(definition, *rules, problems);
  }
  return problems.texts().size() == before ? rules : nullptr;
}

}  // namespace warder::filter
