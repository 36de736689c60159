#include "filter/unsupported.h"

#include "filter/regex_scanner.h"

#include <fmt/format.h>

#include <array>

namespace warder::filter {
namespace {

struct Construct {
  std::string_view begin;
  std::string_view name;
  std::string_view instead;
};

constexpr std::array<Construct, 7> kGroups{{
    {"(?=", "look-ahead", "match what follows instead of looking at it"},
    {"(?!", "negative look-ahead",
     "say what may stand there ([^x] for 'not x'), or put the exception into ignoreregex"},
    {"(?<=", "look-behind", "match what precedes as part of the expression"},
    {"(?<!", "negative look-behind", "say what may precede, e.g. (?:^|[^x]) for 'not after x'"},
    {"(?>", "atomic group", "write (?: instead: RE2 never backtracks"},
    {"(?(", "conditional group", "write two expressions, one with the group and one without"},
    {"(?P=", "back-reference", "write one expression for each value the group can have"},
}};

util::Error refuse(std::size_t at, std::string_view construct, std::string_view name,
                   std::string_view instead) {
  return {util::ErrorCode::kInvalid,
          fmt::format("column {}: '{}' ({}) is not supported, because it cannot be matched in "
                      "linear time; {}",
                      at + 1, construct, name, instead)};
}

}  // namespace

util::Status check_supported(std::string_view regex) {
  bool after_quantifier = false;
  for (RegexScanner scanner(regex); !scanner.done(); scanner.next()) {
    if (scanner.in_class()) {
      after_quantifier = false;
      continue;
    }
    if (scanner.is_escape()) {
      const char c = scanner.element()[1];
      if (c >= '1' && c <= '9') {
        return refuse(scanner.at(), scanner.element(), "back-reference",
                      "write one expression for each value the group can have");
      }
      after_quantifier = false;
      continue;
    }
    for (const Construct& construct : kGroups) {
      if (scanner.rest().starts_with(construct.begin)) {
        return refuse(scanner.at(), construct.begin, construct.name, construct.instead);
      }
    }
    if (scanner.is('+') && after_quantifier) {
      return refuse(scanner.at() - 1, regex.substr(scanner.at() - 1, 2), "possessive quantifier",
                    "leave the second '+' out: RE2 never backtracks");
    }
    // `a+?` is lazy, so that a '+' behind it repeats nothing and is left to RE2 to refuse.
    after_quantifier = scanner.is('*') || scanner.is('+') || scanner.is('?') || scanner.is('}');
    if (scanner.is('?') && scanner.at() > 0 && regex[scanner.at() - 1] == '(') {
      after_quantifier = false;
    }
  }
  return {};
}

}  // namespace warder::filter
