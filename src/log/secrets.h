#pragma once

#include <string_view>

namespace warder::log {

// Takes back one register_secret(): for what is no secret any more because it ended by itself (a
// credential with a lease), so that years of them do not pile up. Thread safe.
void forget_secret(std::string_view secret);

}  // namespace warder::log
