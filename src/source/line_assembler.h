#pragma once

#include "crypto/sha256.h"
#include "source/json_gist.h"
#include "source/long_line.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace warder::source {

// Makes lines of the bytes of a connection, in whatever pieces they come, in constant memory: of a
// line that is not complete yet at most `longest` bytes are kept. A longer one is hashed, and what
// is wanted of a JSON object is kept (JsonGist), as a file's is. Lines of no bytes are passed over.
// One thread.
class LineAssembler {
 public:
  struct Oversized {
    std::uint64_t length = 0;  // line end included
    crypto::Sha256Digest digest{};
    std::string_view gist;  // empty when it was no JSON object or nothing is wanted
  };
  // Views, valid during the call. Must outlive the assembler.
  struct Sink {
    std::function<void(std::string_view)> line;  // without LF or CRLF
    std::function<void(const Oversized&)> oversized;
    // What is to be kept of a line that is too long; asked for when one is met. May be empty, or
    // give null: nothing.
    std::function<std::shared_ptr<const MemberNames>()> wanted;
  };
  LineAssembler(std::size_t longest, const Sink& sink) : longest_(longest), sink_(&sink) {}

  void feed(std::string_view bytes);
  // No more bytes belong to the last line, though it has no line end: hands it over.
  void end_line();
  // Bytes of a line that is not complete.
  std::uint64_t pending() const { return length_; }

 private:
  struct Long : LongLine {
    std::shared_ptr<const MemberNames> wanted;  // what `gist` refers to
  };
  void take(std::string_view part);
  void begin_long();
  void end_long(Long& line, bool with_end);

  std::size_t longest_;
  const Sink* sink_;
  std::string line_;
  std::uint64_t length_ = 0;  // also of what was not kept
  std::optional<Long> long_;
};

}  // namespace warder::source
