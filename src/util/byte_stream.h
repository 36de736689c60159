#pragma once

#include "util/encoding.h"
#include "util/result.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace warder::util {

// Where bytes of any length go, a piece at a time. One thread at a time. After a failure nothing
// more is written; the destructor gives up what was not finished.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual Status write(ByteView bytes) = 0;
  // All has been written: only after success is anything complete. Once.
  virtual Status finish() { return {}; }
};

// Where bytes come from. One thread at a time.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // At least one byte, or 0 at the end. What was read before may be used only when 0 has come: a
  // source that checks what it reads (openpgp/decrypt.h) may fail at the very end.
  virtual Result<std::size_t> read(std::span<std::uint8_t> out) = 0;
};

// Everything from `source` to `sink`; does not finish the sink.
Status copy_all(ByteSource& source, ByteSink& sink);

}  // namespace warder::util
