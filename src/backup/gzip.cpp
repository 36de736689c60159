#include "backup/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <libdeflate.h>
#include <new>

namespace warder::backup {
namespace {

using util::Error;
using util::ErrorCode;

constexpr std::size_t kInput = 64UL * 1024;
constexpr int kGzipOnly = 16 + MAX_WBITS;

}  // namespace

GzipSink::GzipSink(int level, util::ByteSink& next)
    : next_(next), compressor_(libdeflate_alloc_compressor(level)) {
  if (!compressor_) {
    throw std::bad_alloc();
  }
  plain_.reserve(kMember);
  packed_.resize(libdeflate_gzip_compress_bound(compressor_.get(), kMember));
}

GzipSink::~GzipSink() = default;

void GzipSink::Free::operator()(libdeflate_compressor* compressor) const {
  libdeflate_free_compressor(compressor);
}

util::Status GzipSink::write(util::ByteView bytes) {
  while (!bytes.empty()) {
    const std::size_t count = std::min(bytes.size(), kMember - plain_.size());
    plain_.insert(plain_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
    bytes = bytes.subspan(count);
    if (plain_.size() == kMember) {
      WARDER_RETURN_IF_ERROR(end_member());
    }
  }
  return {};
}

util::Status GzipSink::end_member() {
  const std::size_t size = libdeflate_gzip_compress(compressor_.get(), plain_.data(), plain_.size(),
                                                    packed_.data(), packed_.size());
  if (size == 0) {
    return Error(ErrorCode::kInternal, "libdeflate did not compress");
  }
  plain_.clear();
  any_member_ = true;
  return next_.write(util::ByteView(packed_).first(size));
}

util::Status GzipSink::finish() {
  // Nothing at all is one empty member: an empty file would be no gzip.
  if (!plain_.empty() || !any_member_) {
    WARDER_RETURN_IF_ERROR(end_member());
  }
  return next_.finish();
}

struct GunzipSource::State {
  z_stream stream{};
  util::Bytes input = util::Bytes(kInput);
  bool in_member = false;
  bool any_member = false;
  bool at_end = false;
};

GunzipSource::GunzipSource(util::ByteSource& from)
    : from_(from), state_(std::make_unique<State>()) {
  if (inflateInit2(&state_->stream, kGzipOnly) != Z_OK) {
    throw std::bad_alloc();
  }
}

GunzipSource::~GunzipSource() { inflateEnd(&state_->stream); }

util::Result<std::size_t> GunzipSource::read(std::span<std::uint8_t> out) {
  z_stream& stream = state_->stream;
  const std::size_t room = std::min<std::size_t>(out.size(), std::size_t{1} << 30U);
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(room);
  while (stream.avail_out == room && room > 0) {
    if (stream.avail_in == 0 && !state_->at_end) {
      WARDER_ASSIGN_OR_RETURN(const std::size_t got, from_.read(state_->input));
      stream.next_in = state_->input.data();
      stream.avail_in = static_cast<uInt>(got);
      state_->at_end = got == 0;
    }
    if (stream.avail_in == 0 && state_->at_end) {
      if (state_->in_member || !state_->any_member) {
        return Error(ErrorCode::kInvalid, "the gzip data end early");
      }
      return std::size_t{0};
    }
    state_->in_member = true;
    const int result = inflate(&stream, Z_NO_FLUSH);
    if (result == Z_STREAM_END) {
      state_->in_member = false;
      state_->any_member = true;
      inflateReset2(&stream, kGzipOnly);
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      return Error(ErrorCode::kInvalid, "the gzip data are damaged");
    }
  }
  return room - stream.avail_out;
}

}  // namespace warder::backup
