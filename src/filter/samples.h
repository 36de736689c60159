#pragma once

#include "filter/definition.h"
#include "filter/filter.h"

#include <memory>
#include <vector>

namespace warder::filter {

// Reads the section [Samples] (filters/README.md describes its form) and leaves out the samples
// whose conditions (@mode=...) the options of [Definition] do not meet. Adds what is wrong to
// `problems`.
std::vector<Sample> read_samples(const Definition& definition, Problems& problems);

// Runs the filter's samples through a Matcher of its own and adds every one that fails to
// `problems`, and, if the policy requires samples, that there are none of a kind. Dates without a
// zone are read as UTC, so that the outcome does not depend on the host.
void check_samples(const std::shared_ptr<const Filter>& filter, const Definition& definition,
                   SamplePolicy policy, Problems& problems);

}  // namespace warder::filter
