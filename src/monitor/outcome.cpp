#include "monitor/outcome.h"

#include "util/strings.h"

#include <nlohmann/json.hpp>

namespace warder::monitor {
namespace {

using nlohmann::json;

constexpr std::size_t kLongestFacts = 12'000;
constexpr std::string_view kStates[] = {"good", "bad", "unknown"};

std::string text_of(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string()
             ? util::printable_again(found->get_ref<const std::string&>(), Outcome::kLongestText)
             : std::string();
}

std::string raw_of(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

std::string_view to_string(Outcome::State state) {
  return kStates[static_cast<std::size_t>(state)];
}

std::string outcomes_json(const std::vector<Outcome>& outcomes) {
  json list = json::array();
  for (const Outcome& outcome : outcomes) {
    list.push_back({{"check", to_string(outcome.check)},
                    {"state", to_string(outcome.state)},
                    {"text", outcome.text},
                    {"cause", outcome.cause},
                    {"next", outcome.next},
                    {"facts", outcome.facts},
                    {"mark", outcome.mark},
                    {"baseline", outcome.baseline}});
  }
  return list.dump(-1, ' ', false, json::error_handler_t::replace);
}

util::Result<std::vector<Outcome>> parse_outcomes(std::string_view text) {
  const json list = json::parse(text, nullptr, false);
  if (!list.is_array() || list.size() > kChecks) {
    return util::Error(util::ErrorCode::kInvalid, "the answer of the check is no list of outcomes");
  }
  std::vector<Outcome> outcomes;
  for (const json& object : list) {
    const auto check = object.is_object() ? parse_check(raw_of(object, "check")) : std::nullopt;
    if (!check) {
      return util::Error(util::ErrorCode::kInvalid, "the answer names a check that does not exist");
    }
    Outcome outcome;
    outcome.check = *check;
    const std::string state = raw_of(object, "state");
    outcome.state = state == kStates[0]   ? Outcome::State::kGood
                    : state == kStates[1] ? Outcome::State::kBad
                                          : Outcome::State::kUnknown;
    outcome.text = text_of(object, "text");
    outcome.cause = text_of(object, "cause");
    outcome.next = text_of(object, "next");
    outcome.mark = raw_of(object, "mark");
    outcome.baseline = raw_of(object, "baseline");
    outcome.facts = raw_of(object, "facts");
    if (outcome.facts.size() > kLongestFacts || !json::accept(outcome.facts)) {
      outcome.facts.clear();
    }
    outcomes.push_back(std::move(outcome));
  }
  return outcomes;
}

}  // namespace warder::monitor
