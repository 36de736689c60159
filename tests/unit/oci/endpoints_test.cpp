#include "oci/endpoints.h"

#include <catch2/catch.hpp>

#include <string>

using namespace warder;

TEST_CASE("a region knows its realm") {
  const auto domain = [](const char* name) {
    const auto region = oci::find_region(name);
    REQUIRE(region);
    return region->name + " " + region->domain;
  };
  CHECK(domain("eu-frankfurt-1") == "eu-frankfurt-1 oraclecloud.com");
  CHECK(domain(" FRA\n") == "eu-frankfurt-1 oraclecloud.com");
  CHECK(domain("us-gov-ashburn-1") == "us-gov-ashburn-1 oraclegovcloud.com");
  CHECK(domain("uk-gov-london-1") == "uk-gov-london-1 oraclegovcloud.uk");
  CHECK(domain("eu-frankfurt-2") == "eu-frankfurt-2 oraclecloud.eu");
  CHECK(domain("xx-nowhere-9") == "xx-nowhere-9 oraclecloud.com");
  CHECK(domain("xx-own-1.example.org") == "xx-own-1 example.org");
  CHECK(oci::find_region("xx-nowhere-9", "oc19")->domain == "oraclecloud.eu");
  CHECK(oci::find_region("xx-nowhere-9", "oc5").error().message() ==
        "'oc5' is no realm; write for instance oc1");
  CHECK(oci::find_region("a/b").error().message() ==
        "'a/b' is no region; write for instance eu-frankfurt-1");
  CHECK_FALSE(oci::find_region(""));
}

TEST_CASE("each service has the host that Oracle gave it") {
  const oci::Endpoints endpoints(oci::find_region("eu-frankfurt-1").value());
  CHECK(endpoints.base(oci::Service::kSecrets) ==
        "https://secrets.vaults.eu-frankfurt-1.oci.oraclecloud.com/20190301");
  CHECK(endpoints.base(oci::Service::kAudit) ==
        "https://audit.eu-frankfurt-1.oraclecloud.com/20190901");
  CHECK(endpoints.base(oci::Service::kObjectStorage) ==
        "https://objectstorage.eu-frankfurt-1.oraclecloud.com");
  CHECK(endpoints.base(oci::Service::kMetricIngestion) ==
        "https://telemetry-ingestion.eu-frankfurt-1.oraclecloud.com/20180401");
  CHECK(endpoints.base(oci::Service::kLogIngestion) ==
        "https://ingestion.logging.eu-frankfurt-1.oci.oraclecloud.com/20200831");
}

TEST_CASE("an operator's address replaces the derived one") {
  oci::Endpoints endpoints(oci::find_region("fra").value());
  endpoints.set(oci::Service::kSecrets, "http://127.0.0.1:8099/prefix/");
  endpoints.set(oci::Service::kVaults, "http://127.0.0.1:8099/20180608");
  CHECK(endpoints.base(oci::Service::kSecrets) == "http://127.0.0.1:8099/prefix/20190301");
  CHECK(endpoints.base(oci::Service::kVaults) == "http://127.0.0.1:8099/20180608");
}

TEST_CASE("the metadata service's description of a region is read") {
  const auto region = oci::parse_region_info(
      R"({"realmKey":"oc1","realmDomainComponent":"oraclecloud.com","regionKey":"FRA",
          "regionIdentifier":"eu-frankfurt-1"})");
  REQUIRE(region);
  CHECK(region->name == "eu-frankfurt-1");
  CHECK_FALSE(oci::parse_region_info("[]"));
  CHECK_FALSE(oci::parse_region_info(R"({"regionIdentifier":"a"})"));
  CHECK_FALSE(oci::parse_region_info(R"({"regionIdentifier":"a/b","realmDomainComponent":"c"})"));
}
