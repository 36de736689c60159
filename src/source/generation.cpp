#include "source/generation.h"

#include "source/gzip_reader.h"
#include "source/open_log.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace warder::source {
namespace {

// What LineCursor may read again: a line at a generous limit and the bytes it compares.
constexpr std::size_t kKeepDecompressed = 512UL * 1024;

// Files grow on a disk by these: what was not written of one reads as zeros.
constexpr std::uint64_t kBlock = 4096;

// The start of the zeros that end at `end`, not below `least`; `end` where there are none.
std::uint64_t zeros_before(ByteReader& bytes, std::uint64_t end, std::uint64_t least) {
  std::array<char, kBlock> buffer;
  std::uint64_t place = end;
  while (place > least) {
    // One byte first: most often it is none.
    const std::uint64_t wanted = place == end ? 1 : std::min<std::uint64_t>(kBlock, place - least);
    const auto part = std::span(buffer).first(static_cast<std::size_t>(wanted));
    const ReadResult got = read_fully(bytes, place - wanted, part);
    const auto last = std::find_if(part.rbegin(), part.rend(), [](char c) { return c != '\0'; });
    if (got.error != 0 || got.count != part.size()) {
      return place;
    }
    place -= static_cast<std::uint64_t>(last - part.rbegin());
    if (last != part.rend()) {
      break;
    }
  }
  return place;
}

}  // namespace

OpenFiles::List::iterator OpenFiles::add(Generation& generation) {
  while (files_.size() >= limit_ && !files_.empty()) {
    auto victim = std::find_if(files_.begin(), files_.end(), [](const Generation* file) {
      return !(file->pending && file->quiet_since);
    });
    (victim == files_.end() ? files_.front() : *victim)->close();
  }
  return files_.insert(files_.end(), &generation);
}

OpenedReader open_reader(const std::string& path, Compression compression, const ReadAt& read_at) {
  OpenedReader result;
  OpenedLog opened = open_log(path);
  result.facts = opened.facts;
  result.error = opened.error;
  if (!opened.fd) {
    return result;
  }
  result.fd = opened.fd.get();
  result.reader = std::make_unique<FileReader>(std::move(opened.fd), read_at);
  if (compression == Compression::kGzip) {
    result.reader = std::make_unique<GzipReader>(std::move(result.reader), kKeepDecompressed);
  }
  return result;
}

Generation::Generation(const GenerationRecord& record)
    : pending(!record.finished),
      dormant(record.finished),
      life_(record.life),
      identity_(record.identity),
      cursor_(record.offset, {}),
      head_(record.head),
      stored_tail_(record.tail),
      stored_(true),
      modified_(record.modified) {
  if (record.id != model::GenerationId{}) {
    id_ = record.id;
  }
}

void Generation::set_place(const FileIdentity& identity, std::string path,
                           Compression compression) {
  if (is_open() && identity != identity_) {
    close();
  }
  identity_ = identity;
  path_ = std::move(path);
  compression_ = compression;
}

int Generation::open(OpenFiles& files, const ReadAt& read_at) {
  OpenedReader opened = open_reader(path_, compression_, read_at);
  if (!opened.reader) {
    return opened.error;
  }
  if (!may_be_same(opened.facts->identity, identity_) ||
      (stored_ && offset() != 0 && !matches(*opened.reader))) {
    return ESTALE;
  }
  place_in_files_ = files.add(*this);
  files_ = &files;
  reader_ = std::move(opened.reader);
  fd_ = opened.fd;
  if (compression_ != Compression::kNone && head_.length < kLongestHead) {
    head_bytes_.resize(kLongestHead);
    head_bytes_.resize(read_fully(*reader_, 0, head_bytes_).count);
  }
  if (stored_) {
    read_tail();
    stored_ = false;
    stored_tail_ = {};
  }
  refresh_facts();
  return 0;
}

// A place that came from the store knows only the fingerprint of the bytes before it.
void Generation::read_tail() {
  std::array<char, LineCursor::kTail> bytes;
  const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(offset(), bytes.size()));
  const ReadResult got = read_fully(*reader_, offset() - length, std::span(bytes).first(length));
  if (got.error == 0 && got.count == length) {
    cursor_ = LineCursor(offset(), std::string(bytes.data(), length));
  }
}

