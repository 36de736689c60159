#pragma once

#include "util/byte_stream.h"

#include <cstdint>
#include <memory>

namespace warder::backup {

// Compresses into gzip (RFC 1952) of many members, one a MiB: any gunzip reads them as one file.
// Members are made whole by libdeflate, in one call each, so that memory does not grow with the
// size: some 2 MiB and a compressor for each member that is on its way. `next` must outlive it, is
// called on the thread of write() alone, in the order of the members, and is finished by finish().
class GzipSink : public util::ByteSink {
 public:
  static constexpr std::size_t kMember = std::size_t{1} << 20U;

  // `level` 1 (fast) to 12 (small). With `workers` so many threads of its own compress, each a
  // member, while the caller's reads and writes; without, the caller's does. What comes out is the
  // same.
  GzipSink(int level, util::ByteSink& next, unsigned workers);
  ~GzipSink() override;

  util::Status write(util::ByteView bytes) override;
  util::Status finish() override;

 private:
  class Packer;
  util::Status end_member();
  util::Status write_oldest();

  util::ByteSink& next_;
  std::unique_ptr<Packer> packer_;
};

// How many workers are worth it on this host: none where there is one processor. Beyond two the
// caller's thread is what takes longest, and the levels from 10 on take 9 MiB each.
unsigned gzip_workers(int level);

// Reads gzip of any number of members. kInvalid: no gzip, a wrong check sum, bytes behind the end.
// `from` must outlive it.
class GunzipSource : public util::ByteSource {
 public:
  explicit GunzipSource(util::ByteSource& from);
  ~GunzipSource() override;

  util::Result<std::size_t> read(std::span<std::uint8_t> out) override;

 private:
  struct State;
  util::Status fill();
  bool next_member();
  util::Result<std::size_t> read_pieces(std::span<std::uint8_t> out);

  util::ByteSource& from_;
  std::unique_ptr<State> state_;
};

}  // namespace warder::backup
