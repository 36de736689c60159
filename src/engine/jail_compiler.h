#pragma once

#include "config/diagnostics.h"
#include "config/values.h"
#include "engine/configuration.h"
#include "engine/jail_set.h"
#include "filter/filter.h"
#include "jail/options.h"

#include <optional>

// From the checked options of one jail to what the pipeline runs by.
namespace warder::engine {

// The filter that `filter = name[...]` of one of our own jails asks for. Empty, and told, when the
// words cannot be read.
std::optional<filter::FilterRequest> filter_request(const jail::JailOptions& options,
                                                    const config::Values& values,
                                                    const MainConfiguration& main,
                                                    config::Diagnostics& diagnostics);

// Loads the filter and joins it with the options. Empty, and everything told, when something is
// wrong.
std::optional<CompiledJail> compile_jail(jail::JailOptions options, const config::Values& values,
                                         const filter::FilterRequest& request,
                                         const MainConfiguration& main,
                                         config::Diagnostics& diagnostics);

// A jail with a wrong value does not run, but what is wrong with its filter is told along with it.
void judge_filter_alone(const config::Values& values, const MainConfiguration& main,
                        config::Diagnostics& diagnostics);

}  // namespace warder::engine
