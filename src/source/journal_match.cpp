#include "source/journal_match.h"

#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>

namespace warder::source {
namespace {

constexpr std::size_t kLongestField = 64;

util::Error refuse(std::string why) {
  return {util::ErrorCode::kInvalid, fmt::format("journalmatch: {}", why)};
}

// The words of one line, quotes taken off.
util::Result<std::vector<std::string>> split_shell(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = '\0';
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    const bool blank = c == ' ' || c == '\t' || c == '\r';
    if (quote == '\0' && blank) {
      if (in_word) {
        words.push_back(std::exchange(word, {}));
      }
      in_word = false;
      continue;
    }
    in_word = true;
    if (quote == '\0' && (c == '\'' || c == '"')) {
      quote = c;
    } else if (c == quote) {
      quote = '\0';
    } else if (c == '\\' && quote != '\'' && i + 1 < line.size()) {
      word += line[++i];
    } else {
      word += c;
    }
  }
  if (quote != '\0') {
    return refuse(fmt::format("a quote ({}) is not closed", quote));
  }
  if (in_word) {
    words.push_back(std::move(word));
  }
  return words;
}

bool is_field_name(std::string_view name) {
  return !name.empty() && name.size() <= kLongestField && !(name[0] >= '0' && name[0] <= '9') &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
         });
}

}  // namespace

util::Result<JournalMatch> parse_journal_match(std::string_view text) {
  JournalMatch match;
  for (const std::string_view line : util::split(text, '\n')) {
    WARDER_ASSIGN_OR_RETURN(const std::vector<std::string> words, split_shell(line));
    if (words.empty()) {
      continue;
    }
    match.emplace_back();
    for (const std::string& word : words) {
      if (word == "+") {
        if (match.back().empty()) {
          return refuse("'+' has nothing before it");
        }
        match.emplace_back();
        continue;
      }
      const std::size_t equals = word.find('=');
      if (equals == std::string::npos || !is_field_name(std::string_view(word).substr(0, equals))) {
        return refuse(
            fmt::format("'{}' is no FIELD=value; write for instance "
                        "_SYSTEMD_UNIT=ssh.service",
                        util::printable(word, 128)));
      }
      match.back().push_back(word);
    }
    if (match.back().empty()) {
      return refuse("'+' has nothing after it");
    }
  }
  return match;
}

}  // namespace warder::source
