#pragma once

#include "config/section.h"
#include "fail2ban/jails.h"

#include <string>
#include <string_view>

namespace warder::fail2ban {

// The words fail2ban takes for yes; everything else is no.
bool is_yes(std::string_view text);

// Puts a jail's options, as fail2ban reads them, into the words of our own jails: fills
// `plan.options` and the overrides of its filter, and remarks on what does not mean the same.
// `section` is the jail with everything resolved; `plan` has its name, actions and filter already.
void translate_options(const config::Section& section, config::FileReader& files,
                       const ReadOptions& options, JailPlan* plan);

}  // namespace warder::fail2ban
