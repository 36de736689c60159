#include "filter/text_filter.h"

#include "filter/regex_sieve.h"
#include "util/strings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <optional>
#include <utility>

namespace warder::filter {
namespace {

constexpr std::string_view kSection = "Definition";
// Each line of the log is searched together with this many before it.
constexpr std::size_t kMostLines = 200;

// Groups of which a pattern or its prefix needs one, so that there is somebody to ban.
constexpr std::array<std::string_view, 5> kIdentifiers{"fid", "ip4", "ip6", "dns", "mlfid"};

// Of a TextPattern or a RegexTree.
template <typename Expression>
bool has_identifier(const Expression& expression) {
  return std::any_of(kIdentifiers.begin(), kIdentifiers.end(),
                     [&](std::string_view group) { return expression.has_group(group); });
}

// ^ and $ are those of each line in failregex only.
struct Dialects {
  RegexDialect fail;
  RegexDialect others;
};

Dialects dialects_of(const TextOptions& options, std::size_t lines) {
  RegexDialect dialect;
  dialect.host = options.usedns == UseDns::kNo ? HostTag::kAddress : HostTag::kAddressOrName;
  dialect.unknown_tags = options.unknown_tags;
  Dialects dialects{dialect, dialect};
  dialects.fail.lines = lines > 1;
  return dialects;
}

std::vector<ValueLine> lines_of(const Definition& definition, std::string_view option) {
  const Option* found = definition.find(kSection, option);
  return found == nullptr ? std::vector<ValueLine>() : value_lines(*found);
}

template <typename Compiled>
std::optional<Compiled> compile_line(std::string_view option, const ValueLine& line,
                                     const RegexDialect& dialect, Problems& problems) {
  auto pattern = Compiled::compile(line.text, dialect);
  if (!pattern) {
    problems.add(line.place,
                 fmt::format("{} '{}': {}", option, line.text, pattern.error().message()));
    return std::nullopt;
  }
  return std::move(pattern).value();
}

std::size_t read_lines(const Definition& definition, Problems& problems) {
  const Option* maxlines = definition.find(kSection, "maxlines");
  if (maxlines == nullptr || util::trim(maxlines->value).empty()) {
    return 1;
  }
  const std::string_view text = util::trim(maxlines->value);
  std::size_t lines = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), lines);
  if (error != std::errc() || end != text.data() + text.size() || lines < 1 || lines > kMostLines) {
    problems.add(maxlines->place, fmt::format("maxlines = '{}': allowed are 1 to {} lines",
                                              util::printable(text), kMostLines));
    return 1;
  }
  return lines;
}

}  // namespace

std::shared_ptr<const TextFilter> TextFilter::compile(const Definition& definition,
                                                      const TextOptions& options,
                                                      Problems& problems) {
  const std::shared_ptr<TextFilter> filter(new TextFilter);
  const std::size_t before = problems.texts().size();
  const Option* failregex = definition.find(kSection, "failregex");
  if (failregex == nullptr || value_lines(*failregex).empty()) {
    problems.add(failregex == nullptr ? Place{definition.file, 0} : failregex->place,
                 "the filter has no failregex, so that it can never match");
    return nullptr;
  }
  filter->options_ = options;
  filter->lines_ = read_lines(definition, problems);
  const auto [fail_dialect, dialect] = dialects_of(options, filter->lines_);
  filter->dialect_ = fail_dialect;
  if (const Option* datepattern = definition.find(kSection, "datepattern")) {
    filter->dates_ = DateRecipe(*datepattern, problems);
  }
  if (const Option* prefregex = definition.find(kSection, "prefregex")) {
    // A prefix is one expression; configparser joins its lines by line breaks.
    const std::vector<ValueLine> lines = value_lines(*prefregex);
    if (lines.size() > 1) {
      problems.add(prefregex->place, "prefregex is one expression on one line");
    } else if (!lines.empty()) {
      filter->prefix_ = compile_line<TextPrefix>("prefregex", lines[0], dialect, problems);
      filter->prefix_text_ = lines[0].text;
    }
  }
  const TextPrefix* prefix = filter->prefix();
  for (ValueLine& line : value_lines(*failregex)) {
    std::optional<TextPattern> pattern =
        compile_line<TextPattern>("failregex", line, fail_dialect, problems);
    if (!pattern) {
      continue;
    }
    if (!has_identifier(*pattern) && !(prefix != nullptr && has_identifier(prefix->pattern()))) {
      problems.add(line.place,
                   fmt::format("failregex '{}': it captures no address; write <HOST> where the "
                               "address stands",
                               line.text));
      continue;
    }
    filter->fail_.push_back(std::move(*pattern));
    filter->patterns_.push_back({std::move(line.text), std::move(line.place)});
  }
  for (const ValueLine& line : lines_of(definition, "ignoreregex")) {
    if (auto pattern = compile_line<TextPattern>("ignoreregex", line, dialect, problems)) {
      filter->ignore_.push_back(std::move(*pattern));
    }
  }
  if (problems.texts().size() != before) {
    return nullptr;
  }
  filter->add_sieves();
  return filter;
}

