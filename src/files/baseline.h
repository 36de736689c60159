#pragma once

#include "crypto/merkle.h"
#include "files/entry.h"
#include "files/scope.h"
#include "util/clock.h"
#include "util/result.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace warder::files {

// Signs the root of a baseline and checks signatures; the agent's key for checkpoints stands behind
// it. `name` is the section's, so that the baseline of one cannot stand in for that of another.
struct Seal {
  std::function<util::Result<std::string>(std::string_view name, std::uint64_t entries,
                                          const crypto::merkle::Hash& root)>
      sign;
  // kDenied when the note is not ours or not of that name.
  struct Signed {
    std::uint64_t entries = 0;
    crypto::merkle::Hash root{};
  };
  std::function<util::Result<Signed>(std::string_view name, std::string_view note)> open;
};

// What a baseline says of itself. All of it is under the signature.
struct Manifest {
  std::string name;
  util::WallTime made{};
  std::uint64_t generation = 0;  // one more with each change
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;  // of content that was read
  std::vector<std::string> paths;
  std::vector<std::string> exclusions;
  std::vector<std::string> first_paths;  // of each chunk

  friend bool operator==(const Manifest&, const Manifest&) = default;
};

// Makes a baseline out of entries that come in order. Memory: one chunk and the list of chunks.
// Where a chunk ends depends on the paths alone, so that a change of one entry leaves all chunks
// but one as they are.
class BaselineWriter {
 public:
  static constexpr std::size_t kLeastChunk = std::size_t{48} << 10U;
  static constexpr std::size_t kMostChunk = std::size_t{256} << 10U;
  // Takes each chunk under its name before the next is begun. Equal chunks have equal names.
  using Sink = std::function<util::Status(std::string name, std::string chunk)>;

  explicit BaselineWriter(Sink sink) : sink_(std::move(sink)) {}

  // Entries in the order of compare_paths(); the first error of the sink.
  util::Status add(const Entry& entry);
  // The text that stands for the baseline in the store. Of `manifest` name, time, generation, paths
  // and exclusions are set by the caller.
  util::Result<std::string> finish(Manifest manifest, const Seal& seal);
  std::uint64_t entries() const { return entries_; }
  // After finish().
  const crypto::merkle::Hash& root() const { return root_; }

 private:
  util::Status end_chunk();

  const Sink sink_;
  std::string chunk_;
  std::string last_path_;
  std::vector<std::string> first_paths_;
  std::vector<crypto::merkle::Hash> hashes_;
  std::uint64_t entries_ = 0;
  std::uint64_t bytes_ = 0;
  crypto::merkle::Hash root_{};
};

// A baseline as it lies in the store; every byte is checked against the signature when it is read.
// Copies are cheap enough; `read` is called on the thread of the caller.
class Baseline {
 public:
  using Read = std::function<util::Result<std::string>(const std::string& chunk)>;

  // kDenied when it is not what was signed, kInvalid when it is no baseline at all.
  static util::Result<Baseline> open(std::string_view name, std::string_view text, const Seal& seal,
                                     Read read);

  const Manifest& manifest() const { return manifest_; }
  const crypto::merkle::Hash& root() const { return root_; }
  // By their names.
  std::vector<std::string> chunks() const;

  // Entries in order, one chunk in memory.
  class Cursor {
   public:
    // `baseline` must outlive it.
    explicit Cursor(const Baseline& baseline) : baseline_(&baseline) {}
    Cursor(const Cursor&) = delete;
    Cursor& operator=(const Cursor&) = delete;

    // Goes to the first entry that is not before `path`.
    util::Status seek(std::string_view path);
    // The entry it stands at, read from the store if need be; null at the end.
    util::Result<const Entry*> peek();
    void next() { entry_.reset(); }

   private:
    util::Status load(std::size_t chunk);

    const Baseline* baseline_;
    std::size_t next_chunk_ = 0;
    std::string chunk_;
    std::string_view left_;
    std::string path_;
    std::optional<Entry> entry_;
  };

  // The entry of a path, if it has one.
  util::Result<std::optional<Entry>> find(std::string_view path) const;

 private:
  Manifest manifest_;
  crypto::merkle::Hash root_{};
  std::vector<crypto::merkle::Hash> hashes_;
  Read read_;
};

// What all entries of a chunk are, without a signature. kInvalid for anything BaselineWriter does
// not write. For the fuzz target and Cursor.
util::Result<std::vector<Entry>> parse_chunk(std::string_view chunk);

}  // namespace warder::files
