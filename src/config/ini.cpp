#include "config/ini.h"

#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>

namespace warder::config {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool is_blank(char c) { return c == ' ' || c == '\t'; }

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\t'; }

// Where the comment of a line begins; npos without one. The rule is configparser's with the
// prefixes '#' and ';' for whole lines and ';' after white space for the rest of a line.
std::size_t comment_start(std::string_view line) {
  const std::size_t first = line.find_first_not_of(" \t");
  if (first != std::string_view::npos && (line[first] == '#' || line[first] == ';')) {
    return 0;
  }
  for (std::size_t at = line.find(';'); at != std::string_view::npos; at = line.find(';', at + 1)) {
    if (at > 0 && is_blank(line[at - 1])) {
      return at;
    }
  }
  return std::string_view::npos;
}

class Parser {
 public:
  Parser(std::string_view source, Diagnostics& diagnostics)
      : source_(source), diagnostics_(diagnostics) {}

  Layer parse(std::string_view text) {
    if (text.starts_with(kByteOrderMark)) {
      error(1, "the file begins with a byte order mark", "save it as UTF-8 without one");
      text.remove_prefix(kByteOrderMark.size());
    }
    for (std::string_view line : util::split(text, '\n')) {
      ++line_;
      if (line.ends_with('\r')) {
        line.remove_suffix(1);
      }
      read(line);
    }
    return finish();
  }

 private:
  void error(std::size_t line, std::string problem, std::string suggestion = {}) {
    diagnostics_.error(Place{source_, line}, std::move(problem), std::move(suggestion));
  }

  void read(std::string_view line) {
    if (std::any_of(line.begin(), line.end(), is_control)) {
      return error(line_, "the line holds a control character", "remove it");
    }
    if (util::to_valid_utf8(line) != line) {
      return error(line_, "the line is not valid UTF-8", "save the file as UTF-8");
    }
    const std::size_t comment = comment_start(line);
    const std::string_view content = util::trim(line.substr(0, comment));
    if (content.empty()) {
      // A blank line belongs to the value if that goes on below; a comment line does not.
      if (comment == std::string_view::npos && option_ != nullptr) {
        option_->value += '\n';
      }
      return;
    }
    const std::size_t indent = line.find_first_not_of(" \t");
    if (option_ != nullptr && indent > indent_) {
      option_->value += '\n';
      option_->value += content;
    } else {
      indent_ = indent;
      read_header_or_option(content);
    }
    if (comment != std::string_view::npos) {
      warn_of_cut_expression(line.substr(comment));
    }
  }

  void read_header_or_option(std::string_view content) {
    // configparser takes everything up to the last ']' and ignores what follows.
    const std::size_t bracket = content.rfind(']');
    if (content.front() == '[' && bracket != std::string_view::npos && bracket >= 2) {
      return start_section(std::string(content.substr(1, bracket - 1)));
    }
    if (section_ == nullptr) {
      if (!std::exchange(told_of_missing_header_, true)) {
        error(line_, "text before the first section", "begin with a line like [DEFAULT]");
      }
      return;
    }
    const std::size_t delimiter = content.find_first_of("=:");
    const std::string name = util::to_lower(util::trim(content.substr(0, delimiter)));
    if (delimiter == std::string_view::npos || name.empty()) {
      option_ = &discarded_;
      // The line is not quoted: it may be a piece of a secret.
      return error(line_, "the line is no option",
                   "write name = value, or indent the line to continue the value above");
    }
    start_option(name, util::trim(content.substr(delimiter + 1)));
  }

  void start_section(std::string name) {
    // configparser lets [DEFAULT] come again, and only that.
    const auto [known, is_new] = headers_.try_emplace(name, line_);
    if (!is_new && name != kDefaultSection) {
      error(line_,
            fmt::format("the section [{}] stands twice, first at line {}",
                        util::printable(name, 80), known->second),
            "join the two");
    }
    header_ = name;
    condition_.clear();
    if (const std::size_t mark = name.find('?');
        mark != std::string::npos && mark > 0 && mark + 1 < name.size() && is_word(name, mark)) {
      condition_ = util::to_lower(name.substr(mark));
      name.resize(mark);
    }
    layer_.sections.push_back({std::move(name), Place{source_, line_}, {}});
    section_ = &layer_.sections.back();
    option_ = nullptr;
  }

  static bool is_word(std::string_view text, std::size_t length) {
    return std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(length),
                       [](char c) {
                         return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                                (c >= 'A' && c <= 'Z') || c == '_';
                       });
  }

  void start_option(const std::string& name, std::string_view value) {
    const auto [known, is_new] = options_.try_emplace({header_, name}, line_);
    if (!is_new) {
      error(line_,
            fmt::format("[{}] {} stands twice, first at line {}", util::printable(header_, 80),
                        util::printable(name, 80), known->second),
            "keep one of them");
    }
    section_->options.push_back({name + condition_, std::string(value), Place{source_, line_}});
    option_ = &section_->options.back();
  }

  // " ;" ends a line even inside a regular expression, and nobody expects it there.
  void warn_of_cut_expression(std::string_view cut) {
    if (option_ == nullptr || cut.find_first_of("\\()[]<>$^*") == std::string_view::npos ||
        !(option_->name.ends_with("regex") || option_->name.ends_with("pattern"))) {
      return;
    }
    diagnostics_.add({.severity = Severity::kWarning,
                      .place = Place{source_, line_},
                      .section = header_,
                      .key = option_->name,
                      .problem = fmt::format("'{}' is a comment, not part of the expression",
                                             util::printable(cut, 80)),
                      .suggestion = "write [;] where a semicolon is meant"});
  }

  Layer finish() {
    for (RawSection& section : layer_.sections) {
      for (RawOption& option : section.options) {
        const std::size_t last = option.value.find_last_not_of(" \t\n");
        option.value.resize(last == std::string::npos ? 0 : last + 1);
      }
    }
    return std::move(layer_);
  }

  std::string source_;
  Diagnostics& diagnostics_;
  Layer layer_;
  std::size_t line_ = 0;
  // The section and option that the next line may continue. They point into layer_, at the last
  // element of a vector each, so that appending never leaves them dangling.
  RawSection* section_ = nullptr;
  RawOption* option_ = nullptr;
  // Takes the lines that continue one in error, so that it is told once.
  RawOption discarded_;
  std::size_t indent_ = 0;
  std::string header_;
  std::string condition_;
  bool told_of_missing_header_ = false;
  std::map<std::string, std::size_t> headers_;
  std::map<std::pair<std::string, std::string>, std::size_t> options_;
};

}  // namespace

Layer parse_ini(std::string_view text, std::string_view source, Diagnostics& diagnostics) {
  return Parser(source, diagnostics).parse(text);
}

}  // namespace warder::config
