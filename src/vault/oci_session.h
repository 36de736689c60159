#pragma once

#include "http/client.h"
#include "oci/endpoints.h"
#include "oci/security_token.h"
#include "util/clock.h"

namespace warder::vault {

// Exchanges session tokens at the token service: POST /v1/authentication/refresh of `endpoints`.
// `clock` must outlive what is returned.
oci::SecurityToken::Refresh oci_session_refresh(oci::Endpoints endpoints, http::ClientOptions http,
                                                const util::Clock& clock);

}  // namespace warder::vault
