#pragma once

#include "crypto/sha256.h"
#include "util/result.h"

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace warder::files {

// What is compared. In the order of the key `fields`.
enum class Field : std::uint8_t {
  kMode,
  kOwner,
  kGroup,
  kSize,
  kContent,
  kLink,
  kAttributes,
  kTime,
};
inline constexpr std::size_t kFieldCount = 8;
inline constexpr std::string_view kFieldNames[kFieldCount] = {
    "mode", "owner", "group", "size", "content", "link", "attributes", "time"};
using Fields = std::bitset<kFieldCount>;

// Numbers are stored: append, never renumber.
enum class FileType : std::uint8_t {
  kFile = 0,
  kFolder = 1,
  kLink = 2,
  kFifo = 3,
  kSocket = 4,
  kBlockDevice = 5,
  kCharacterDevice = 6,
};
inline constexpr std::uint8_t kFileTypes = 7;
std::string_view to_string(FileType type);

// What is known of the content of a file, or of the names in a folder. Stored likewise.
enum class Content : std::uint8_t {
  kNone = 0,      // there is none to read (links, devices), or the folder's names were read
  kRead = 1,      // the digest is that of the content
  kDenied = 2,    // it could not be read
  kTooLarge = 3,  // larger than is read
  kUnsteady = 4,  // it changed each time while it was read
};
inline constexpr std::uint8_t kContents = 5;

// One file as it was found. Plain value. The path is bytes as the kernel has them.
struct Entry {
  std::string path;
  FileType type = FileType::kFile;
  Content content = Content::kNone;
  bool packaged = false;   // a package had it when the baseline took it
  std::uint32_t mode = 0;  // the twelve bits of rights
  std::uint32_t owner = 0;
  std::uint32_t group = 0;
  std::uint64_t size = 0;     // of a device: its number
  std::int64_t modified = 0;  // nanoseconds since 1970
  std::int64_t changed = 0;   // of content, rights or name; nanoseconds since 1970
  std::uint64_t inode = 0;
  crypto::Sha256Digest digest{};  // of kRead
  std::uint64_t attributes = 0;   // names file capabilities and access lists; 0: none
  std::string link;               // where a link leads

  friend bool operator==(const Entry&, const Entry&) = default;
};

inline constexpr std::size_t kLongestPath = 4096;

// Does it run, or let others run, with rights that are not theirs?
bool gives_rights(const Entry& entry);

// In what two entries of one path differ, as far as `fields` asks; texts as
// "mode 0644 -> 0777", printable. Empty: they are the same.
struct FieldChange {
  Field field = Field::kMode;
  std::string text;
};
struct Changes {
  bool type = false;  // another kind of file; the text of it is among `fields`
  std::vector<FieldChange> fields;
  // Readable before and not now, or the other way round.
  std::string access;

  bool any() const { return !fields.empty() || !access.empty(); }
  std::string to_text() const;
};
Changes changes_between(const Entry& before, const Entry& after, Fields fields);

// "file, 0644 root:root, 120 bytes, sha256 0123456789ab"
std::string describe(const Entry& entry);
std::string short_digest(const crypto::Sha256Digest& digest);

// The bytes of an entry in a baseline, without the path (README.md in this folder).
void append_record(const Entry& entry, std::string* out);
// Takes one off the front of `bytes`; the path stays empty. kInvalid for anything append_record()
// does not write.
util::Result<Entry> take_record(std::string_view* bytes);
// Numbers as they stand there: seven bits a byte, least first (LEB128).
void append_number(std::uint64_t number, std::string* out);
util::Result<std::uint64_t> take_number(std::string_view* bytes);

}  // namespace warder::files
