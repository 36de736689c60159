#include "source/gzip_reader.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace warder::source {
namespace {

constexpr std::size_t kPiece = 64UL * 1024;
// 15 window bits, +16: a gzip head is demanded.
constexpr int kGzipWindow = 15 + 16;

}  // namespace

struct GzipReader::Stream {
  z_stream z{};
  std::array<char, kPiece> input;
  bool member_ended = false;
  bool any_member = false;

  ~Stream() { ::inflateEnd(&z); }
};

GzipReader::GzipReader(std::unique_ptr<ByteReader> file, std::size_t keep)
    : file_(std::move(file)), keep_(keep) {
  restart();
}

GzipReader::~GzipReader() = default;

bool GzipReader::restart() {
  stream_ = std::make_unique<Stream>();
  compressed_place_ = 0;
  window_.clear();
  window_start_ = 0;
  ended_ = false;
  error_ = ::inflateInit2(&stream_->z, kGzipWindow) == Z_OK ? 0 : ENOMEM;
  return error_ == 0;
}

bool GzipReader::grow() {
  if (ended_ || error_ == EBADMSG || error_ == ENOMEM) {
    return false;
  }
  error_ = 0;
  z_stream& z = stream_->z;
  if (window_.size() > keep_ + 4 * kPiece) {
    const std::size_t surplus = window_.size() - keep_;
    window_.erase(0, surplus);
    window_start_ += surplus;
  }
  const std::size_t before = window_.size();
  window_.resize(before + kPiece);
  z.next_out = reinterpret_cast<Bytef*>(window_.data() + before);
  z.avail_out = static_cast<uInt>(kPiece);
  while (z.avail_out == kPiece) {
    if (z.avail_in == 0) {
      const ReadResult got = file_->read_at(compressed_place_, stream_->input);
      if (got.error != 0) {
        error_ = got.error;
        break;
      }
      if (got.count == 0) {
        ended_ = stream_->member_ended;
        error_ = ended_ ? 0 : EBADMSG;
        break;
      }
      compressed_place_ += got.count;
      z.next_in = reinterpret_cast<Bytef*>(stream_->input.data());
      z.avail_in = static_cast<uInt>(got.count);
    }
    if (stream_->member_ended) {
      ::inflateReset(&z);
      stream_->member_ended = false;
      stream_->any_member = true;
    }
    const int result = ::inflate(&z, Z_NO_FLUSH);
    if (result == Z_STREAM_END) {
      stream_->member_ended = true;
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      // A further member that is none: what follows the last one is padding.
      ended_ = stream_->any_member && z.total_out == 0;
      error_ = ended_ ? 0 : EBADMSG;
      break;
    }
  }
  window_.resize(window_.size() - z.avail_out);
  return window_.size() > before;
}

ReadResult GzipReader::read_at(std::uint64_t offset, std::span<char> buffer) {
  if (offset < window_start_ && !restart()) {
    return {0, error_};
  }
  while (offset >= window_start_ + window_.size()) {
    if (!grow()) {
      return {0, error_};
    }
  }
  const std::size_t from = static_cast<std::size_t>(offset - window_start_);
  const std::size_t count = std::min(buffer.size(), window_.size() - from);
  std::memcpy(buffer.data(), window_.data() + from, count);
  return {count, 0};
}

}  // namespace warder::source
