#include "crypto/certificate.h"

#include "crypto/openssl_handles.h"
#include "crypto/sha256.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <chrono>
#include <ctime>
#include <new>

namespace warder::crypto {
namespace {

constexpr std::size_t kLongestPem = 64 * 1024;

util::Bytes der_of(X509* certificate) {
  const int size = i2d_X509(certificate, nullptr);
  if (size <= 0) {
    throw std::bad_alloc();
  }
  util::Bytes der(static_cast<std::size_t>(size));
  unsigned char* out = der.data();
  i2d_X509(certificate, &out);
  return der;
}

}  // namespace

void Certificate::Free::operator()(x509_st* certificate) const { X509_free(certificate); }

util::Result<Certificate> Certificate::from_pem(std::string_view pem) {
  X509* certificate = nullptr;
  if (pem.size() <= kLongestPem) {
    const Bio bio = read_from(pem);
    certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr);
  }
  ERR_clear_error();
  if (certificate == nullptr) {
    return util::Error(util::ErrorCode::kInvalid,
                       "no certificate; expected a PEM block 'CERTIFICATE'");
  }
  return Certificate(certificate);
}

std::string Certificate::sha256_fingerprint() const {
  const std::string hex = util::to_hex(sha256(der_of(certificate_.get())));
  std::string text;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    text += (i == 0 ? "" : ":") + hex.substr(i, 2);
  }
  return text;
}

std::vector<std::string> Certificate::subject_values() const {
  std::vector<std::string> values;
  const X509_NAME* subject = X509_get_subject_name(certificate_.get());
  for (int i = 0; i < X509_NAME_entry_count(subject); ++i) {
    unsigned char* text = nullptr;
    const int size =
        ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, i)));
    if (size >= 0) {
      values.emplace_back(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
      OPENSSL_free(text);
    }
  }
  ERR_clear_error();
  return values;
}

util::WallTime Certificate::not_after() const {
  std::tm parts{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate_.get()), &parts) != 1) {
    ERR_clear_error();
    return {};
  }
  return std::chrono::time_point_cast<util::WallTime::duration>(
      std::chrono::system_clock::from_time_t(::timegm(&parts)));
}

std::string Certificate::to_base64() const { return util::to_base64(der_of(certificate_.get())); }

bool Certificate::belongs_to(const RsaPrivateKey& key) const {
  const bool same = X509_check_private_key(certificate_.get(), key.key_.get()) == 1;
  ERR_clear_error();
  return same;
}

}  // namespace warder::crypto
