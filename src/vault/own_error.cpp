#include "vault/own_error.h"

namespace warder::vault {

util::Error own_error(const util::Error& error) {
  const bool of_a_document =
      error.code() == util::ErrorCode::kNotFound || error.code() == util::ErrorCode::kInvalid;
  return {of_a_document ? util::ErrorCode::kConfiguration : error.code(), error.message()};
}

}  // namespace warder::vault
