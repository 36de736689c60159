#pragma once

#include "model/line.h"
#include "util/result.h"

#include <cstdint>
#include <filesystem>

namespace warder::engine {

// Notes in a mapped file which line is being judged, so that a line that ends the process is known
// at the next start. One that did so kMostCrashes times in a row is passed over from then on, or
// the agent would never get beyond it: positions are stored behind what was judged.
//
// The file survives the process, not the host: pages that the kernel holds are enough, and nothing
// is written for a line but memory. It holds no text of a line. Any content is taken for what it
// can be: at worst a line is not passed over that should be, or is judged again.
//
// Bytes: 8 of magic, then places of 32 bytes (16 of the generation, 8 of the offset, 8 of a count;
// numbers in the host's order): the line being judged (its count 1 while it is), the last that
// ended the process (how often in a row), and kRemembered that are passed over (1, 0 for none).
// Takes SIGBUS: where the file system cannot keep the page any more, the note goes on in memory
// alone. Pipeline thread only, one in a process.
class LineMark {
 public:
  static constexpr std::uint64_t kMostCrashes = 3;
  static constexpr std::size_t kRemembered = 64;

  LineMark() = default;
  ~LineMark();
  LineMark(LineMark&& other) noexcept;
  LineMark& operator=(LineMark&& other) noexcept;

  // Counts a line that was being judged when the process ended. kIo, kDenied.
  static util::Result<LineMark> open(const std::filesystem::path& file);

  // Is the line to be judged? Marks it, then. Without a file always.
  bool begin(const model::GenerationId& generation, std::uint64_t offset);
  void end();

 private:
  struct Place;
  struct Page;
  Page* page_ = nullptr;
  bool told_ = false;  // that the file is not behind it any more
};

}  // namespace warder::engine
