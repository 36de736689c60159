#include "oci/endpoints.h"

#include "util/strings.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <optional>

namespace warder::oci {
namespace {

using util::Error;
using util::ErrorCode;

struct KnownRegion {
  std::string_view key;
  std::string_view name;
  int realm;
};

// Oracle's public list of regions, as its official clients of 2026 have it.
constexpr KnownRegion kRegions[] = {
    {"lej", "af-casablanca-1", 1},    {"jnb", "af-johannesburg-1", 1},
    {"hsg", "ap-batam-1", 1},         {"nja", "ap-chiyoda-1", 8},
    {"yny", "ap-chuncheon-1", 1},     {"bno", "ap-chuncheon-2", 35},
    {"wga", "ap-dcc-canberra-1", 10}, {"dac", "ap-dcc-gazipur-1", 15},
    {"onm", "ap-delhi-1", 1},         {"hyd", "ap-hyderabad-1", 1},
    {"ukb", "ap-ibaraki-1", 8},       {"jbp", "ap-kulai-2", 1},
    {"mel", "ap-melbourne-1", 1},     {"bom", "ap-mumbai-1", 1},
    {"kix", "ap-osaka-1", 1},         {"icn", "ap-seoul-1", 1},
    {"dtz", "ap-seoul-2", 35},        {"sin", "ap-singapore-1", 1},
    {"xsp", "ap-singapore-2", 1},     {"dln", "ap-suwon-1", 35},
    {"syd", "ap-sydney-1", 1},        {"nrt", "ap-tokyo-1", 1},
    {"yul", "ca-montreal-1", 1},      {"yyz", "ca-toronto-1", 1},
    {"ams", "eu-amsterdam-1", 1},     {"jsk", "eu-budapest-1", 51},
    {"avf", "eu-crissier-1", 24},     {"ork", "eu-dcc-dublin-1", 14},
    {"snn", "eu-dcc-dublin-2", 14},   {"bgy", "eu-dcc-milan-1", 14},
    {"mxp", "eu-dcc-milan-2", 14},    {"dus", "eu-dcc-rating-1", 14},
    {"dtm", "eu-dcc-rating-2", 14},   {"avz", "eu-dcc-zurich-1", 24},
    {"fra", "eu-frankfurt-1", 1},     {"str", "eu-frankfurt-2", 19},
    {"beg", "eu-jovanovac-1", 20},    {"mad", "eu-madrid-1", 1},
    {"vll", "eu-madrid-2", 19},       {"orf", "eu-madrid-3", 1},
    {"mrs", "eu-marseille-1", 1},     {"lin", "eu-milan-1", 1},
    {"cdg", "eu-paris-1", 1},         {"arn", "eu-stockholm-1", 1},
    {"nrq", "eu-turin-1", 1},         {"zrh", "eu-zurich-1", 1},
    {"mtz", "il-jerusalem-1", 1},     {"auh", "me-abudhabi-1", 1},
    {"rkt", "me-abudhabi-2", 29},     {"ahu", "me-abudhabi-3", 26},
    {"shj", "me-abudhabi-4", 29},     {"rba", "me-alain-1", 26},
    {"vve", "me-alrayyan-1", 21},     {"doh", "me-dcc-doha-1", 21},
    {"mct", "me-dcc-muscat-1", 9},    {"dxb", "me-dubai-1", 1},
    {"ibr", "me-ibri-1", 9},          {"jed", "me-jeddah-1", 1},
    {"ruh", "me-riyadh-1", 1},        {"mty", "mx-monterrey-1", 1},
    {"qro", "mx-queretaro-1", 1},     {"bog", "sa-bogota-1", 1},
    {"hnw", "sa-riodejaneiro-1", 52}, {"scl", "sa-santiago-1", 1},
    {"gru", "sa-saopaulo-1", 1},      {"vap", "sa-valparaiso-1", 1},
    {"vcp", "sa-vinhedo-1", 1},       {"cwl", "uk-cardiff-1", 1},
    {"brs", "uk-gov-cardiff-1", 4},   {"ltn", "uk-gov-london-1", 4},
    {"lhr", "uk-london-1", 1},        {"iad", "us-ashburn-1", 1},
    {"yxj", "us-ashburn-2", 42},      {"ord", "us-chicago-1", 1},
    {"ric", "us-gov-ashburn-1", 3},   {"pia", "us-gov-chicago-1", 3},
    {"tus", "us-gov-phoenix-1", 3},   {"lfi", "us-langley-1", 2},
    {"luf", "us-luke-1", 2},          {"pgc", "us-newark-1", 42},
    {"phx", "us-phoenix-1", 1},       {"aga", "us-saltlake-2", 1},
    {"sjc", "us-sanjose-1", 1},       {"ebb", "us-somerset-1", 23},
    {"ebl", "us-thames-1", 23},
};

struct Realm {
  int number;
  std::string_view domain;
};

constexpr Realm kRealms[] = {
    {1, "oraclecloud.com"},    {2, "oraclegovcloud.com"}, {3, "oraclegovcloud.com"},
    {4, "oraclegovcloud.uk"},  {8, "oraclecloud8.com"},   {9, "oraclecloud9.com"},
    {10, "oraclecloud10.com"}, {14, "oraclecloud14.com"}, {15, "oraclecloud15.com"},
    {19, "oraclecloud.eu"},    {20, "oraclecloud20.com"}, {21, "oraclecloud21.com"},
    {23, "oraclecloud23.com"}, {24, "oraclecloud24.com"}, {26, "oraclecloud26.com"},
    {29, "oraclecloud29.com"}, {35, "oraclecloud35.com"}, {42, "oraclecloud42.com"},
    {51, "oraclecloud51.com"}, {52, "oraclecloud52.com"},
};

struct Template {
  Service service;
  std::string_view name;
  std::string_view host;  // {0} region, {1} domain
  std::string_view version;
};

// Whether ".oci." stands before the domain differs from service to service: a table, no rule.
constexpr Template kTemplates[] = {
    {Service::kSecrets, "secrets", "secrets.vaults.{0}.oci.{1}", "/20190301"},
    {Service::kVaults, "vaults", "vaults.{0}.oci.{1}", "/20180608"},
    {Service::kKms, "kms", "kms.{0}.{1}", "/20180608"},
    {Service::kAudit, "audit", "audit.{0}.{1}", "/20190901"},
    {Service::kLogging, "logging", "logging.{0}.oci.{1}", "/20200531"},
    {Service::kLogIngestion, "log-ingestion", "ingestion.logging.{0}.oci.{1}", "/20200831"},
    {Service::kLogSearch, "log-search", "logging.{0}.oci.{1}", "/20190909"},
    {Service::kObjectStorage, "object-storage", "objectstorage.{0}.{1}", ""},
    {Service::kNotification, "notification", "notification.{0}.{1}", "/20181201"},
    {Service::kMetricIngestion, "metric-ingestion", "telemetry-ingestion.{0}.{1}", "/20180401"},
    {Service::kIdentity, "identity", "identity.{0}.oci.{1}", "/20160918"},
    {Service::kAuth, "auth", "auth.{0}.{1}", "/v1"},
};

const Template& template_of(Service service) {
  return *std::find_if(std::begin(kTemplates), std::end(kTemplates),
                       [&](const Template& t) { return t.service == service; });
}

std::optional<std::string_view> domain_of_realm(int number) {
  for (const Realm& realm : kRealms) {
    if (realm.number == number) {
      return realm.domain;
    }
  }
  return std::nullopt;
}

bool is_host_name(std::string_view text) {
  return !text.empty() && text.size() <= 200 && text.front() != '-' && text.front() != '.' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
         });
}

}  // namespace

