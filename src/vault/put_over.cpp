#include "vault/put_over.h"

namespace warder::vault {

util::Result<std::uint64_t> put_over(Provider& provider, std::string_view name,
                                     const crypto::SecretString& content, PutOptions options) {
  auto written = provider.put(name, content, options);
  if (!written && written.error().code() == util::ErrorCode::kInvalid) {
    options.expected_version.reset();
    written = provider.put(name, content, options);
  }
  return written;
}

}  // namespace warder::vault
