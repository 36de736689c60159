#pragma once

#include "crypto/sha256.h"
#include "storage/storage.h"
#include "util/byte_pipe.h"
#include "util/byte_stream.h"
#include "util/bytes.h"
#include "util/descriptor.h"
#include "util/result.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <thread>

// The links of the chains in which a backup is made and read. None of them holds more than a
// buffer. What a constructor takes by reference must outlive the link.
namespace warder::backup {

struct Digest {
  std::uint64_t bytes = 0;
  crypto::Sha256Digest sha256{};
  friend bool operator==(const Digest&, const Digest&) = default;
};

using storage::Progress;

// Passes on and counts.
class DigestSink : public util::ByteSink {
 public:
  // Without `next` it only counts.
  explicit DigestSink(util::ByteSink* next, Progress progress = {})
      : next_(next), progress_(std::move(progress)) {}
  util::Status write(util::ByteView bytes) override;
  util::Status finish() override;
  // After finish().
  const Digest& digest() const { return digest_; }

 private:
  util::ByteSink* next_;
  Progress progress_;
  crypto::Sha256 hash_;
  Digest digest_;
};

class DigestSource : public util::ByteSource {
 public:
  explicit DigestSource(util::ByteSource& from, Progress progress = {})
      : from_(from), progress_(std::move(progress)) {}
  util::Result<std::size_t> read(std::span<std::uint8_t> out) override;
  // After the end.
  const Digest& digest() const { return digest_; }

 private:
  util::ByteSource& from_;
  Progress progress_;
  crypto::Sha256 hash_;
  Digest digest_;
};

// Whether a file outlives a power failure once it is finished, and whether it then leaves the page
// cache to others; kFlushedToRead is for one that is read again at once.
enum class Durability { kFlushed, kFlushedToRead, kNone };

// A new file (0600, never over an existing one). One that is flushed goes to the disk while it is
// written, some megabytes behind. Removed again when it was not finished.
class FileSink : public util::ByteSink {
 public:
  static util::Result<FileSink> create(std::filesystem::path path,
                                       Durability durability = Durability::kFlushed);
  FileSink(FileSink&&) noexcept = default;
  FileSink& operator=(FileSink&&) = delete;
  ~FileSink() override;
  util::Status write(util::ByteView bytes) override;
  util::Status finish() override;

 private:
  FileSink(std::filesystem::path path, util::Descriptor fd, Durability durability)
      : path_(std::move(path)), fd_(std::move(fd)), durability_(durability) {}
  util::Status push_out();

  std::filesystem::path path_;
  util::Descriptor fd_;
  Durability durability_;
  std::uint64_t written_ = 0;
  std::uint64_t begun_ = 0;  // up to here the disk was told to write
  std::uint64_t there_ = 0;  // up to here it has written
};

// A regular file; a link, FIFO or device is refused.
class FileSource : public util::ByteSource {
 public:
  static util::Result<FileSource> open(std::filesystem::path path);
  util::Result<std::size_t> read(std::span<std::uint8_t> out) override;
  std::uint64_t size() const { return size_; }

 private:
  FileSource(std::filesystem::path path, util::Descriptor fd, std::uint64_t size)
      : path_(std::move(path)), fd_(std::move(fd)), size_(size) {}
  std::filesystem::path path_;
  util::Descriptor fd_;
  std::uint64_t size_;
};

// kInvalid when more than `limit` comes: what stops a compression bomb.
class LimitSource : public util::ByteSource {
 public:
  LimitSource(util::ByteSource& from, util::ByteCount limit) : from_(from), left_(limit.value) {}
  util::Result<std::size_t> read(std::span<std::uint8_t> out) override;

 private:
  util::ByteSource& from_;
  std::uint64_t left_;
};

// Reads ahead on a thread of its own, a MiB at most: what unpacks and what writes work side by
// side. `from` is that thread's alone until this is destroyed; what it fails with is passed on.
class AheadSource : public util::ByteSource {
 public:
  explicit AheadSource(util::ByteSource& from);
  ~AheadSource() override;
  AheadSource(const AheadSource&) = delete;
  AheadSource& operator=(const AheadSource&) = delete;
  util::Result<std::size_t> read(std::span<std::uint8_t> out) override { return pipe_.read(out); }

 private:
  util::Status run(util::ByteSource& from);

  util::BytePipe pipe_;
  std::thread thread_;
};

util::Result<Digest> digest_of_file(const std::filesystem::path& path, Progress progress = {});

// Writes a folder's entries to the disk, so that a rename in it outlives a power failure.
util::Status flush_folder(const std::filesystem::path& folder);

}  // namespace warder::backup
