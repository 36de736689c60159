#pragma once

#include "http/client.h"
#include "oci/credentials.h"
#include "oci/endpoints.h"
#include "util/clock.h"
#include "util/result.h"

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace warder::vault {

struct OciInstanceOptions {
  // The metadata service of the instance; only tests name another.
  std::string metadata = "http://169.254.169.254/opc/v2";
  // The token service. Empty: that of the instance's region.
  std::string federation = {};
  std::string ca_file = {};  // of the token service, instead of the system's
};

// The identity of the cloud instance this host is: the metadata service gives a certificate and its
// key, the token service a token for a session key that is made here and never leaves memory. The
// certificate, its key and the token are renewed together, at half of the token's life or when a
// service refuses it.
//
// The metadata service is plain HTTP on a link-local address: no proxy and no redirect is used for
// it, and it is asked only from create() and when the token is renewed. A tenancy that changes
// between two renewals is refused (kDenied): the host would be somebody else.
//
// Thread safe; one renewal at a time. `clock` must outlive it.
class OciInstance : public oci::Credentials {
 public:
  // Asks for region and identity. kUnavailable when this host is no OCI instance.
  static util::Result<std::unique_ptr<OciInstance>> create(OciInstanceOptions options,
                                                           const util::Clock& clock);

  util::Result<oci::Identity> current() override;
  util::Result<bool> renew() override;
  std::string_view kind() const override { return "instance principal"; }
  std::string tenancy() const override;
  // Where the instance is.
  const oci::Region& region() const { return region_; }

 private:
  OciInstance(OciInstanceOptions options, const util::Clock& clock);
  util::Result<std::string> metadata(std::string_view path);
  util::Status federate();  // with mutex_

  const OciInstanceOptions options_;
  const util::Clock& clock_;
  oci::Region region_;  // set by create()
  mutable std::mutex mutex_;
  http::Client metadata_client_;    // guarded by mutex_
  http::Client federation_client_;  // guarded by mutex_
  oci::Identity identity_;          // guarded by mutex_
  std::string tenancy_;             // guarded by mutex_
  util::WallTime renew_at_{};       // guarded by mutex_
  util::WallTime ends_{};           // guarded by mutex_
};

}  // namespace warder::vault
