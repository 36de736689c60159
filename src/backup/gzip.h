#pragma once

#include "util/byte_stream.h"

#include <cstdint>
#include <memory>

struct libdeflate_compressor;

namespace warder::backup {

// Compresses into gzip (RFC 1952) of many members, one a MiB: any gunzip reads them as one file.
// Members are made whole by libdeflate, in one call each, so that memory does not grow with the
// size. `next` must outlive it and is finished by finish().
class GzipSink : public util::ByteSink {
 public:
  static constexpr std::size_t kMember = std::size_t{1} << 20U;

  // `level` 1 (fast) to 12 (small).
  GzipSink(int level, util::ByteSink& next);
  ~GzipSink() override;

  util::Status write(util::ByteView bytes) override;
  util::Status finish() override;

 private:
  util::Status end_member();

  struct Free {
    void operator()(libdeflate_compressor* compressor) const;
  };
  util::ByteSink& next_;
  std::unique_ptr<libdeflate_compressor, Free> compressor_;
  util::Bytes plain_;
  util::Bytes packed_;
  bool any_member_ = false;
};

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
