#include "ship/command_words.h"

#include "util/strings.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <array>
#include <optional>
#include <string_view>

namespace warder::ship {
namespace {

constexpr std::array<std::string_view, 8> kWords{"ip",   "family",   "name",    "kind",
                                                 "time", "bancount", "bantime", "failures"};

// Calls on_text and on_word with the parts of an argument, in order. A word is <letters>: what else
// stands between such brackets is text.
template <typename OnText, typename OnWord>
void parse(std::string_view argument, const OnText& on_text, const OnWord& on_word) {
  while (!argument.empty()) {
    const std::size_t open = argument.find('<');
    const std::size_t close =
        open == std::string_view::npos
            ? open
            : argument.find_first_not_of("abcdefghijklmnopqrstuvwxyz", open + 1);
    if (close == std::string_view::npos) {
      on_text(argument);
      return;
    }
    if (argument[close] != '>' || close == open + 1) {
      on_text(argument.substr(0, close));
      argument.remove_prefix(close);
      continue;
    }
    on_text(argument.substr(0, open));
    on_word(argument.substr(open + 1, close - open - 1));
    argument.remove_prefix(close + 1);
  }
}

std::int64_t seconds_of(util::WallTime time) {
  return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

// A number of the ban's detail (engine/README.md lists its members).
std::optional<std::int64_t> detail_of(const model::Event& event, const char* member) {
  const nlohmann::json detail = nlohmann::json::parse(event.detail, nullptr, false);
  if (!detail.is_object()) {
    return std::nullopt;
  }
  const auto found = detail.find(member);
  return found != detail.end() && found->is_number_integer()
             ? std::optional(found->get<std::int64_t>())
             : std::nullopt;
}

std::optional<std::string> value_of(std::string_view word, const model::Event& event) {
  if (word == "ip" && event.address) {
    return event.address->to_string();
  }
  if (word == "family" && event.address) {
    return event.address->address().is_v4() ? "inet4" : "inet6";
  }
  if (word == "name" && !event.jail.empty()) {
    return event.jail;
  }
  if (word == "kind") {
    return std::string(model::to_string(event.kind));
  }
  if (word == "time") {
    return std::to_string(seconds_of(event.time));
  }
  if (word == "bancount") {
    const auto count = detail_of(event, "count");
    return count ? std::optional(std::to_string(*count)) : std::nullopt;
  }
  if (word == "bantime" && detail_of(event, "count")) {  // no end: for ever
    const auto end = detail_of(event, "end");
    return end ? std::to_string(*end / 1'000'000 - seconds_of(event.time)) : "-1";
  }
  if (word == "failures" && detail_of(event, "count")) {  // a ban, perhaps of an older warder
    return std::to_string(detail_of(event, "findings").value_or(0));
  }
  return std::nullopt;
}

}  // namespace

util::Status check_command_words(const std::vector<std::string>& argv) {
  std::optional<std::string> wrong;
  for (const std::string& argument : argv) {
    parse(
        argument, [](std::string_view) {},
        [&](std::string_view word) {
          bool known = false;
          for (const std::string_view one : kWords) {
            known = known || one == word;
          }
          if (!known) {
            wrong = word;
          }
        });
  }
  if (!wrong) {
    return {};
  }
  return util::Error(
      util::ErrorCode::kInvalid,
      fmt::format("<{}> is no word for an argument; there are <ip>, <family>, <name> (the jail), "
                  "<kind>, <time>, <bantime>, <bancount> and <failures>; everything else is in the "
                  "JSON on standard input",
                  util::printable(*wrong, 64)));
}

bool has_command_words(const std::vector<std::string>& argv) {
  bool any = false;
  for (const std::string& argument : argv) {
    parse(argument, [](std::string_view) {}, [&](std::string_view) { any = true; });
  }
  return any;
}

util::Result<std::vector<std::string>> fill_command_words(const std::vector<std::string>& argv,
                                                          const model::Event& event) {
  std::vector<std::string> filled;
  std::optional<std::string> missing;
  for (const std::string& argument : argv) {
    std::string text;
    parse(
        argument, [&](std::string_view part) { text += part; },
        [&](std::string_view word) {
          if (const auto value = value_of(word, event)) {
            text += *value;
          } else {
            missing = word;
          }
        });
    filled.push_back(std::move(text));
  }
  if (missing) {
    return util::Error(util::ErrorCode::kInvalid,
                       fmt::format("an event of kind {} has nothing for <{}>",
                                   model::to_string(event.kind), util::printable(*missing, 64)));
  }
  return filled;
}

}  // namespace warder::ship
