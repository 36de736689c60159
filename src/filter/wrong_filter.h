#pragma once

#include "config/file_reader.h"
#include "filter/filter.h"

namespace warder::filter {

// Is a text filter that load_filter() refuses wrong in itself, so that fail2ban does not start with
// it either: an expression that Python refuses, or a failregex that captures nobody? False for what
// only this program refuses, and for a filter that cannot be read.
bool is_wrong_filter(const FilterRequest& request, config::FileReader& files);
bool is_wrong_filter(const FilterRequest& request);

}  // namespace warder::filter
