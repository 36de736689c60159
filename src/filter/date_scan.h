#pragma once

#include "filter/date_pattern.h"

#include <optional>
#include <string_view>

namespace warder::filter {

// What reading by hand can say about a line.
struct DateScan {
  std::optional<FoundDate> found;
  // One of the rarer templates may match: they have to be tried.
  bool unsure = false;
};

// The date that the default templates find in a line by DateRules::kOwn (date_finder.h), where it
// is of a form that is read by hand and no other template can begin before it; nearly all lines of
// nearly all logs. With `line_begin_only` the templates of {^LN-BEG}.
DateScan scan_for_date(std::string_view text, bool line_begin_only);

// Can any of the default templates match at all? One pass over the line.
bool may_have_default_date(std::string_view text);

}  // namespace warder::filter
