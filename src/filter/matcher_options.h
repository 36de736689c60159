#pragma once

#include "filter/calendar.h"
#include "filter/time_zone.h"
#include "net/address.h"

#include <cstddef>
#include <optional>
#include <vector>

namespace warder::filter {

// Finding::text is cut to this; captured values too.
inline constexpr std::size_t kLongestText = 2048;

// How the dates of a log's lines are read for one filter.
struct DateOptions {
  // Of dates that name no zone; empty is the system's.
  std::optional<TimeZone> zone;
  DateRules rules = DateRules::kOwn;
};

struct MatcherOptions {
  // Our own list of proxies whose word about the client is taken (JSON logs), and which are never
  // found themselves.
  std::vector<net::Prefix> trusted_proxies;
  DateOptions dates;
  // By the filter's index in the list given to Matcher::build(), in place of `dates`; may be
  // shorter than that list.
  std::vector<DateOptions> dates_by_filter;

  const DateOptions& dates_of(std::size_t filter) const {
    return filter < dates_by_filter.size() ? dates_by_filter[filter] : dates;
  }
};

}  // namespace warder::filter
