// What comes from outside into the OCI module: the configuration file, tokens, answers, dates,
// descriptions of regions. The first byte says which.
#include "fuzz/require.h"
#include "oci/answer.h"
#include "oci/config_file.h"
#include "oci/credentials.h"
#include "oci/endpoints.h"
#include "oci/signature.h"

#include <cstdint>
#include <string>
#include <string_view>

using namespace warder;
using warder::testing::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      if (const auto profile = oci::parse_profile(text, "DEFAULT", "/home/op")) {
        require(oci::is_ocid(profile->tenancy) && !profile->key_file.empty());
      }
      break;
    case 1:
      if (const auto claims = oci::read_token(text)) {
        require(oci::renewal_time(*claims) <= claims->ends);
      }
      break;
    case 2: {
      const auto meaning = oci::describe(
          {.status = 100 + data[0] * 2, .body = text, .date = text, .request_id = text}, "trying",
          "API key", util::WallTime{});
      require(meaning.error.message().find('\n') == std::string::npos &&
              meaning.error.message().size() < 1200);
      break;
    }
    case 3:
      if (const auto time = oci::parse_http_date(text)) {
        // The day of the week is not judged, and a leap second is the second after.
        require(oci::parse_http_date(oci::format_http_date(*time)) == time);
      }
      break;
    default:
      if (const auto region = oci::parse_region_info(text)) {
        require(oci::Endpoints(*region).base(oci::Service::kSecrets).starts_with("https://"));
      }
      (void)oci::find_region(text);
      break;
  }
  return 0;
}
