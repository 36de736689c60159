#pragma once

#include "source/byte_reader.h"
#include "source/file_identity.h"
#include "source/line_cursor.h"
#include "source/position_record.h"
#include "source/rolled_name.h"
#include "util/clock.h"

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>

namespace warder::source {

class Generation;

// Which generations hold a file open; closes the least recently used ones beyond the limit. A file
// that was renamed away or removed and still has bytes to read stays, as long as others can go: it
// might not be found again.
class OpenFiles {
 public:
  explicit OpenFiles(std::size_t limit) : limit_(limit) {}
  using List = std::list<Generation*>;

  List::iterator add(Generation& generation);
  void use(List::iterator place) { files_.splice(files_.end(), files_, place); }
  void remove(List::iterator place) { files_.erase(place); }
  std::size_t size() const { return files_.size(); }

 private:
  std::size_t limit_;
  List files_;
};

// One life of one log, from a file's creation (or truncation) on: what is known of the file, how
// far it was judged, and the open file if it is open. Owned by a FollowedLog.
class Generation {
 public:
  // A new one, to be read from its start.
  explicit Generation(const FileFacts& facts)
      : identity_(facts.identity), cursor_(0, {}), modified_(facts.modified) {}
  explicit Generation(const GenerationRecord& record);
  ~Generation() { close(); }
  Generation(const Generation&) = delete;
  Generation& operator=(const Generation&) = delete;

  // A generation that is to be kept is given its place in the succession, from 1 on: at its first
  // line, or when the place to start from was chosen.
  void begin(std::uint32_t life) { life_ = life; }
  bool begun() const { return life_ != 0; }
  std::uint32_t life() const { return life_; }
  const FileIdentity& identity() const { return identity_; }
  // Where the file was last seen, and how it is stored there.
  const std::string& path() const { return path_; }
  Compression compression() const { return compression_; }
  void set_place(const FileIdentity& identity, std::string path, Compression compression);

  // Opens the file at path(). 0, or an errno; ESTALE when another file stands there by now, or one
  // that does not begin with what was judged.
  int open(OpenFiles& files, const ReadAt& read_at);
  void close();
  bool is_open() const { return reader_ != nullptr; }
  // Open, and so sure to be the file it was: its inode number cannot be given to another.
  bool pinned() const { return is_open() && compression_ == Compression::kNone; }
  // The file is there no more for anybody else.
  bool unlinked() const;
  ByteReader& reader() { return *reader_; }
  void touch() { files_->use(place_in_files_); }
  // Reads size and time of change from the open file.
  void refresh_facts();

  // Whether these bytes begin with what was judged. False as long as nothing was.
  bool matches(ByteReader& bytes) const;
  // Whether these bytes begin as the open file does, judged or not. False for an empty one.
  bool begins_like(ByteReader& bytes) const;

  // Where to go on in a file that begins with what was judged but does not hold all of it: a
  // machine that lost its power never wrote the end, or wrote zeros for it. Nothing where that is
  // not so, and where lines were added since and no zeros tell from where on.
  std::optional<std::uint64_t> cut_short(ByteReader& bytes, const FileFacts& facts) const;
  // Makes this the life that goes on at `offset`: begun no more, as the lines to come stand where
  // others stood and must get other names.
  void go_on_at(std::uint64_t offset);

  LineCursor& cursor() { return cursor_; }
  const LineCursor& cursor() const { return cursor_; }
  std::uint64_t offset() const { return cursor_.offset(); }
  // Made from the open file when it is asked for first; then the first line must be there.
  const model::GenerationId& id(const LogSeed& seed);

  // Lets the fingerprint of the head grow with what was judged. To be called right after reading,
  // while the bytes read are known to be those of this generation.
  void refresh_head();

  // Bytes known to wait.
  std::uint64_t backlog() const { return size_ > offset() ? size_ - offset() : 0; }
  std::uint64_t size() const { return size_; }
  std::int64_t modified() const { return modified_; }

  // As it is to be stored.
  GenerationRecord record();

  // There may be bytes to read.
  bool pending = true;
  // Stands no longer at the path of the log, since when it did not grow.
  std::optional<util::MonotonicTime> quiet_since;
  // Reading or opening failed: not tried before then.
  std::optional<util::MonotonicTime> retry_at;
  // Read to its end and closed for good, as far as one can know.
  bool dormant = false;
  // Rolled while nobody looked; told with its first line.
  bool found_again = false;
  // Cut off: what stood in this file is gone from it; a copy may be found.
  bool detached = false;

 private:
  friend class OpenFiles;
  void read_tail();

  std::uint32_t life_ = 0;
  FileIdentity identity_;
  std::string path_;
  Compression compression_ = Compression::kNone;
  LineCursor cursor_;
  Fingerprint head_;
  std::string head_bytes_;  // compressed files only: going back to their start is dear
  Fingerprint stored_tail_;
  bool stored_ = false;  // from the store and not opened yet: nothing was compared
  std::optional<model::GenerationId> id_;
  std::uint64_t size_ = 0;
  std::int64_t modified_ = 0;

  std::unique_ptr<ByteReader> reader_;
  int fd_ = -1;  // owned by reader_
  OpenFiles* files_ = nullptr;
  OpenFiles::List::iterator place_in_files_;
};

// Opens a file as its compression demands, for reading `keep` bytes back at no cost.
struct OpenedReader {
  std::unique_ptr<ByteReader> reader;
  int fd = -1;
  std::optional<FileFacts> facts;
  int error = 0;
};
OpenedReader open_reader(const std::string& path, Compression compression, const ReadAt& read_at);

}  // namespace warder::source
