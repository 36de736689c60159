// An answer of a vault, or of whatever else stands at its address. First byte: the HTTP status;
// second: what was asked; the rest: the body.
#include "fuzz/require.h"
#include "vault/server_answer.h"

#include <cstdint>
#include <string>

using namespace warder;
using warder::testing::require;

namespace {

constexpr int kStatuses[] = {200, 204, 301, 307, 400, 401, 403, 404, 405, 412, 413,
                             415, 418, 429, 472, 473, 474, 500, 501, 502, 503, 530};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) {
    return 0;
  }
  http::Response response;
  response.status = kStatuses[data[0] % std::size(kStatuses)];
  response.body.assign(reinterpret_cast<const char*>(data) + 2, size - 2);
  response.headers = {{"location", response.body}, {"retry-after", response.body.substr(0, 8)}};
  const bool success = response.status / 100 == 2;
  vault::Asked asked;
  asked.path = "secret/data/warder/jails";
  asked.login = data[1] % 3 == 1;
  asked.health = data[1] % 3 == 2;
  const vault::Answer answer =
      vault::read_answer(std::move(response), asked, "https://vault.example", util::WallTime{});
  // A success holds an object or nothing; a failure has a text an operator can read.
  require(!answer.ok() || success);
  require(answer.body.value().is_null() || answer.body.value().is_object());
  if (!answer.ok()) {
    require(answer.text.starts_with("https://vault.example: secret/data/warder/jails: "));
    require(answer.text.size() < 1200);
    for (const char c : answer.text) {
      require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
    }
    require(answer.error().code() != util::ErrorCode::kInternal);
  }
  require(answer.warnings.size() <= 8);
  require(!answer.retry_after || answer.retry_after->count() >= 0);
  // Reading text as text again changes nothing for what it shows of tokens.
  require(answer.text.find("hvs.AAAAAAAAAAAAAAAAAAAAAAAA") == std::string::npos);
  return 0;
}
