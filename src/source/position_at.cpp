#include "source/position_at.h"

#include "source/file_identity.h"
#include "source/line_cursor.h"
#include "util/descriptor.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

namespace warder::source {
namespace {

util::Result<std::string> bytes_at(int fd, const std::string& path, std::uint64_t offset,
                                   std::size_t length) {
  std::string bytes(length, '\0');
  std::size_t have = 0;
  while (have < length) {
    const ssize_t got =
        ::pread(fd, bytes.data() + have, length - have, static_cast<off_t>(offset + have));
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return util::errno_error(path, errno);
    }
    if (got == 0) {
      return util::Error(
          util::ErrorCode::kInvalid,
          fmt::format("{}: became shorter while it was read", util::printable(path)));
    }
    have += static_cast<std::size_t>(got);
  }
  return bytes;
}

}  // namespace

util::Result<PositionRecord> position_at(const std::string& path, std::uint64_t offset) {
  const util::Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) {
    return util::errno_error(path, errno);
  }
  const FactsResult facts = facts_of(fd.get());
  if (!facts.facts) {
    return util::errno_error(path, facts.error);
  }
  if (!S_ISREG(facts.facts->mode)) {
    return util::Error(util::ErrorCode::kInvalid,
                       fmt::format("{}: is no file", util::printable(path)));
  }
  if (facts.facts->size < offset) {
    return util::Error(util::ErrorCode::kInvalid,
                       fmt::format("{}: has {} bytes, {} were read: it is another file by now",
                                   util::printable(path), facts.facts->size, offset));
  }
  PositionRecord record;
  if (offset == 0) {
    return record;  // known, and nothing of it judged
  }
  const auto head_length = static_cast<std::size_t>(std::min<std::uint64_t>(offset, kLongestHead));
  const auto tail_length =
      static_cast<std::size_t>(std::min<std::uint64_t>(offset, LineCursor::kTail));
  WARDER_ASSIGN_OR_RETURN(const std::string head, bytes_at(fd.get(), path, 0, head_length));
  WARDER_ASSIGN_OR_RETURN(const std::string tail,
                          bytes_at(fd.get(), path, offset - tail_length, tail_length));
  if (tail.back() != '\n') {
    return util::Error(util::ErrorCode::kInvalid,
                       fmt::format("{}: no line begins at {}", util::printable(path), offset));
  }
  record.seed = log_seed(path, facts.facts->identity);
  GenerationRecord generation;
  generation.life = 1;
  const std::string_view first = std::string_view(head).substr(0, head.find('\n'));
  generation.id = generation_id(record.seed, 1, first);
  generation.identity = facts.facts->identity;
  generation.offset = offset;
  generation.head = fingerprint(head);
  generation.tail = fingerprint(tail);
  generation.modified = facts.facts->modified;
  record.generations.push_back(generation);
  return record;
}

}  // namespace warder::source
