#include "source/line_assembler.h"

#include "util/bytes.h"

#include <utility>

namespace warder::source {

void LineAssembler::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    std::string_view part = bytes.substr(0, end);
    if (end == std::string_view::npos) {
      take(part);
      return;
    }
    bytes.remove_prefix(end + 1);
    if (length_ == 0 && part.size() <= longest_) {  // the usual case: nothing is copied
      if (part.ends_with('\r')) {
        part.remove_suffix(1);
      }
      if (!part.empty()) {
        sink_->line(part);
      }
      continue;
    }
    take(part);
    if (long_) {
      end_long(*long_, true);
    } else {
      end_line();
    }
  }
}

void LineAssembler::take(std::string_view part) {
  length_ += part.size();
  if (!long_ && length_ > longest_) {
    begin_long();
  }
  if (!long_) {
    line_ += part;
    return;
  }
  long_->feed(part);
}

void LineAssembler::begin_long() {
  Long& found = long_.emplace();
  found.wanted = sink_->wanted ? sink_->wanted() : nullptr;
  if (found.wanted && !found.wanted->empty()) {
    found.gist.emplace(*found.wanted, longest_);
  }
  found.feed(line_);
  line_.clear();
}

void LineAssembler::end_long(Long& line, bool with_end) {
  Oversized oversized;
  oversized.length = length_;
  if (with_end) {
    line.hash.update(util::as_bytes(std::string_view("\n")));  // the gist ends before it
    ++oversized.length;
  }
  oversized.digest = line.hash.finish();
  oversized.gist = line.result();
  sink_->oversized(oversized);
  long_.reset();
  length_ = 0;
}

void LineAssembler::end_line() {
  if (long_) {
    end_long(*long_, false);
    return;
  }
  std::string_view line = line_;
  if (line.ends_with('\r')) {
    line.remove_suffix(1);
  }
  if (!line.empty()) {
    sink_->line(line);
  }
  line_.clear();
  length_ = 0;
}

}  // namespace warder::source