bool TextFilter::is_wrong(const Definition& definition, const TextOptions& options) {
  Problems told_already;
  const auto [fail_dialect, dialect] = dialects_of(options, read_lines(definition, told_already));
  bool identified = false;  // by the prefix, or perhaps
  for (const ValueLine& line : lines_of(definition, "prefregex")) {
    const auto tree = parse_regex(line.text, dialect);
    identified = identified || !tree || has_identifier(*tree);
    if (is_wrong_regex(line.text, dialect)) {
      return true;
    }
  }
  for (const ValueLine& line : lines_of(definition, "failregex")) {
    const auto tree = parse_regex(line.text, fail_dialect);
    if (tree ? !identified && !has_identifier(*tree) : is_wrong_regex(line.text, fail_dialect)) {
      return true;
    }
  }
  const std::vector<ValueLine> ignored = lines_of(definition, "ignoreregex");
  return std::any_of(ignored.begin(), ignored.end(),
                     [&](const ValueLine& line) { return is_wrong_regex(line.text, dialect); });
}

void TextFilter::add_sieves() {
  for (const TextPattern& pattern : fail_) {
    if (lines_ == 1) {
      sieves_.push_back(prefix_ ? print_sieve(prefix_->pattern().tree(), pattern.tree())
                                : print_sieve(pattern.tree()));
      continue;
    }
    // A prefix is searched for in the window as a whole.
    auto newest = prefix_ ? std::nullopt : print_newest_line_sieves(pattern.tree());
    if (!newest) {
      sieves_.clear();
      return;
    }
    std::move(newest->begin(), newest->end(), std::back_inserter(sieves_));
  }
}

OwnSubject TextFilter::message_of(std::string_view line) const {
  OwnSubject message;
  const auto date = dates_.find(line);
  const std::string_view before = date ? line.substr(0, date->begin) : line;
  const std::string_view behind = date ? line.substr(date->end) : std::string_view();
  message.kind = make_subject(before, behind, message.text).kind;
  return message;
}

std::optional<OwnSubject> TextFilter::content_of(const OwnSubject& message) const {
  if (!prefix_) {
    return message;
  }
  Captures captures;
  std::string buffer;
  const auto content = prefix_->match(message.subject(), captures, buffer);
  return content ? std::optional(OwnSubject{std::string(content->text), content->kind})
                 : std::nullopt;
}

std::vector<TextFilter::GivenUp> TextFilter::gave_up() const {
  std::vector<GivenUp> all;
  const auto add = [&](const TextPattern& pattern, const std::string& text) {
    if (const std::uint64_t searches = pattern.gave_up(); searches > 0) {
      all.push_back({text, searches});
    }
  };
  if (prefix_) {
    add(prefix_->pattern(), "prefregex " + prefix_text_);
  }
  for (std::size_t i = 0; i < fail_.size(); ++i) {
    add(fail_[i], "failregex " + patterns_[i].text);
  }
  for (std::size_t i = 0; i < ignore_.size(); ++i) {
    add(ignore_[i], "ignoreregex " + std::to_string(i + 1));
  }
  return all;
}

}  // namespace warder::filter
