#include "fail2ban/shell_words.h"

#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace warder::fail2ban {
namespace {

constexpr std::size_t kMostWords = 100;

// Words that are no programs at the beginning of a command (POSIX 2.4, 2.14 and what dash adds).
constexpr std::array<std::string_view, 43> kShellsOwn{
    "!",      "{",     "}",        ".",     ":",     "if",      "then", "else",     "elif",
    "fi",     "for",   "while",    "until", "do",    "done",    "case", "esac",     "in",
    "alias",  "bg",    "break",    "cd",    "chdir", "command", "eval", "exec",     "exit",
    "export", "fg",    "function", "hash",  "jobs",  "local",   "read", "readonly", "return",
    "set",    "shift", "source",   "time",  "trap",  "umask",   "unset"};
constexpr std::array<std::string_view, 7> kShells{"sh",  "bash", "dash",   "ash",
                                                  "zsh", "ksh",  "busybox"};

template <typename List>
bool holds(const List& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

util::Error needs_shell(std::string_view what) {
  return util::Error(util::ErrorCode::kInvalid, fmt::format("{} needs a shell", what));
}

std::string quoted(char c) { return fmt::format("'{}'", c); }

// The length of the tag at the beginning, 0 when there is none.
std::size_t tag_length(std::string_view text) {
  std::size_t at = 1;
  while (at < text.size() &&
         (std::isalnum(static_cast<unsigned char>(text[at])) != 0 || text[at] == '-' ||
          text[at] == '_' || text[at] == '.' || text[at] == '/')) {
    ++at;
  }
  return at > 1 && at < text.size() && text[at] == '>' ? at + 1 : 0;
}

bool is_assignment(std::string_view word) {
  const std::size_t equals = word.find('=');
  return equals != std::string_view::npos && equals > 0 &&
         std::all_of(word.begin(), word.begin() + static_cast<std::ptrdiff_t>(equals), [](char c) {
           return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
         });
}

class Words {
 public:
  explicit Words(std::string_view command) : rest_(command) {}

  util::Result<std::vector<std::string>> run() {
    while (!rest_.empty()) {
      WARDER_RETURN_IF_ERROR(step());
    }
    WARDER_RETURN_IF_ERROR(end_word());
    if (words_.empty()) {
      return util::Error(util::ErrorCode::kInvalid, "there is no command");
    }
    WARDER_RETURN_IF_ERROR(judge_program());
    return std::move(words_);
  }

 private:
  util::Status step() {
    const char c = rest_.front();
    if (c == ' ' || c == '\t') {
      rest_.remove_prefix(1);
      return end_word();
    }
    if (rest_.starts_with("\\\n")) {
      rest_.remove_prefix(2);
      return {};
    }
    if (c == '\'' || c == '"') {
      return take_quoted(c);
    }
    if (c == '<') {
      if (const std::size_t length = tag_length(rest_); length > 0) {
        take(length);
        return {};
      }
      return needs_shell("a redirection");
    }
    if (c == '#' && !in_word_) {
      return needs_shell("a comment");
    }
    if (c == '~' && !in_word_) {
      return needs_shell("'~' for a home folder");
    }
    if (const auto why = why_not(c); !why.empty()) {
      return needs_shell(why);
    }
    take(1);
    return {};
  }

  static std::string why_not(char c) {
    switch (c) {
      case '\n':
        return "a second command, on a line of its own,";
      case ';':
      case '&':
      case '|':
        return fmt::format("{}, more than one command,", quoted(c));
      case '>':
        return "a redirection";
      case '$':
      case '`':
        return fmt::format("{}, something to be replaced,", quoted(c));
      case '*':
      case '?':
      case '[':
      case ']':
      case '{':
      case '}':
        return fmt::format("{}, a pattern,", quoted(c));
      case '(':
      case ')':
      case '\\':
        return quoted(c);
      default:
        return static_cast<unsigned char>(c) < 0x20 ? "a control character" : "";
    }
  }

  util::Status take_quoted(char quote) {
    rest_.remove_prefix(1);
    const std::size_t end = rest_.find(quote);
    if (end == std::string_view::npos) {
      return needs_shell("a quote that does not end");
    }
    const std::string_view text = rest_.substr(0, end);
    if (text.find('\n') != std::string_view::npos) {
      return needs_shell("a line end within quotes");
    }
    if (const std::size_t at = text.find_first_of("$`\\"); quote == '"' && at < text.size()) {
      return needs_shell(fmt::format("{} within double quotes", quoted(text[at])));
    }
    take(end);
    rest_.remove_prefix(1);
    return {};
  }

  void take(std::size_t length) {
    word_ += rest_.substr(0, length);
    in_word_ = true;
    rest_.remove_prefix(length);
  }

  util::Status end_word() {
    if (in_word_) {
      if (words_.size() == kMostWords) {
        return util::Error(util::ErrorCode::kInvalid,
                           fmt::format("there are more than {} words", kMostWords));
      }
      words_.push_back(std::exchange(word_, {}));
      in_word_ = false;
    }
    return {};
  }

  util::Status judge_program() const {
    const std::string& program = words_.front();
    if (is_assignment(program)) {
      return needs_shell("a variable before the command");
    }
    if (holds(kShellsOwn, program)) {
      return needs_shell(fmt::format("'{}', a word of the shell's,", program));
    }
    if (holds(kShells, program.substr(program.rfind('/') + 1))) {
      return needs_shell(fmt::format("{} is one: it", util::printable(program, 80)));
    }
    if (program.find('<') != std::string::npos) {
      return needs_shell("a program that a tag names");
    }
    return {};
  }

  std::string_view rest_;
  std::string word_;
  bool in_word_ = false;
  std::vector<std::string> words_;
};

}  // namespace

util::Result<std::vector<std::string>> plain_words(std::string_view command) {
  return Words(command).run();
}

}  // namespace warder::fail2ban