void Generation::close() {
  if (!is_open()) {
    return;
  }
  files_->remove(place_in_files_);
  files_ = nullptr;
  reader_.reset();
  fd_ = -1;
}

bool Generation::unlinked() const {
  const FactsResult now = facts_of(fd_);
  return now.facts && now.facts->links == 0;
}

void Generation::refresh_facts() {
  const FactsResult now = facts_of(fd_);
  if (!now.facts) {
    return;
  }
  modified_ = now.facts->modified;
  if (compression_ == Compression::kNone) {
    size_ = now.facts->size;
  }
}

bool Generation::matches(ByteReader& bytes) const {
  if (offset() == 0) {
    return false;
  }
  if (head_.length != 0 && fingerprint_at(bytes, 0, head_.length) != head_) {
    return false;
  }
  const std::string& tail = cursor_.tail();
  const Fingerprint wanted = stored_ ? stored_tail_ : fingerprint(tail);
  if (wanted.length != 0) {
    return fingerprint_at(bytes, offset() - wanted.length, wanted.length) == wanted;
  }
  return fingerprint_at(bytes, offset() - 1, 1).has_value();
}

std::optional<std::uint64_t> Generation::cut_short(ByteReader& bytes,
                                                   const FileFacts& facts) const {
  const std::uint64_t end = std::min(facts.size, offset());
  if (head_.length == 0 || end < head_.length || fingerprint_at(bytes, 0, head_.length) != head_) {
    return std::nullopt;
  }
  if (const std::uint64_t zeros = zeros_before(bytes, end, head_.length); zeros < end) {
    return zeros;
  }
  // Lines may stand behind the zeros by now. These end with a block; one zero alone, or one
  // elsewhere, is of a line, and who wrote that must not choose where a line begins.
  for (std::uint64_t block = end - end % kBlock; block > head_.length; block -= kBlock) {
    const std::uint64_t zeros = zeros_before(bytes, block, head_.length);
    if (block - zeros > 1) {
      return zeros;
    }
  }
  // Not written to since it was read.
  return facts.size < offset() && facts.modified <= modified_ ? std::optional(end) : std::nullopt;
}

void Generation::go_on_at(std::uint64_t offset) {
  close();
  life_ = 0;
  id_.reset();
  cursor_ = LineCursor(offset, {});
  stored_ = false;
  stored_tail_ = {};
}

bool Generation::begins_like(ByteReader& bytes) const {
  const auto length = static_cast<std::uint32_t>(std::min<std::uint64_t>(size_, kLongestHead));
  const std::optional<Fingerprint> own = fingerprint_at(*reader_, 0, length);
  return length != 0 && own && own == fingerprint_at(bytes, 0, length);
}

const model::GenerationId& Generation::id(const LogSeed& seed) {
  if (!id_) {
    std::array<char, kLongestHead> bytes;
    const ReadResult got = read_fully(*reader_, 0, bytes);
    const std::string_view head(bytes.data(), got.count);
    const std::size_t line_end = head.find('\n');
    id_ = generation_id(seed, life_,
                        line_end == std::string_view::npos ? head : head.substr(0, line_end));
  }
  return *id_;
}

void Generation::refresh_head() {
  const auto wanted = static_cast<std::uint32_t>(std::min<std::uint64_t>(offset(), kLongestHead));
  if (head_.length >= wanted) {
    return;
  }
  if (compression_ != Compression::kNone) {
    if (head_bytes_.size() >= wanted) {
      head_ = fingerprint(std::string_view(head_bytes_).substr(0, wanted));
    }
    return;
  }
  if (const std::optional<Fingerprint> grown = fingerprint_at(*reader_, 0, wanted)) {
    head_ = *grown;
  }
}

GenerationRecord Generation::record() {
  GenerationRecord record;
  record.life = life_;
  record.id = id_.value_or(model::GenerationId{});
  record.identity = identity_;
  record.offset = offset();
  record.head = head_;
  record.tail = stored_ ? stored_tail_ : fingerprint(cursor_.tail());
  record.modified = modified_;
  record.finished = dormant && !pending;
  return record;
}

}  // namespace warder::source
