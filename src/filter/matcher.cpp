#include "filter/matcher.h"

#include "filter/json_matcher.h"
#include "filter/text_matcher.h"

#include <utility>

namespace warder::filter {

struct Matcher::Parts {
  std::vector<std::shared_ptr<const Filter>> filters;
  std::vector<Counters> counters;
  std::unique_ptr<TextMatcher> text;
  std::unique_ptr<JsonMatcher> json;
  Reading reading = Reading::kLive;
};

Matcher::Matcher(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Matcher::~Matcher() = default;

util::Result<std::unique_ptr<Matcher>> Matcher::build(
    std::vector<std::shared_ptr<const Filter>> filters, MatcherOptions options) {
  auto parts = std::make_unique<Parts>();
  std::vector<TextPart> text;
  std::vector<JsonPart> json;
  for (std::size_t index = 0; index < filters.size(); ++index) {
    const Filter& filter = *filters[index];
    if (filter.format() == Format::kText) {
      text.push_back({filter.text(), index});
    } else {
      json.push_back({filter.json(), index});
    }
    parts->counters.emplace_back();
    parts->counters.back().patterns.resize(filter.patterns().size());
  }
  if (!json.empty()) {
    WARDER_ASSIGN_OR_RETURN(parts->json, JsonMatcher::build(std::move(json), options));
  }
  if (!text.empty()) {
    WARDER_ASSIGN_OR_RETURN(parts->text, TextMatcher::build(std::move(text), std::move(options)));
  }
  parts->filters = std::move(filters);
  return std::unique_ptr<Matcher>(new Matcher(std::move(parts)));
}

void Matcher::set_reading(Reading reading) { parts_->reading = reading; }

void Matcher::match(const model::Line& line, util::WallTime now, MatchHandler& handler) {
  if (parts_->text != nullptr && !line.shortened) {
    parts_->text->match(line, now, parts_->reading, parts_->counters, handler);
  }
  if (parts_->json != nullptr) {
    parts_->json->match(line, now, parts_->reading, parts_->counters, handler);
  }
}

void Matcher::forget_sessions() {
  if (parts_->text != nullptr) {
    parts_->text->forget_sessions();
  }
}

const Counters& Matcher::counters(std::size_t filter) const { return parts_->counters[filter]; }

std::uint64_t Matcher::undecodable() const {
  return parts_->text != nullptr ? parts_->text->undecodable() : 0;
}

}  // namespace warder::filter
