#pragma once

#include "agent/paint.h"
#include "engine/trial.h"
#include "filter/filter.h"

#include <string>
#include <string_view>

namespace warder::agent {

// What `warder test` prints.
std::string trial_text(const filter::Filter& filter, const engine::TrialReport& report,
                       const Paint& paint);
std::string trial_json(const filter::Filter& filter, const engine::TrialReport& report);

// `-o TOKEN` for one finding: id, ip, msg, row, the name of a capture, or a template with <TAG>s.
std::string finding_as(std::string_view token, const model::Finding& finding);

}  // namespace warder::agent
