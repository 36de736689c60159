#include "backup/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <libdeflate.h>
#include <new>
#include <utility>

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

// Members as GzipSink makes them are unpacked whole, which is more than twice as fast; from the
// first one on that is larger, or looks damaged, zlib goes on piece by piece.
struct GunzipSource::State {
  struct Free {
    void operator()(libdeflate_decompressor* decompressor) const {
      libdeflate_free_decompressor(decompressor);
    }
  };
  std::unique_ptr<libdeflate_decompressor, Free> whole{libdeflate_alloc_decompressor()};
  util::Bytes input;
  std::size_t begin = 0;  // of what is in `input` and was not unpacked yet
  std::size_t end = 0;
  util::Bytes plain = util::Bytes(GzipSink::kMember);
  std::size_t given = 0;  // of `plain`
  std::size_t there = 0;
  z_stream stream{};
  bool by_pieces = false;
  bool in_member = false;
  bool any_member = false;
  bool at_end = false;
};

GunzipSource::GunzipSource(util::ByteSource& from)
    : from_(from), state_(std::make_unique<State>()) {
  if (!state_->whole || inflateInit2(&state_->stream, kGzipOnly) != Z_OK) {
    throw std::bad_alloc();
  }
  state_->input.resize(libdeflate_gzip_compress_bound(nullptr, GzipSink::kMember) + kInput);
}

GunzipSource::~GunzipSource() { inflateEnd(&state_->stream); }

util::Status GunzipSource::fill() {
  State& state = *state_;
  if (state.begin > 0) {
    std::copy(state.input.begin() + static_cast<std::ptrdiff_t>(state.begin),
              state.input.begin() + static_cast<std::ptrdiff_t>(state.end), state.input.begin());
    state.end -= std::exchange(state.begin, 0);
  }
  while (!state.at_end && state.end < state.input.size()) {
    WARDER_ASSIGN_OR_RETURN(const std::size_t got,
                            from_.read(std::span(state.input).subspan(state.end)));
    state.end += got;
    state.at_end = got == 0;
    if (state.by_pieces) {
      break;
    }
  }
  return {};
}

// False: by pieces from here on.
bool GunzipSource::next_member() {
  State& state = *state_;
  std::size_t used = 0;
  state.given = state.there = 0;
  if (libdeflate_gzip_decompress_ex(state.whole.get(), state.input.data() + state.begin,
                                    state.end - state.begin, state.plain.data(), state.plain.size(),
                                    &used, &state.there) != LIBDEFLATE_SUCCESS) {
    state.there = 0;
    return false;
  }
  state.begin += used;
  state.any_member = true;
  return true;
}

util::Result<std::size_t> GunzipSource::read(std::span<std::uint8_t> out) {
  State& state = *state_;
  while (!state.by_pieces && !out.empty()) {
    if (const std::size_t count = std::min(out.size(), state.there - state.given); count > 0) {
      std::copy_n(state.plain.begin() + static_cast<std::ptrdiff_t>(state.given), count,
                  out.begin());
      state.given += count;
      return count;
    }
    WARDER_RETURN_IF_ERROR(fill());
    if (state.begin == state.end && state.any_member) {
      return std::size_t{0};
    }
    state.by_pieces = !next_member();
  }
  return read_pieces(out);
}

util::Result<std::size_t> GunzipSource::read_pieces(std::span<std::uint8_t> out) {
  State& state = *state_;
  z_stream& stream = state.stream;
  const std::size_t room = std::min<std::size_t>(out.size(), std::size_t{1} << 30U);
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(room);
  while (stream.avail_out == room && room > 0) {
    if (state.begin == state.end && !state.at_end) {
      WARDER_RETURN_IF_ERROR(fill());
    }
    if (state.begin == state.end) {
      if (state.in_member || !state.any_member) {
        return Error(ErrorCode::kInvalid, "the gzip data end early");
      }
      return std::size_t{0};
    }
    state.in_member = true;
    stream.next_in = state.input.data() + state.begin;
    stream.avail_in = static_cast<uInt>(state.end - state.begin);
    const int result = inflate(&stream, Z_NO_FLUSH);
    state.begin = state.end - stream.avail_in;
    if (result == Z_STREAM_END) {
      state.in_member = false;
      state.any_member = true;
      inflateReset2(&stream, kGzipOnly);
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      return Error(ErrorCode::kInvalid, "the gzip data are damaged");
    }
  }
  return room - stream.avail_out;
}

}  // namespace warder::backup
