#pragma once

#include "util/encoding.h"

#include <string>

namespace warder::crypto {

// The MD5 of a public key (SubjectPublicKeyInfo, DER) as "aa:bb:...": how Oracle's cloud names an
// API key. A name, no protection. Empty where OpenSSL does not have MD5 (FIPS).
std::string md5_fingerprint(util::ByteView public_key_der);

}  // namespace warder::crypto
