#include "config/reference.h"

#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace warder::config {
namespace {

constexpr std::string_view kWhiteSpace = " \t\r\n";

bool is_name_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         c == '-' || c == '.';
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  bool at_end() const { return at_ == text_.size(); }

  bool at_white_space() const {
    return !at_end() && kWhiteSpace.find(text_[at_]) != std::string_view::npos;
  }

  void skip_white_space() {
    at_ = std::min(text_.find_first_not_of(kWhiteSpace, at_), text_.size());
  }

  // A reference up to one of `ends` outside brackets, or the end of the text.
  util::Result<Reference> reference(std::string_view ends) {
    Reference result;
    const std::size_t start = at_;
    at_ = std::min(text_.find_first_of(std::string("[").append(ends), at_), text_.size());
    result.name = text_.substr(start, at_ - start);
    if (result.name.empty()) {
      return refuse("a name is missing");
    }
    while (next_is('[')) {
      ++at_;
      WARDER_RETURN_IF_ERROR(group(&result.parameters));
      // White space between two groups is no end.
      const std::size_t after = at_;
      skip_white_space();
      if (!next_is('[')) {
        at_ = after;
      }
    }
    return result;
  }

  util::Error refuse(std::string_view why) const {
    return util::Error(util::ErrorCode::kInvalid,
                       fmt::format("'{}' is no name with parameters: {} at character {}; write for "
                                   "instance name[key=value, other=\"a, b\"]",
                                   util::printable(text_, 120), why, at_ + 1));
  }

 private:
  bool next_is(char c) const { return at_ < text_.size() && text_[at_] == c; }

  // What follows '[' up to and with its ']'.
  util::Status group(Parameters* parameters) {
    while (true) {
      skip_white_space();
      if (next_is(']')) {
        ++at_;
        return {};
      }
      WARDER_ASSIGN_OR_RETURN(std::string name, parameter_name());
      WARDER_ASSIGN_OR_RETURN(std::string value, parameter_value());
      parameters->insert_or_assign(std::move(name), std::move(value));
      if (next_is(',')) {
        ++at_;
      } else if (!next_is(']')) {
        return refuse(at_end() ? "']' is missing" : "',' or ']' is missing");
      }
    }
  }

  std::string_view word() {
    const std::size_t start = at_;
    while (at_ < text_.size() && is_name_character(text_[at_])) {
      ++at_;
    }
    return text_.substr(start, at_ - start);
  }

  // "b" or the conditional form "b?family=inet6", and the '=' behind.
  util::Result<std::string> parameter_name() {
    std::string name(word());
    if (name.empty()) {
      return refuse("a parameter name is missing");
    }
    if (next_is('?')) {
      ++at_;
      const std::string_view key = word();
      if (key.empty() || !next_is('=')) {
        return refuse("a condition must read ?key=value");
      }
      ++at_;
      name += fmt::format("?{}={}", key, word());
    }
    if (!next_is('=')) {
      return refuse("'=' is missing");
    }
    ++at_;
    return name;
  }

  util::Result<std::string> parameter_value() {
    if (next_is('"') || next_is('\'')) {
      const std::size_t end = text_.find(text_[at_], at_ + 1);
      // A quote that is never closed is an ordinary character to the reference.
      if (end != std::string_view::npos) {
        const std::string_view quoted = text_.substr(at_ + 1, end - at_ - 1);
        at_ = end + 1;
        return std::string(util::trim(quoted));
      }
    }
    const std::size_t start = at_;
    at_ = std::min(text_.find_first_of(",]", at_), text_.size());
    return std::string(util::trim(text_.substr(start, at_ - start)));
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

util::Result<Reference> parse_reference(std::string_view text) {
  Parser parser(text);
  WARDER_ASSIGN_OR_RETURN(Reference result, parser.reference(""));
  parser.skip_white_space();
  if (!parser.at_end()) {
    return parser.refuse("unexpected text");
  }
  return result;
}

util::Result<std::vector<Reference>> parse_references(std::string_view text) {
  Parser parser(text);
  std::vector<Reference> list;
  parser.skip_white_space();
  while (!parser.at_end()) {
    WARDER_ASSIGN_OR_RETURN(Reference result, parser.reference(kWhiteSpace));
    list.push_back(std::move(result));
    const bool separated = parser.at_white_space();
    parser.skip_white_space();
    if (!separated && !parser.at_end()) {
      return parser.refuse("white space is missing");
    }
  }
  return list;
}

}  // namespace warder::config