std::string_view name_of(Service service) { return template_of(service).name; }

util::Result<Region> find_region(std::string_view name, std::string_view default_realm) {
  const std::string wanted = util::to_lower(util::trim(name));
  for (const KnownRegion& region : kRegions) {
    if (region.name == wanted || region.key == wanted) {
      return Region{std::string(region.name), std::string(*domain_of_realm(region.realm))};
    }
  }
  if (!is_host_name(wanted)) {
    return Error(ErrorCode::kInvalid,
                 fmt::format("'{}' is no region; write for instance eu-frankfurt-1",
                             util::printable(name, 64)));
  }
  if (const auto dot = wanted.find('.'); dot != std::string::npos) {
    return Region{wanted.substr(0, dot), wanted.substr(dot + 1)};
  }
  if (default_realm.empty()) {
    return Region{wanted, "oraclecloud.com"};
  }
  const std::string realm = util::to_lower(default_realm);
  int number = 0;
  if (realm.starts_with("oc")) {
    std::from_chars(realm.data() + 2, realm.data() + realm.size(), number);
  }
  if (const auto domain = domain_of_realm(number)) {
    return Region{wanted, std::string(*domain)};
  }
  return Error(ErrorCode::kInvalid, fmt::format("'{}' is no realm; write for instance oc1",
                                                util::printable(default_realm, 64)));
}

util::Result<Region> parse_region_info(std::string_view json) {
  const auto info = nlohmann::json::parse(json, nullptr, false);
  const auto text = [&](const char* member) -> std::string {
    const auto found = info.is_object() ? info.find(member) : info.end();
    return info.is_object() && found != info.end() && found->is_string()
               ? util::to_lower(found->get_ref<const std::string&>())
               : std::string();
  };
  Region region{text("regionIdentifier"), text("realmDomainComponent")};
  if (!is_host_name(region.name) || !is_host_name(region.domain)) {
    return Error(ErrorCode::kInvalid,
                 "the description of the region lacks regionIdentifier or realmDomainComponent");
  }
  return region;
}

void Endpoints::set(Service service, std::string url) {
  while (url.ends_with('/')) {
    url.pop_back();
  }
  const std::string_view version = template_of(service).version;
  if (!url.ends_with(version)) {
    url += version;
  }
  overrides_[service] = std::move(url);
}

std::string Endpoints::base(Service service) const {
  if (const auto found = overrides_.find(service); found != overrides_.end()) {
    return found->second;
  }
  const Template& known = template_of(service);
  return fmt::format("https://{}{}",
                     fmt::format(fmt::runtime(known.host), region_.name, region_.domain),
                     known.version);
}

}  // namespace warder::oci
