#include "engine/line_mark.h"

#include "log/log.h"
#include "util/bus_error.h"
#include "util/descriptor.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace warder::engine {
namespace {

constexpr std::array<char, 8> kMagic{'w', 'a', 'r', 'd', 'm', 'r', 'k', '1'};

// The page as it is mapped, and whether it was put into memory that no file is behind. For the
// handler, which may use nothing else.
constexpr std::size_t kPage = 4096;
std::atomic<void*> g_mapped{nullptr};
std::atomic<bool> g_detached{false};

// A file system that writes elsewhere what it changes (btrfs) needs room for each page that is
// stored into again, and has none when it is full or a quota is exceeded: then the mark goes on in
// memory alone.
bool detach(void* address) noexcept {
  auto* const page = static_cast<std::uint8_t*>(g_mapped.load());
  auto* const at = static_cast<std::uint8_t*>(address);
  if (page == nullptr || at < page || at >= page + kPage || g_detached) {
    return false;
  }
  std::array<std::uint8_t, kPage> content;
  std::memcpy(content.data(), page, kPage);
  if (::mmap(page, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) !=
      page) {
    return false;
  }
  std::memcpy(page, content.data(), kPage);
  g_detached = true;
  return true;
}

void take_bus_errors(void* page) {
  g_detached = false;
  g_mapped = page;
  util::mend_bus_errors(detach);
}

}  // namespace

struct LineMark::Place {
  std::array<std::uint8_t, 16> generation{};
  std::uint64_t offset = 0;
  std::uint64_t count = 0;

  bool is(const Place& other) const {
    return generation == other.generation && offset == other.offset;
  }
};

struct LineMark::Page {
  std::array<char, 8> magic{};
  Place now;
  Place last;
  std::array<Place, kRemembered> passed_over;
};

LineMark::~LineMark() {
  if (page_ != nullptr) {
    void* mine = page_;
    g_mapped.compare_exchange_strong(mine, nullptr);
    ::munmap(page_, kPage);
  }
}

LineMark::LineMark(LineMark&& other) noexcept
    : page_(std::exchange(other.page_, nullptr)), told_(other.told_) {}

LineMark& LineMark::operator=(LineMark&& other) noexcept {
  std::swap(page_, other.page_);
  std::swap(told_, other.told_);
  return *this;
}

util::Result<LineMark> LineMark::open(const std::filesystem::path& file) {
  const util::Descriptor opened(
      ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!opened) {
    return util::errno_error(file.string(), errno);
  }
  // Blocks are taken now: a full disk must not end the process when a page is first written.
  static_assert(sizeof(Page) <= kPage);
  if (const int error = ::posix_fallocate(opened.get(), 0, kPage); error != 0) {
    return util::errno_error(file.string(), error);
  }
  void* const mapped = ::mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, opened.get(), 0);
  if (mapped == MAP_FAILED) {
    return util::errno_error(file.string(), errno);
  }
  take_bus_errors(mapped);
  LineMark mark;
  mark.page_ = static_cast<Page*>(mapped);
  Page& page = *mark.page_;
  if (page.magic != kMagic) {
    page = Page{};
    page.magic = kMagic;
    return mark;
  }
  if (page.now.count != 0) {
    page.last.count = page.now.is(page.last) ? page.last.count + 1 : 1;
    page.last.generation = page.now.generation;
    page.last.offset = page.now.offset;
    page.now.count = 0;
    if (page.last.count >= kMostCrashes) {
      std::move_backward(page.passed_over.begin(), page.passed_over.end() - 1,
                         page.passed_over.end());
      page.passed_over[0] = {page.last.generation, page.last.offset, 1};
      page.last = {};
    }
  }
  return mark;
}

bool LineMark::begin(const model::GenerationId& generation, std::uint64_t offset) {
  if (page_ == nullptr) {
    return true;
  }
  const Place here{generation.bytes, offset, 1};
  if (page_->passed_over[0].count != 0 &&
      std::any_of(page_->passed_over.begin(), page_->passed_over.end(),
                  [&](const Place& place) { return place.count != 0 && place.is(here); })) {
    return false;
  }
  page_->now = here;
  if (!told_ && g_detached) {
    told_ = true;
    log::warning(
        "the disk has no room for the note of which line is being judged; it is kept in memory "
        "until "
        "the next start, and a line that ends the agent before is judged once more then");
  }
  // The compiler must not move the mark behind what it is for.
  std::atomic_signal_fence(std::memory_order_seq_cst);
  return true;
}

void LineMark::end() {
  if (page_ != nullptr) {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    page_->now.count = 0;
  }
}

}  // namespace warder::engine
