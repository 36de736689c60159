#pragma once

#include "util/result.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace warder::oci {

// The services that are called. Base addresses hold the API version; Object Storage has none.
enum class Service : std::uint8_t {
  kSecrets,  // secret bundles: reading secrets
  kVaults,   // managing secrets
  kKms,      // vaults and their endpoints
  kAudit,
  kLogging,       // log groups and logs
  kLogIngestion,  // PutLogs
  kLogSearch,
  kObjectStorage,
  kNotification,
  kMetricIngestion,  // writing metrics: another host than reading them
  kIdentity,
  kAuth,  // the token service
};

inline constexpr Service kServices[] = {
    Service::kSecrets,      Service::kVaults,          Service::kKms,       Service::kAudit,
    Service::kLogging,      Service::kLogIngestion,    Service::kLogSearch, Service::kObjectStorage,
    Service::kNotification, Service::kMetricIngestion, Service::kIdentity,  Service::kAuth};

// The name that configuration uses: "secrets", "object-storage".
std::string_view name_of(Service service);

// A region and the domain of the realm it lies in.
struct Region {
  std::string name;    // "eu-frankfurt-1"
  std::string domain;  // "oraclecloud.com"
};

// Takes a long or short name ("fra") in any case. A region that is not known here belongs to the
// commercial realm unless `default_realm` ("oc19") says otherwise; a name with a dot in it is
// itself the domain, as in the official clients. kInvalid for a name that cannot be a region, or an
// unknown realm.
util::Result<Region> find_region(std::string_view name, std::string_view default_realm = {});
// The same from the metadata service's regionInfo (JSON with regionIdentifier and
// realmDomainComponent). kInvalid when these are missing.
util::Result<Region> parse_region_info(std::string_view json);

// Where each service answers: from the region, unless the operator names an address for it
// (a private endpoint, a test). An override is scheme, host, port and an optional path before the
// version, which is added when it is not there.
class Endpoints {
 public:
  Endpoints() = default;
  explicit Endpoints(Region region) : region_(std::move(region)) {}
  void set(Service service, std::string url);

  const Region& region() const { return region_; }
  // "https://secrets.vaults.eu-frankfurt-1.oci.oraclecloud.com/20190301", no slash at the end.
  std::string base(Service service) const;

 private:
  Region region_;
  std::map<Service, std::string> overrides_;
};

}  // namespace warder::oci
