#pragma once

#include "firewall/firewall.h"
#include "firewall/options.h"
#include "util/clock.h"
#include "util/result.h"

#include <memory>

namespace warder::firewall {

// The configured firewall. With Backend::kHelper it succeeds though the helper is away; with
// Backend::kNftables kDenied names the remedy. `clock` must outlive it.
util::Result<std::unique_ptr<Firewall>> open_firewall(const Options& options,
                                                      const util::Clock& clock);

}  // namespace warder::firewall
