#pragma once

#include "support/test_server.h"

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>
#include <stdexcept>
#include <string>

// Certificates made in the test and a TLS stream for TestServer. Users link OpenSSL::SSL.
namespace warder::testing {

template <auto Function>
struct FreeWith {
  template <typename T>
  void operator()(T* value) const {
    Function(value);
  }
};
using KeyPointer = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using CertificatePointer = std::unique_ptr<X509, FreeWith<X509_free>>;

struct Certificate {
  KeyPointer key;
  CertificatePointer certificate;

  std::string pem() const {
    const std::unique_ptr<BIO, FreeWith<BIO_free_all>> out(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(out.get(), certificate.get());
    char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);
    return std::string(data, static_cast<std::size_t>(size));
  }
};

struct CertificateOptions {
  std::string name = "DNS:localhost,IP:127.0.0.1";  // subjectAltName
  long from = -3600;                                // seconds from now
  long until = 7200;
  bool authority = false;
  unsigned rsa_bits = 0;  // 0: an elliptic curve key
};

// Signed by `issuer`, or by itself without one.
inline Certificate make_certificate(const CertificateOptions& options,
                                    const Certificate* issuer = nullptr) {
  Certificate made;
  made.key.reset(options.rsa_bits == 0 ? EVP_EC_gen("P-256")
                                       : EVP_RSA_gen(static_cast<std::size_t>(options.rsa_bits)));
  made.certificate.reset(X509_new());
  X509* const certificate = made.certificate.get();
  if (!made.key || certificate == nullptr) {
    throw std::runtime_error("no key");
  }
  static long serial = 1;
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), options.from);
  X509_gmtime_adj(X509_getm_notAfter(certificate), options.until);
  X509_set_pubkey(certificate, made.key.get());
  X509_NAME* const subject = X509_get_subject_name(certificate);
  const std::string common =
      (options.authority ? "test authority " : "test server ") + std::to_string(serial);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(common.c_str()), -1, -1, 0);
  X509_set_issuer_name(
      certificate, issuer == nullptr ? subject : X509_get_subject_name(issuer->certificate.get()));
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer == nullptr ? certificate : issuer->certificate.get(), certificate,
                 nullptr, nullptr, 0);
  const auto extend = [&](int id, const char* value) {
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, id, value);
    if (extension == nullptr) {
      throw std::runtime_error("no extension");
    }
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  };
  if (options.authority) {
    extend(NID_basic_constraints, "critical,CA:TRUE");
    extend(NID_key_usage, "critical,keyCertSign,cRLSign");
  } else {
    extend(NID_subject_alt_name, options.name.c_str());
  }
  X509_sign(certificate, issuer == nullptr ? made.key.get() : issuer->key.get(), EVP_sha256());
  return made;
}

class TlsStream : public Stream {
 public:
  explicit TlsStream(SSL* ssl) : ssl_(ssl) {}
  ssize_t read(char* buffer, std::size_t size) override {
    return SSL_read(ssl_.get(), buffer, static_cast<int>(size));
  }
  ssize_t write(const char* data, std::size_t size) override {
    return SSL_write(ssl_.get(), data, static_cast<int>(size));
  }

 private:
  std::unique_ptr<SSL, FreeWith<SSL_free>> ssl_;
};

// For TestServer: speaks TLS up to `newest` with that certificate.
inline TestServer::Wrap tls(const Certificate& certificate, int newest = TLS1_3_VERSION) {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (newest < TLS1_2_VERSION) {
    SSL_CTX_set_security_level(context.get(), 0);
    SSL_CTX_set_min_proto_version(context.get(), TLS1_VERSION);
  }
  SSL_CTX_set_max_proto_version(context.get(), newest);
  if (SSL_CTX_use_certificate(context.get(), certificate.certificate.get()) != 1) {
    // A key too weak for the default security level, which is what some test is about.
    SSL_CTX_set_security_level(context.get(), 0);
    SSL_CTX_use_certificate(context.get(), certificate.certificate.get());
  }
  SSL_CTX_use_PrivateKey(context.get(), certificate.key.get());
  return [context](int fd) -> std::unique_ptr<Stream> {
    SSL* const ssl = SSL_new(context.get());
    auto stream = std::make_unique<TlsStream>(ssl);
    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) != 1) {
      return nullptr;
    }
    return stream;
  };
}

}  // namespace warder::testing
