#include "engine/line_mark.h"

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
    ::munmap(page_, sizeof(Page));
  }
}

LineMark::LineMark(LineMark&& other) noexcept : page_(std::exchange(other.page_, nullptr)) {}

LineMark& LineMark::operator=(LineMark&& other) noexcept {
  std::swap(page_, other.page_);
  return *this;
}

util::Result<LineMark> LineMark::open(const std::filesystem::path& file) {
  const util::Descriptor opened(
      ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!opened) {
    return util::errno_error(file.string(), errno);
  }
  // Blocks are taken now: a full disk must not end the process when a page is first written.
  if (const int error = ::posix_fallocate(opened.get(), 0, sizeof(Page)); error != 0) {
    return util::errno_error(file.string(), error);
  }
  void* const mapped =
      ::mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED, opened.get(), 0);
  if (mapped == MAP_FAILED) {
    return util::errno_error(file.string(), errno);
  }
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
