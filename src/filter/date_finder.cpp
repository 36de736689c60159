#include "filter/date_finder.h"

#include "filter/date_scan.h"

#include <algorithm>
#include <utility>

namespace warder::filter {
namespace {

// A template that was not used for so long gives its place up to one that is.
constexpr std::chrono::seconds kLongUnused{300};

bool is_alnum(int c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

int at_or_none(std::string_view text, std::size_t at) {
  return at < text.size() ? static_cast<unsigned char>(text[at]) : -1;
}

// The character before `at`.
int before_or_none(std::string_view text, std::size_t at) {
  return at == 0 ? -1 : at_or_none(text, at - 1);
}

}  // namespace

double DateFinder::Use::weight() const {
  return static_cast<double>(hits) * date_template->weight() /
         static_cast<double>(std::max<std::size_t>(1, distance));
}

DateFinder::DateFinder(const DateTemplates& templates, DateRules rules)
    : templates_(templates), rules_(rules), list_(kind_of(templates)) {
  for (const auto& each : templates) {
    uses_.push_back(Use{each});
  }
}

std::optional<FoundDate> DateFinder::find(std::string_view text, util::WallTime now) {
  if (rules_ == DateRules::kOwn) {
    return find_alone(templates_, list_, text);
  }
  const std::optional<Hit> hit = find_learned(text);
  if (!hit) {
    return std::nullopt;
  }
  learn(*hit, text, now);
  return hit->found;
}

std::optional<FoundDate> DateFinder::find_alone(const DateTemplates& templates,
                                                std::string_view text) {
  return find_alone(templates, kind_of(templates), text);
}

DateFinder::List DateFinder::kind_of(const DateTemplates& templates) {
  return templates == default_templates()      ? List::kDefault
         : templates == line_begin_templates() ? List::kLineBegin
                                               : List::kOther;
}

std::optional<FoundDate> DateFinder::find_alone(const DateTemplates& templates, List list,
                                                std::string_view text) {
  if (list != List::kOther) {
    const DateScan scan = scan_for_date(text, list == List::kLineBegin);
    if (scan.found || !scan.unsure) {
      return scan.found;
    }
    if (!may_have_default_date(text)) {
      return std::nullopt;
    }
  }
  const LineTraits traits = LineTraits::of(text);
  std::optional<FoundDate> best;
  std::optional<FoundDate> unreadable;
  for (const auto& each : templates) {
    const auto found = each->may_match(traits) ? each->find(text) : std::nullopt;
    if (!found) {
      continue;
    }
    std::optional<FoundDate>& kept = found->fields.unreadable ? unreadable : best;
    if (each->is_anchored_at_begin() && !found->fields.unreadable) {
      return found;
    }
    if (!kept || found->match_begin < kept->match_begin) {
      kept = found;
    }
  }
  return best ? best : unreadable;
}

std::optional<FoundDate> DateFinder::match(std::size_t index, std::string_view text,
                                           std::size_t from) {
  auto found = uses_[index].date_template->find(text, from);
  uses_[index].matches += found ? 1 : 0;
  return found;
}

// Is what stood beside the last date there again: outside of it the same, or inside a character
// that is no part of a word?
bool DateFinder::stands_where_last(std::string_view text) const {
  const bool begin = before_or_none(text, begin_.at) == begin_.before ||
                     (at_or_none(text, begin_.at) == begin_.behind && !is_alnum(begin_.behind));
  const bool end = at_or_none(text, end_.at) == end_.behind ||
                   (before_or_none(text, end_.at) == end_.before && !is_alnum(end_.before));
  return begin && end;
}

// The template of the last date, at its place where the line looks alike. `candidate` is set when
// it matches elsewhere, `tried` when it need not be tried again.
std::optional<DateFinder::Hit> DateFinder::try_last(std::string_view text,
                                                    std::optional<Hit>& candidate,
                                                    std::size_t& tried) {
  if (last_ >= uses_.size()) {
    return std::nullopt;
  }
  const bool anchored = uses_[last_].date_template->is_anchored();
  std::optional<FoundDate> found;
  if (!anchored && stands_where_last(text)) {
    found =
        begin_.at <= text.size() ? match(last_, text.substr(0, end_.at), begin_.at) : std::nullopt;
  } else {
    found = match(last_, text);
    tried = last_;
  }
  if (!found) {
    return std::nullopt;
  }
  const Hit hit{*found, last_};
  if (uses_.size() == 1 || anchored ||
      (found->match_begin == begin_.at && found->match_end == end_.at)) {
    return hit;
  }
  candidate = hit;
  return std::nullopt;
}

std::optional<DateFinder::Hit> DateFinder::find_learned(std::string_view text) {
  std::optional<Hit> candidate;
  std::size_t tried = SIZE_MAX;
  if (auto hit = try_last(text, candidate, tried)) {
    return hit;
  }
  if (list_ == List::kDefault && !candidate && !may_have_default_date(text)) {
    return std::nullopt;
  }
  const LineTraits traits = LineTraits::of(text);
  for (std::size_t index = 0; index < uses_.size(); ++index) {
    const Use& use = uses_[index];
    if (index == tried || !use.date_template->may_match(traits)) {
      continue;
    }
    const auto found = match(index, text);
    if (!found) {
      continue;
    }
    const std::size_t distance = found->match_begin;
    // Found at the begin as before, and the next one was never needed.
    const bool settled =
        distance == 0 && use.hits > 0 && index + 1 < uses_.size() && uses_[index + 1].matches == 0;
    if (index + 1 == uses_.size() || use.date_template->is_anchored() || settled ||
        (distance <= use.distance && distance <= begin_.at)) {
      return Hit{*found, index};
    }
    // Further behind than the last time: perhaps another date, in the text.
    if (!candidate || distance < candidate->found.match_begin) {
      candidate = Hit{*found, index};
    }
  }
  return candidate;
}

void DateFinder::learn(const Hit& hit, std::string_view text, util::WallTime now) {
  Use& use = uses_[hit.index];
  ++use.hits;
  use.last_used = now;
  use.distance = hit.found.match_begin;
  if (first_unused_ == hit.index) {
    ++first_unused_;
  }
  const auto edge = [&](std::size_t at) {
    return Edge{at, before_or_none(text, at), at_or_none(text, at)};
  };
  begin_ = edge(hit.found.match_begin);
  end_ = edge(hit.found.match_end);
  last_ = hit.index != 0 && hit.index != last_ ? reorder(hit.index) : hit.index;
}

// Moves a template towards the front if it earned that. Gives its place.
std::size_t DateFinder::reorder(std::size_t index) {
  const Use& use = uses_[index];
  const auto may_take = [&](std::size_t place) {
    return use.weight() > uses_[place].weight() ||
           use.last_used - kLongUnused > uses_[place].last_used;
  };
  std::size_t place = first_unused_ < index ? first_unused_ : index / 2;
  if (!may_take(place)) {
    if (place + 1 == index) {
      return index;
    }
    place = index - 1;
    if (!may_take(place)) {
      return index;
    }
  }
  const auto begin = uses_.begin();
  std::rotate(begin + static_cast<std::ptrdiff_t>(place),
              begin + static_cast<std::ptrdiff_t>(index),
              begin + static_cast<std::ptrdiff_t>(index) + 1);
  while (first_unused_ < uses_.size() && uses_[first_unused_].hits > 0) {
    ++first_unused_;
  }
  return place;
}

}  // namespace warder::filter
