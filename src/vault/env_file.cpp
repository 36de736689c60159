#include "vault/env_file.h"

#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>

namespace warder::vault {
namespace {

constexpr std::size_t kLongest = std::size_t{1} << 20U;
constexpr std::size_t kMostVariables = 1000;

bool is_name_start(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; }
bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 200 && is_name_start(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return is_name_start(c) || (c >= '0' && c <= '9') || c == '.'; });
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  util::Result<std::vector<EnvVariable>> run() {
    while (at_ < text_.size()) {
      read_line();
    }
    if (!problems_.empty()) {
      return util::Error(util::ErrorCode::kInvalid, problems_);
    }
    return std::move(variables_);
  }

 private:
  void wrong(std::size_t line, std::string_view what) {
    if (++wrong_ <= 20) {
      problems_ += fmt::format("{}line {}: {}", problems_.empty() ? "" : "\n", line, what);
    }
  }
  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\r')) {
      ++at_;
    }
  }
  // Over the end of the present line.
  void next_line() {
    const std::size_t end = text_.find('\n', at_);
    at_ = end == std::string_view::npos ? text_.size() : end + 1;
    ++line_;
  }
  bool at_line_end() const { return at_ >= text_.size() || text_[at_] == '\n'; }

  void read_line() {
    skip_blanks();
    if (at_line_end() || text_[at_] == '#') {
      return next_line();
    }
    const std::size_t line_end = std::min(text_.find('\n', at_), text_.size());
    std::string_view head = text_.substr(at_, line_end - at_);
    if (head.starts_with("export ")) {
      head.remove_prefix(7);
    }
    const std::size_t equals = head.find('=');
    const std::string_view name = util::trim(head.substr(0, std::min(equals, head.size())));
    if (equals == std::string_view::npos || !is_name(name)) {
      wrong(line_, "is no NAME=value");
      return next_line();
    }
    at_ = static_cast<std::size_t>(head.data() - text_.data()) + equals + 1;
    const std::size_t line = line_;
    std::string value;
    if (!read_value(&value)) {
      wrong(line, fmt::format("the value of {} has no closing quote", util::printable(name, 60)));
      crypto::wipe(&value);
      return;
    }
    skip_blanks();
    if (!at_line_end() && text_[at_] != '#') {
      wrong(line_,
            fmt::format("something stands behind the value of {}", util::printable(name, 60)));
    }
    next_line();
    keep(name, std::move(value));
  }

  // False: a quote was not closed; everything was read then.
  bool read_value(std::string* value) {
    if (at_ < text_.size() && (text_[at_] == '\'' || text_[at_] == '"')) {
      const char quote = text_[at_++];
      while (at_ < text_.size() && text_[at_] != quote) {
        char c = text_[at_++];
        if (quote == '"' && c == '\\' && at_ < text_.size()) {
          const char next = text_[at_];
          if (next == '"' || next == '\\' || next == '$' || next == '`') {
            c = next;
            ++at_;
          } else if (next == 'n') {
            c = '\n';
            ++at_;
          }
        } else if (c == '\n') {
          ++line_;
        }
        *value += c;
      }
      if (at_ >= text_.size()) {
        return false;
      }
      ++at_;
      return true;
    }
    const std::size_t start = at_;
    while (!at_line_end() && !(text_[at_] == '#' && at_ > start &&
                               (text_[at_ - 1] == ' ' || text_[at_ - 1] == '\t'))) {
      ++at_;
    }
    *value = util::trim(text_.substr(start, at_ - start));
    return true;
  }

  void keep(std::string_view name, std::string value) {
    crypto::SecretString secret = crypto::SecretString::take(std::move(value));
    for (EnvVariable& variable : variables_) {
      if (variable.name == name) {
        variable.value = std::move(secret);
        return;
      }
    }
    if (variables_.size() >= kMostVariables) {
      wrong(line_, fmt::format("there are more than {} variables", kMostVariables));
      at_ = text_.size();
      return;
    }
    variables_.push_back({std::string(name), std::move(secret)});
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::size_t wrong_ = 0;
  std::string problems_;
  std::vector<EnvVariable> variables_;
};

}  // namespace

util::Result<std::vector<EnvVariable>> parse_env_file(std::string_view text) {
  if (text.size() > kLongest) {
    return util::Error(util::ErrorCode::kInvalid,
                       fmt::format("the file is longer than {} bytes", kLongest));
  }
  return Parser(text).run();
}

}  // namespace warder::vault
