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

}  // namespace

std::filesystem::path reserve_of(const std::filesystem::path& path) {
  std::filesystem::path result = path;
  result += ".reserve";
  return result;
}

// What the signal uses.
struct Reserve::Taker {
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

std::atomic<Reserve::Taker*> Reserve::Taker::last{nullptr};

Reserve::Reserve(const std::filesystem::path& path, util::ByteCount size)
    : path_(reserve_of(path)), size_(size), taker_(new Taker) {
  taker_->file = path_.string();
}

Reserve::~Reserve() {
  Taker* mine = taker_.get();
  Taker::last.compare_exchange_strong(mine, nullptr);
}

util::Status Reserve::keep() {
  const util::Descriptor fd(
      ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) {
    return util::errno_error(path_.string(), errno);
  }
  // posix_fallocate returns the error instead of setting errno.
  const int failed = ::posix_fallocate(fd.get(), 0, static_cast<off_t>(size_.value));
  if (failed != 0) {
    ::unlink(path_.c_str());
    return util::errno_error(path_.string(), failed);
  }
  if (!taker_->folder) {
    const std::filesystem::path folder =
        path_.has_parent_path() ? path_.parent_path() : std::filesystem::path(".");
    taker_->folder.reset(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  taker_->room = taker_->folder ? Room::kKept : Room::kNone;
  Taker::last = taker_.get();
  util::mend_bus_errors(Taker::take_last);
  return {};
}

bool Reserve::release() {
  taker_->room = Room::kNone;
  return ::unlink(path_.c_str()) == 0;
}

bool Reserve::was_taken() const {
  const Room room = taker_->room;
  return room == Room::kBeingTaken || room == Room::kTaken;
}

}  // namespace warder::store
