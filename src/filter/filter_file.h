#pragma once

#include "filter/definition.h"
#include "filter/filter.h"
#include "util/result.h"

namespace warder::filter {

// A filter file as read: the options of [Definition] and [Init] as the parameters leave them, all
// under "Definition", and [Samples] as it stands.
//
// kNotFound with the folders searched; kInvalid for a name that is no file name, for what the INI
// reader refuses, for an option that cannot be resolved, and for a parameter that the filter does
// not know (it would silently do nothing).
util::Result<Definition> read_filter_file(const FilterRequest& request, config::FileReader& files);

}  // namespace warder::filter
