#include "filter/text_pattern.h"

#include <algorithm>

namespace warder::filter {

util::Result<TextPattern> TextPattern::compile(std::string_view text, const RegexDialect& dialect) {
  WARDER_ASSIGN_OR_RETURN(RegexTree tree, parse_regex(text, dialect));
  return compile(std::move(tree));
}

util::Result<TextPattern> TextPattern::compile(RegexTree tree) {
  WARDER_ASSIGN_OR_RETURN(RegexProgram program, RegexProgram::compile(tree));
  return TextPattern(std::move(tree), std::move(program));
}

std::optional<Span> TextPattern::match_span(const Subject& subject, Captures& captures) const {
  const std::optional<RegexProgram::Match> match = program_.search(subject);
  if (!match) {
    return std::nullopt;
  }
  for (std::size_t group = 1; group < match->size(); ++group) {
    const std::optional<Span>& found = (*match)[group];
    if (!found || tree_.names[group].empty()) {
      continue;
    }
    const Span span = *found;
    const std::size_t end = std::min(span.end, subject.text.size() - 1);
    set_capture(captures, tree_.names[group],
                span.begin >= end ? std::string_view(subject.text.data() + span.begin, 0)
                                  : subject.text.substr(span.begin, end - span.begin));
  }
  return (*match)[0];
}

std::string_view find_capture(const Captures& captures, std::string_view name) {
  for (const auto& [known, value] : captures) {
    if (known == name) {
      return value;
    }
  }
  return {};
}

void set_capture(Captures& captures, std::string_view name, std::string_view value) {
  for (auto& [known, text] : captures) {
    if (known == name) {
      text = value;
      return;
    }
  }
  captures.emplace_back(name, value);
}

}  // namespace warder::filter
