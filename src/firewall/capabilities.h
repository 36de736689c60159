#pragma once

#include "util/result.h"

namespace warder::firewall {

// Leaves this process CAP_NET_ADMIN and nothing else, also in the bounding set as far as it may,
// and with PR_SET_NO_NEW_PRIVS no way to get anything back. Does nothing that is done already (the
// service manager did it). kDenied when CAP_NET_ADMIN itself is missing.
util::Status keep_only_net_admin();

}  // namespace warder::firewall
