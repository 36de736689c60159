#pragma once

#include "crypto/rsa.h"
#include "util/clock.h"
#include "util/encoding.h"
#include "util/result.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct x509_st;

namespace warder::crypto {

// An X.509 certificate (RFC 5280) as far as a client needs its own: nothing here decides whom to
// trust, which is the TLS library's work. Movable, not copyable; thread safe for reading.
class Certificate {
 public:
  // The first block 'CERTIFICATE'. kInvalid when there is none or it cannot be read.
  static util::Result<Certificate> from_pem(std::string_view pem);

  // Of the DER form: "ab:cd:...", lower-case.
  std::string sha256_fingerprint() const;
  // The values of all attributes of the subject, in their order, whatever their types:
  // "opc-instance: ocid1...", "example.org".
  std::vector<std::string> subject_values() const;
  util::WallTime not_after() const;
  // Standard base64 of the DER form, one line: what stands in a PEM block without its line ends.
  std::string to_base64() const;
  // Does the certificate vouch for this key?
  bool belongs_to(const RsaPrivateKey& key) const;

 private:
  struct Free {
    void operator()(x509_st* certificate) const;
  };
  explicit Certificate(x509_st* certificate) : certificate_(certificate) {}

  std::unique_ptr<x509_st, Free> certificate_;
};

}  // namespace warder::crypto
