#pragma once

#include "filter/calendar.h"
#include "filter/line_decoder.h"
#include "filter/time_zone.h"
#include "net/address.h"

#include <cstddef>
#include <optional>
#include <vector>

namespace warder::filter {

// Finding::text is cut to this; captured values too.
inline constexpr std::size_t kLongestText = 2048;

// How the lines of a log are read for one filter.
struct LineOptions {
  // Of dates that name no zone; empty is the system's.
  std::optional<TimeZone> zone;
  DateRules rules = DateRules::kOwn;
  // Of the text, where it is not UTF-8.
  std::optional<Encoding> encoding;
};

struct MatcherOptions {
  // Our own list of proxies whose word about the client is taken (JSON logs), and which are never
  // found themselves.
  std::vector<net::Prefix> trusted_proxies;
  LineOptions lines;
  // By the filter's index in the list given to Matcher::build(), in place of `lines`; may be
  // shorter than that list.
  std::vector<LineOptions> lines_by_filter;

  const LineOptions& lines_of(std::size_t filter) const {
    return filter < lines_by_filter.size() ? lines_by_filter[filter] : lines;
  }
};

}  // namespace warder::filter
