#include "store/reserve.h"

#include "util/bus_error.h"
#include "util/descriptor.h"

#include <atomic>
#include <cerrno>
#include <ctime>
#include <fcntl.h>
#include <string>
#include <unistd.h>

namespace warder::store {
namespace {

enum class Room : int { kNone, kKept, kBeingTaken, kTaken };

// Stores of other threads that fault while one takes the reserve, or before its room can be used,
// are tried again so often, with a pause. More would hide a fault that no room mends.
constexpr int kMostTries = 100;
constexpr timespec kPause{0, 10'000'000};

std::filesystem::path beside(const std::filesystem::path& path, const char* suffix) {
  std::filesystem::path result = path;
  result += suffix;
  return result;
}

util::Status set_aside_space(const std::filesystem::path& file, util::ByteCount size) {
  const util::Descriptor fd(
      ::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) {
    return util::errno_error(file.string(), errno);
  }
  // posix_fallocate returns the error instead of setting errno.
  const int failed = ::posix_fallocate(fd.get(), 0, static_cast<off_t>(size.value));
  if (failed != 0) {
    ::unlink(file.c_str());
    return util::errno_error(file.string(), failed);
  }
  return {};
}

}  // namespace

// What the signal uses.
struct IndexReserve::Taker {
  std::string file;
  util::Descriptor folder;
  std::atomic<Room> room{Room::kNone};
  std::atomic<int> tries{0};

  static std::atomic<Taker*> last;

  bool take() {
    Room kept = Room::kKept;
    if (room.compare_exchange_strong(kept, Room::kBeingTaken)) {
      tries = 0;
      // The room can be used again when the file system has written down that it is free.
      const bool freed = ::unlink(file.c_str()) == 0 && ::syncfs(folder.get()) == 0;
      room = Room::kTaken;
      return freed;
    }
    if (kept == Room::kNone || tries.fetch_add(1) >= kMostTries) {
      return false;
    }
    ::nanosleep(&kPause, nullptr);
    return true;
  }

  static bool take_last(void*) noexcept {
    Taker* const taker = last.load();
    return taker != nullptr && taker->take();
  }
};

std::atomic<IndexReserve::Taker*> IndexReserve::Taker::last{nullptr};

Reserve::Reserve(const std::filesystem::path& path, util::ByteCount size)
    : file_(file_of(path)), size_(size) {}

std::filesystem::path Reserve::file_of(const std::filesystem::path& path) {
  return beside(path, ".reserve");
}

util::Status Reserve::keep() { return set_aside_space(file_, size_); }

bool Reserve::release() { return ::unlink(file_.c_str()) == 0; }

IndexReserve::IndexReserve(const std::filesystem::path& path, util::ByteCount size)
    : file_(file_of(path)), size_(size), taker_(new Taker) {
  taker_->file = file_.string();
}

IndexReserve::~IndexReserve() {
  Taker* mine = taker_.get();
  Taker::last.compare_exchange_strong(mine, nullptr);
}

std::filesystem::path IndexReserve::file_of(const std::filesystem::path& path) {
  return beside(path, ".index-reserve");
}

util::Status IndexReserve::keep() {
  WARDER_RETURN_IF_ERROR(set_aside_space(file_, size_));
  if (!taker_->folder) {
    const std::filesystem::path folder =
        file_.has_parent_path() ? file_.parent_path() : std::filesystem::path(".");
    taker_->folder.reset(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  taker_->room = taker_->folder ? Room::kKept : Room::kNone;
  Taker::last = taker_.get();
  util::mend_bus_errors(Taker::take_last);
  return {};
}

bool IndexReserve::was_taken() const {
  const Room room = taker_->room;
  return room == Room::kBeingTaken || room == Room::kTaken;
}

}  // namespace warder::store
