#include "backup/gzip.h"

#include "util/thread_name.h"

#include <zlib.h>

#include <algorithm>
#include <condition_variable>
#include <libdeflate.h>
#include <mutex>
#include <new>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace warder::backup {
namespace {

using util::Error;
using util::ErrorCode;

constexpr std::size_t kInput = 64UL * 1024;
constexpr int kGzipOnly = 16 + MAX_WBITS;

}  // namespace

// The members that are on their way, in a ring: the first `written_` of all are with the next link,
// up to `taken_` a worker has taken them, up to `handed_` they are full, and that one is filled.
class GzipSink::Packer {
 public:
  Packer(int level, unsigned workers) : members_(workers + 1) {
    for (Member& member : members_) {
      member.plain.reserve(kMember);
      member.packed.resize(libdeflate_gzip_compress_bound(nullptr, kMember));
    }
    for (unsigned i = 0; i < std::max(workers, 1U); ++i) {
      compressors_.emplace_back(libdeflate_alloc_compressor(level));
      if (!compressors_.back()) {
        throw std::bad_alloc();
      }
    }
    for (unsigned i = 0; i < workers; ++i) {
      try {
        threads_.emplace_back([this, i] { run(*compressors_[i]); });
      } catch (const std::system_error&) {
        break;  // no more threads are to be had: with those that are there, or with none
      }
    }
  }
  Packer(const Packer&) = delete;
  Packer& operator=(const Packer&) = delete;
  ~Packer() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) {
      thread.join();
    }
  }

  // The one that is filled.
  util::Bytes& plain() { return member(handed_).plain; }
  bool any() const { return handed_ > 0; }
  bool is_full() const { return handed_ - written_ == members_.size(); }
  bool is_empty() const { return handed_ == written_; }

  void hand_over() {
    member(handed_).packed_bytes.reset();
    if (threads_.empty()) {
      Member& one = member(handed_);
      one.packed_bytes = pack(*compressors_.front(), one);
    }
    const std::lock_guard lock(mutex_);
    ++handed_;
    changed_.notify_all();
  }

  // Waits for it. Empty: libdeflate failed.
  util::ByteView oldest() {
    Member& one = member(written_);
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return one.packed_bytes.has_value(); });
    return util::ByteView(one.packed).first(*one.packed_bytes);
  }
  void release_oldest() {
    member(written_).plain.clear();
    ++written_;
  }

 private:
  struct Free {
    void operator()(libdeflate_compressor* compressor) const {
      libdeflate_free_compressor(compressor);
    }
  };
  struct Member {
    util::Bytes plain;
    util::Bytes packed;
    std::optional<std::size_t> packed_bytes;  // once it is packed
  };

  Member& member(std::size_t number) { return members_[number % members_.size()]; }

  static std::size_t pack(libdeflate_compressor& compressor, Member& member) {
    return libdeflate_gzip_compress(&compressor, member.plain.data(), member.plain.size(),
                                    member.packed.data(), member.packed.size());
  }

  void run(libdeflate_compressor& compressor) {
    util::name_thread("gzip");
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return ending_ || taken_ < handed_; });
      if (ending_) {
        return;
      }
      Member& one = member(taken_++);
      lock.unlock();
      const std::size_t size = pack(compressor, one);
      lock.lock();
      one.packed_bytes = size;
      changed_.notify_all();
    }
  }

  std::vector<Member> members_;
  std::vector<std::unique_ptr<libdeflate_compressor, Free>> compressors_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t handed_ = 0;   // changed under mutex_, by the caller's thread
  std::size_t taken_ = 0;    // guarded by mutex_
  std::size_t written_ = 0;  // the caller's thread alone
  bool ending_ = false;      // guarded by mutex_
  std::vector<std::thread> threads_;
};

GzipSink::GzipSink(int level, util::ByteSink& next, unsigned workers)
    : next_(next), packer_(std::make_unique<Packer>(level, workers)) {}

GzipSink::~GzipSink() = default;

util::Status GzipSink::write(util::ByteView bytes) {
  while (!bytes.empty()) {
    util::Bytes& plain = packer_->plain();
    const std::size_t count = std::min(bytes.size(), kMember - plain.size());
    plain.insert(plain.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
    bytes = bytes.subspan(count);
    if (plain.size() == kMember) {
      WARDER_RETURN_IF_ERROR(end_member());
    }
  }
  return {};
}

util::Status GzipSink::end_member() {
  packer_->hand_over();
  return packer_->is_full() ? write_oldest() : util::Status();
}

util::Status GzipSink::write_oldest() {
  const util::ByteView packed = packer_->oldest();
  if (packed.empty()) {
    return Error(ErrorCode::kInternal, "libdeflate did not compress");
  }
  WARDER_RETURN_IF_ERROR(next_.write(packed));
  packer_->release_oldest();
  return {};
}

util::Status GzipSink::finish() {
  // Nothing at all is one empty member: an empty file would be no gzip.
  if (!packer_->plain().empty() || !packer_->any()) {
    WARDER_RETURN_IF_ERROR(end_member());
  }
  while (!packer_->is_empty()) {
    WARDER_RETURN_IF_ERROR(write_oldest());
  }
  return next_.finish();
}

unsigned gzip_workers(int level) {
  constexpr unsigned kMost = 2;
  constexpr int kLargeCompressors = 10;
  const unsigned processors = std::thread::hardware_concurrency();
  return processors < 2 || level >= kLargeCompressors ? 0 : std::min(processors, kMost);
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
