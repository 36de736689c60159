#pragma once

#include "source/byte_reader.h"
#include "source/long_line.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace warder::source {

// Takes what a LineCursor finds, in the order of the bytes. Offsets and lengths are of the bytes
// read, line end included; they meet without a gap.
class LineSink {
 public:
  virtual ~LineSink() = default;
  // `text` is without LF or CRLF, valid during the call.
  virtual void on_text(std::string_view text, std::uint64_t offset, std::uint64_t length) = 0;
  // `gist` is what was kept of a JSON object (JsonGist), empty when it is none or nobody asked.
  virtual void on_oversized(std::uint64_t offset, std::uint64_t length,
                            const crypto::Sha256Digest& digest, std::string_view gist) = 0;
  // What is to be kept of lines that are too long; null: nothing.
  virtual const MemberNames* wanted_members() const { return nullptr; }
  virtual void on_hole(std::uint64_t offset, std::uint64_t length) = 0;
};

// Cuts growing bytes into lines, in constant memory whatever they hold. It stands at the start of
// the first line that is not complete; a line is handed over once its LF is there. Nothing is kept
// of an incomplete line but its length: its bytes are read again when it grows.
//
// With each read it reads the up to kTail bytes before its place once more and compares: bytes that
// changed there mean that the file was truncated and filled again, even beyond this place.
class LineCursor {
 public:
  static constexpr std::size_t kTail = 256;
  // What step() needs as buffer for lines up to `longest`.
  static std::size_t buffer_size(std::size_t longest);

  // At `offset`, with the bytes before it (at most kTail; empty when they are not known).
  LineCursor(std::uint64_t offset, std::string tail) : offset_(offset), tail_(std::move(tail)) {}

  enum class Outcome : std::uint8_t {
    kMore,     // there may be more: call again
    kEnd,      // the end of what there is
    kChanged,  // the bytes before our place are no longer those that were judged
    kFailed,   // reading failed with `error`
  };
  struct Step {
    Outcome outcome = Outcome::kEnd;
    std::size_t read = 0;
    int error = 0;
  };
  // Reads one buffer and hands over what it completes. `longest` is the limit of a line's text.
  Step step(ByteReader& reader, std::span<char> buffer, std::size_t longest, LineSink& sink);

  // Start of the first line not handed over.
  std::uint64_t offset() const { return offset_; }
  // Bytes known to stand after offset(), without a line end among them.
  std::uint64_t pending() const { return pending_; }
  const std::string& tail() const { return tail_; }

 private:
  struct Oversized : LongLine {
    std::string tail;  // last bytes fed
  };
  std::optional<Step> probe(ByteReader& reader, std::span<char> buffer, std::size_t longest,
                            const LineSink& sink);
  Step read_lines(ByteReader& reader, std::span<char> buffer, std::size_t longest, LineSink& sink);
  Step read_oversized(Oversized& line, ByteReader& reader, std::span<char> buffer, LineSink& sink);
  void end_oversized(Oversized& line, std::string tail, LineSink& sink);
  bool skip_hole(ByteReader& reader, LineSink& sink);
  const char* skip_zeros(const char* place, const char* end, bool more, LineSink& sink);
  void begin_oversized(std::size_t longest, const LineSink& sink);

  std::uint64_t offset_;
  std::uint64_t pending_ = 0;
  std::string tail_;
  std::optional<Oversized> oversized_;
};

}  // namespace warder::source
