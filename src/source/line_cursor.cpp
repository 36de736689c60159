#include "source/line_cursor.h"

#include <algorithm>
#include <cstring>

namespace warder::source {
namespace {

constexpr std::size_t kRead = 256UL * 1024;
// From here on an incomplete line is not read again before its line end is seen.
constexpr std::size_t kProbeFrom = 4096;

const char* find_line_end(const char* begin, const char* end) {
  return static_cast<const char*>(std::memchr(begin, '\n', static_cast<std::size_t>(end - begin)));
}

std::string_view without_line_end(const char* begin, const char* line_end) {
  if (line_end != begin && line_end[-1] == '\r') {
    --line_end;
  }
  return {begin, static_cast<std::size_t>(line_end - begin)};
}

std::string last_bytes(const char* begin, const char* end) {
  const auto size = std::min<std::size_t>(LineCursor::kTail, static_cast<std::size_t>(end - begin));
  return {end - size, size};
}

}  // namespace

std::size_t LineCursor::buffer_size(std::size_t longest) {
  // A line at the limit, CRLF, the bytes compared, and one more to see that it is longer.
  return std::max(kRead, longest + kTail + 3);
}

LineCursor::Step LineCursor::step(ByteReader& reader, std::span<char> buffer, std::size_t longest,
                                  LineSink& sink) {
  if (!oversized_ && pending_ >= kProbeFrom) {
    if (const std::optional<Step> probed = probe(reader, buffer, longest, sink)) {
      return *probed;
    }
  }
  return oversized_ ? read_oversized(*oversized_, reader, buffer, sink)
                    : read_lines(reader, buffer, longest, sink);
}

// Looks at the new bytes of a long incomplete line only, so that a line written byte by byte is not
// read whole for each. Nothing when its end is there.
std::optional<LineCursor::Step> LineCursor::probe(ByteReader& reader, std::span<char> buffer,
                                                  std::size_t longest, const LineSink& sink) {
  const ReadResult got = reader.read_at(offset_ + pending_, buffer);
  if (got.error != 0) {
    return Step{Outcome::kFailed, 0, got.error};
  }
  const char* const end = buffer.data() + got.count;
  const char* const line_end = find_line_end(buffer.data(), end);
  pending_ += static_cast<std::uint64_t>((line_end == nullptr ? end : line_end) - buffer.data());
  if (pending_ > longest + 1) {
    begin_oversized(longest, sink);
    return Step{Outcome::kMore, got.count, 0};
  }
  if (line_end != nullptr) {
    return std::nullopt;
  }
  return Step{got.count == 0 ? Outcome::kEnd : Outcome::kMore, got.count, 0};
}

LineCursor::Step LineCursor::read_lines(ByteReader& reader, std::span<char> buffer,
                                        std::size_t longest, LineSink& sink) {
  const ReadResult got = read_fully(reader, offset_ - tail_.size(), buffer);
  if (got.error != 0) {
    return {Outcome::kFailed, 0, got.error};
  }
  if (got.count < tail_.size() || std::memcmp(buffer.data(), tail_.data(), tail_.size()) != 0) {
    return {Outcome::kChanged, got.count, 0};
  }
  const char* place = buffer.data() + tail_.size();
  const char* const end = buffer.data() + got.count;
  if (place != end && *place == '\0' && skip_hole(reader, sink)) {
    return {Outcome::kMore, got.count, 0};
  }
  const bool more = got.count == buffer.size();
  while (place != end) {
    place = skip_zeros(place, end, more, sink);
    const char* const line_end = find_line_end(place, end);
    if (line_end == nullptr) {
      break;
    }
    const auto length = static_cast<std::uint64_t>(line_end + 1 - place);
    const std::string_view text = without_line_end(place, line_end);
    if (text.size() > longest) {
      std::optional<JsonGist> gist;
      if (const MemberNames* const wanted = sink.wanted_members()) {
        gist.emplace(*wanted, longest).feed(text);
      }
      sink.on_oversized(offset_, length,
                        crypto::sha256(util::as_bytes({place, static_cast<std::size_t>(length)})),
                        gist ? gist->result() : std::string_view{});
    } else {
      sink.on_text(text, offset_, length);
    }
    offset_ += length;
    place = line_end + 1;
  }
  tail_ = last_bytes(buffer.data(), place);
  // Zeros up to the end are no line that began: they may be filled in still.
  pending_ = place != end && *place == '\0' ? 0 : static_cast<std::uint64_t>(end - place);
  if (pending_ > longest + 1) {
    begin_oversized(longest, sink);
    return {Outcome::kMore, got.count, 0};
  }
  return {more ? Outcome::kMore : Outcome::kEnd, got.count, 0};
}

// Zeros in front of a line are none of it: the rest of a hole, which ends at a block of the file
// system, or what stands where a machine that lost its power did not write. Up to the end of the
// file they stay until something follows; `more`: there is more than was read.
const char* LineCursor::skip_zeros(const char* place, const char* end, bool more, LineSink& sink) {
  if (*place != '\0') {
    return place;
  }
  const char* const data = std::find_if(place, end, [](char c) { return c != '\0'; });
  if (data == end && !more) {
    return place;
  }
  sink.on_hole(offset_, static_cast<std::uint64_t>(data - place));
  offset_ += static_cast<std::uint64_t>(data - place);
  return data;
}

bool LineCursor::skip_hole(ByteReader& reader, LineSink& sink) {
  const std::uint64_t data = reader.data_from(offset_);
  if (data <= offset_) {
    return false;
  }
  sink.on_hole(offset_, data - offset_);
  offset_ = data;
  pending_ = 0;
  tail_.clear();
  return true;
}

void LineCursor::begin_oversized(std::size_t longest, const LineSink& sink) {
  Oversized& line = oversized_.emplace();
  if (const MemberNames* const wanted = sink.wanted_members()) {
    line.gist.emplace(*wanted, longest);
  }
  line.tail = tail_;
  pending_ = 0;
}

LineCursor::Step LineCursor::read_oversized(Oversized& line, ByteReader& reader,
                                            std::span<char> buffer, LineSink& sink) {
  const std::string& before = line.tail;
  const ReadResult got = read_fully(reader, offset_ + pending_ - before.size(), buffer);
  if (got.error != 0) {
    return {Outcome::kFailed, 0, got.error};
  }
  if (got.count < before.size() || std::memcmp(buffer.data(), before.data(), before.size()) != 0) {
    return {Outcome::kChanged, got.count, 0};
  }
  const char* const place = buffer.data() + before.size();
  const char* const end = buffer.data() + got.count;
  if (place != end && *place == '\0' && pending_ != 0 &&
      reader.data_from(offset_ + pending_) > offset_ + pending_) {
    end_oversized(line, {}, sink);
    skip_hole(reader, sink);
    return {Outcome::kMore, got.count, 0};
  }
  const char* const line_end = find_line_end(place, end);
  const char* const stop = line_end == nullptr ? end : line_end + 1;
  const auto fresh = static_cast<std::size_t>(stop - place);
  line.feed({place, fresh});
  pending_ += fresh;
  std::string tail = last_bytes(buffer.data(), stop);
  if (line_end != nullptr) {
    end_oversized(line, std::move(tail), sink);
    return {Outcome::kMore, got.count, 0};
  }
  line.tail = std::move(tail);
  return {got.count == buffer.size() ? Outcome::kMore : Outcome::kEnd, got.count, 0};
}

void LineCursor::end_oversized(Oversized& line, std::string tail, LineSink& sink) {
  sink.on_oversized(offset_, pending_, line.hash.finish(), line.result());
  offset_ += pending_;
  pending_ = 0;
  tail_ = std::move(tail);
  oversized_.reset();
}

}  // namespace warder::source
