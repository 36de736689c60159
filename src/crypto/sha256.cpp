#include "crypto/sha256.h"

#include <openssl/evp.h>

#include <new>

namespace warder::crypto {
namespace {

void check(int result) {
  if (result != 1) {
    throw std::bad_alloc();
  }
}

// Fetched once: EVP_sha256() would look the implementation up at each digest.
const EVP_MD* algorithm() {
  static const EVP_MD* const md = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return md;
}

}  // namespace

void Sha256::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  check(context_ ? EVP_DigestInit_ex2(context_.get(), algorithm(), nullptr) : 0);
}

Sha256::Sha256(const Sha256& other) : context_(EVP_MD_CTX_new()) {
  check(context_ ? EVP_MD_CTX_copy_ex(context_.get(), other.context_.get()) : 0);
}

Sha256& Sha256::operator=(const Sha256& other) {
  if (this != &other) {
    *this = Sha256(other);
  }
  return *this;
}

void Sha256::update(util::ByteView bytes) {
  check(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()));
}

Sha256Digest Sha256::finish() {
  Sha256Digest digest;
  check(EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr));
  check(EVP_DigestInit_ex2(context_.get(), nullptr, nullptr));
  return digest;
}

Sha256Digest sha256(util::ByteView bytes) {
  // A context costs more to make than a short digest, and the history makes one for each event.
  thread_local Sha256 stream;
  stream.update(bytes);
  return stream.finish();
}

}  // namespace warder::crypto
