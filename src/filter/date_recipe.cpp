#include "filter/date_recipe.h"

#include "filter/date_finder.h"
#include "util/strings.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace warder::filter {
namespace {

constexpr std::string_view kLineBegin = "{^LN-BEG}";
constexpr std::string_view kUnbound = "{UNB}";
constexpr std::string_view kDate = "{date}";

// The template's form without its bounds, as it stands for {DATE}.
std::string unbound(std::string_view pattern) {
  for (const std::string_view word : {kUnbound, kLineBegin}) {
    if (pattern.starts_with(word)) {
      pattern.remove_prefix(word.size());
    }
  }
  return pattern == "EPOCH" || pattern == "TAI64N" ? fmt::format("{{{}}}", pattern)
                                                   : std::string(pattern);
}

std::string with_date(std::string_view text, std::string_view date) {
  const std::string lower = util::to_lower(text);
  std::string result;
  std::size_t done = 0;
  for (std::size_t at = lower.find(kDate); at != std::string::npos; at = lower.find(kDate, done)) {
    result.append(text.substr(done, at - done)).append(date);
    done = at + kDate.size();
  }
  return result.append(text.substr(done));
}

bool take(std::string_view& text, std::string_view front) {
  if (!text.starts_with(front)) {
    return false;
  }
  text.remove_prefix(front.size());
  return true;
}

}  // namespace

DateRecipe::DateRecipe() : templates_(default_templates()) {}

DateRecipe::DateRecipe(const Option& datepattern, Problems& problems) {
  const std::vector<ValueLine> lines = value_lines(datepattern);
  if (lines.empty()) {
    templates_ = default_templates();
    return;
  }
  for (const ValueLine& line : lines) {
    add_line(line, problems);
    key_ += line.text + '\n';
  }
  if (templates_ == default_templates()) {
    key_.clear();
  }
}

std::optional<FoundDate> DateRecipe::find(std::string_view text) const {
  return DateFinder::find_alone(templates_, text);
}

void DateRecipe::add(std::shared_ptr<const DateTemplate> made) {
  const bool known = std::any_of(templates_.begin(), templates_.end(),
                                 [&](const auto& other) { return other->name() == made->name(); });
  if (!known) {
    templates_.push_back(std::move(made));
  }
}

void DateRecipe::add_pattern(std::string_view name, std::string_view pattern, const ValueLine& line,
                             Problems& problems) {
  auto compiled = DatePattern::compile(pattern);
  if (!compiled) {
    problems.add(line.place,
                 fmt::format("datepattern '{}': {}", line.text, compiled.error().message()));
    return;
  }
  add(std::make_shared<DateTemplate>(std::string(name), std::move(*compiled)));
}

void DateRecipe::add_line(const ValueLine& line, Problems& problems) {
  if (util::to_lower(line.text).find(kDate) != std::string::npos) {
    for (const std::string_view pattern : default_patterns()) {
      const std::string whole = with_date(line.text, unbound(pattern));
      const std::size_t before = problems.texts().size();
      add_pattern(whole, whole, line, problems);
      if (problems.texts().size() != before) {
        return;  // the others have the same fault
      }
    }
    return;
  }
  // Words count in any case, unless the pattern has tokens.
  std::string word = line.text;
  std::transform(word.begin(), word.end(), word.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  if (line.text.find('%') == std::string::npos) {
    if (word == "{NONE}") {
      expects_date_ = false;
      return;
    }
    if (word == "{DEFAULT}" || word == kLineBegin) {
      for (const auto& each : word == kLineBegin ? line_begin_templates() : default_templates()) {
        add(each);
      }
      return;
    }
    std::string_view rest = word;
    const bool at_begin = take(rest, kLineBegin) || take(rest, "^");
    if (!at_begin && (rest == "EPOCH" || rest == "LEPOCH")) {
      add(epoch_template(rest == "LEPOCH"));
      return;
    }
    if (rest == "EPOCH" || rest == "LEPOCH" || rest == "TAI64N") {
      const std::string pattern =
          fmt::format("{}{{{}}}", at_begin ? kLineBegin : std::string_view("**"), rest);
      add_pattern(word, pattern, line, problems);
      return;
    }
  }
  add_pattern(line.text, line.text, line, problems);
}

util::Status check_datepattern(std::string_view text) {
  Problems problems;
  const DateRecipe recipe(Option{std::string(text), {"datepattern", 0}}, problems);
  return problems.empty() ? util::Status{} : problems.to_error();
}

}  // namespace warder::filter
