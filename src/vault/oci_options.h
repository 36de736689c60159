#pragma once

#include "config/keys.h"
#include "config/values.h"
#include "oci/credentials.h"
#include "oci/endpoints.h"
#include "util/clock.h"
#include "util/result.h"
#include "vault/oci_vault.h"
#include "vault/server_options.h"

#include <memory>
#include <string>

namespace warder::vault {

// The keys of [vault] for provider = oci.
const config::Table& oci_table();

// Does the environment ask for OCI Vault (OCI_VAULT_ENABLED=true), when `provider` is not set?
bool oci_enabled_by(const Environment& environment);

// Who we are to OCI and where it is: for the vault, and for everything else that is sent there.
struct OciAccount {
  std::unique_ptr<oci::Credentials> credentials;
  oci::Endpoints endpoints;
  http::ClientOptions http;
};

// From the configuration and the variables OCI_TENANCY_OCID, OCI_USER_OCID, OCI_FINGERPRINT,
// OCI_KEY_FILE, OCI_REGION, OCI_CONFIG_FILE, OCI_CLI_PROFILE; one that is set wins over its key.
// Reads the key; for an instance, asks the metadata and the token service. kInvalid, kNotFound,
// kDenied, kUnavailable, each with what to do.
util::Result<OciAccount> open_oci_account(const config::Values& values,
                                          const Environment& environment, const util::Clock& clock);

// The vault, with an account of its own, which is opened when the vault is first asked: a host
// whose metadata service is not there yet can start. OCISECRET_OCID in the environment wins over
// oci_settings_secret. kInvalid for OCIDs that are none. `clock` must outlive it.
util::Result<std::unique_ptr<Provider>> open_oci_vault(const config::Values& values,
                                                       const Environment& environment,
                                                       const util::Clock& clock);

}  // namespace warder::vault
