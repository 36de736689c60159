#pragma once

#include "crypto/secret.h"
#include "util/byte_pipe.h"
#include "util/byte_stream.h"
#include "util/result.h"

#include <memory>
#include <thread>

namespace warder::openpgp {

// How long a passphrase may be, in bytes; librnp reads no longer one.
inline constexpr std::size_t kLongestPassphrase = 255;

// kInvalid for one that is empty, too long, or holds a byte 0 or a line end (which `gpg
// --passphrase-fd` could not be given).
util::Status check_passphrase(const crypto::SecretString& passphrase);

// Writes an OpenPGP message (RFC 4880): a symmetric-key encrypted session key (AES-256, iterated
// and salted S2K with SHA-256 and 65,011,712 bytes) and encrypted data with a modification
// detection code. Each message has a salt of its own, and so a session key of its own. `gpg
// --decrypt` opens it. Nothing is compressed here.
//
// Bounded memory whatever the length: librnp pulls, so it runs on a thread of this object and
// `next` is called there. `next` must outlive this object; it is finished by finish().
class EncryptSink : public util::ByteSink {
 public:
  static util::Result<std::unique_ptr<EncryptSink>> create(const crypto::SecretString& passphrase,
                                                           util::ByteSink& next);
  ~EncryptSink() override;
  EncryptSink(const EncryptSink&) = delete;
  EncryptSink& operator=(const EncryptSink&) = delete;

  util::Status write(util::ByteView bytes) override;
  util::Status finish() override;

 private:
  EncryptSink(crypto::SecretString passphrase, util::ByteSink& next);
  util::Status run();
  util::Status join();

  const crypto::SecretString passphrase_;
  util::ByteSink& next_;
  util::BytePipe pipe_;
  util::Status outcome_;  // of the thread; read after it was joined
  std::thread thread_;
};

}  // namespace warder::openpgp
