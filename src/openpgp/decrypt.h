#pragma once

#include "crypto/secret.h"
#include "util/byte_pipe.h"
#include "util/byte_stream.h"
#include "util/result.h"

#include <memory>
#include <thread>

namespace warder::openpgp {

// Reads the plain text of a message that was encrypted with a passphrase. Bytes come before the end
// of the message has been checked: they may be believed only when read() has given 0. A message
// that is not encrypted, or encrypted without protection against changes, is refused at its end.
//
// kDenied: the passphrase is not the right one. kInvalid: damaged, changed, or no such message.
// What `from` fails with is passed on. `from` is read on a thread of this object and must outlive
// it.
class DecryptSource : public util::ByteSource {
 public:
  static util::Result<std::unique_ptr<DecryptSource>> create(const crypto::SecretString& passphrase,
                                                             util::ByteSource& from);
  ~DecryptSource() override;
  DecryptSource(const DecryptSource&) = delete;
  DecryptSource& operator=(const DecryptSource&) = delete;

  util::Result<std::size_t> read(std::span<std::uint8_t> out) override;

 private:
  DecryptSource(crypto::SecretString passphrase, util::ByteSource& from);
  util::Status run();

  const crypto::SecretString passphrase_;
  util::ByteSource& from_;
  util::BytePipe pipe_;
  std::thread thread_;
};

}  // namespace warder::openpgp
