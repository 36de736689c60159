#pragma once

#include "source/byte_reader.h"

#include <memory>
#include <string>

namespace warder::source {

// The decompressed bytes of a gzip file (RFC 1952, several members allowed), streamed: memory is
// constant whatever the file expands to. The last bytes given stay at hand, so that reading a
// little back, as LineCursor does, costs nothing; reading further back begins anew.
//
// A damaged or cut file gives its good bytes and then the error EBADMSG. Bytes after the last
// member that begin no other are ignored, as gzip(1) does.
class GzipReader : public ByteReader {
 public:
  // Keeps `keep` bytes at hand. `file` must give the compressed bytes.
  GzipReader(std::unique_ptr<ByteReader> file, std::size_t keep);
  ~GzipReader() override;

  ReadResult read_at(std::uint64_t offset, std::span<char> buffer) override;

 private:
  struct Stream;
  bool restart();
  // Adds decompressed bytes to the window; false at the end or on an error (error_).
  bool grow();

  std::unique_ptr<ByteReader> file_;
  std::size_t keep_;
  std::unique_ptr<Stream> stream_;
  std::uint64_t compressed_place_ = 0;
  std::string window_;
  std::uint64_t window_start_ = 0;
  bool ended_ = false;
  int error_ = 0;
};

}  // namespace warder::source
