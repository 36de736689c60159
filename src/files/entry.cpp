#include "files/entry.h"

#include "util/encoding.h"
#include "util/strings.h"
#include "util/users.h"

#include <fmt/core.h>

#include <algorithm>
#include <sys/stat.h>

namespace warder::files {
namespace {

constexpr std::string_view kTypeNames[kFileTypes] = {
    "file", "folder", "link", "fifo", "socket", "block device", "character device"};
constexpr std::uint8_t kContentShift = 3;
constexpr std::uint8_t kPackagedBit = 0x40;
constexpr std::uint8_t kAttributesBit = 0x80;
constexpr std::size_t kLongestShown = 200;

util::Error broken() {
  return util::Error(util::ErrorCode::kInvalid, "an entry of the baseline is malformed");
}

// Times are positive nearly always, and fit 63 bits: zigzag as in protocol buffers.
std::uint64_t folded(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1U) ^ static_cast<std::uint64_t>(value >> 63);
}
std::int64_t unfolded(std::uint64_t value) {
  return static_cast<std::int64_t>((value >> 1U) ^ (~(value & 1U) + 1U));
}

std::string_view access_of(const Entry& entry) {
  switch (entry.content) {
    case Content::kDenied:
      return entry.type == FileType::kFolder ? "its names cannot be read"
                                             : "its content cannot be read";
    case Content::kUnsteady:
      return "its content changes while it is read";
    case Content::kTooLarge:
      return "its content is too large to be read";
    case Content::kNone:
    case Content::kRead:
      break;
  }
  return entry.type == FileType::kFolder ? "its names can be read" : "its content can be read";
}

}  // namespace

std::string_view to_string(FileType type) { return kTypeNames[static_cast<std::size_t>(type)]; }

bool gives_rights(const Entry& entry) {
  return entry.type == FileType::kFile &&
         ((entry.mode & (S_ISUID | S_ISGID)) != 0 || entry.attributes != 0);
}

std::string Changes::to_text() const {
  std::string text;
  const auto add = [&text](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  for (const FieldChange& change : fields) {
    add(change.text);
  }
  if (!access.empty()) {
    add(access);
  }
  return text;
}

Changes changes_between(const Entry& before, const Entry& after, Fields fields) {
  Changes changes;
  const auto differs = [&](Field field, bool different, auto text) {
    if (different && fields.test(static_cast<std::size_t>(field))) {
      changes.fields.push_back({field, text()});
    }
  };
  differs(Field::kMode, before.mode != after.mode,
          [&] { return fmt::format("mode {:04o} -> {:04o}", before.mode, after.mode); });
  differs(Field::kOwner, before.owner != after.owner, [&] {
    return fmt::format("owner {} -> {}", util::user_name(before.owner),
                       util::user_name(after.owner));
  });
  differs(Field::kGroup, before.group != after.group, [&] {
    return fmt::format("group {} -> {}", util::group_name(before.group),
                       util::group_name(after.group));
  });
  if (before.type != after.type) {
    changes.type = true;
    changes.fields.insert(
        changes.fields.begin(),
        {Field::kContent, fmt::format("{} -> {}", to_string(before.type), to_string(after.type))});
    return changes;
  }
  // Of what was not opened they are not known.
  const bool opened = after.type == FileType::kFile
                          ? before.content == Content::kRead && after.content == Content::kRead
                          : before.content == Content::kNone && after.content == Content::kNone;
  differs(Field::kAttributes, opened && before.attributes != after.attributes, [&] {
    return std::string(before.attributes == 0  ? "file capabilities or an access list were added"
                       : after.attributes == 0 ? "file capabilities or an access list were removed"
                                               : "file capabilities or the access list are others");
  });
  differs(Field::kTime, before.modified != after.modified,
          [] { return std::string("time of the last change"); });
  switch (after.type) {
    case FileType::kFile:
      break;
    case FileType::kLink:
      differs(Field::kLink, before.link != after.link, [&] {
        return fmt::format("leads to {} -> {}", util::printable(before.link, kLongestShown),
                           util::printable(after.link, kLongestShown));
      });
      return changes;
    case FileType::kFolder:
      if ((before.content == Content::kDenied) != (after.content == Content::kDenied)) {
        changes.access = access_of(after);
      }
      return changes;
    default:
      differs(Field::kContent, before.size != after.size,
              [&] { return fmt::format("device {:#x} -> {:#x}", before.size, after.size); });
      return changes;
  }
  differs(Field::kSize, before.size != after.size,
          [&] { return fmt::format("size {} -> {} bytes", before.size, after.size); });
  if (before.content == Content::kRead && after.content == Content::kRead) {
    differs(Field::kContent, before.digest != after.digest, [&] {
      return fmt::format("sha256 {} -> {}", short_digest(before.digest),
                         short_digest(after.digest));
    });
  } else if (before.content == Content::kTooLarge && after.content == Content::kTooLarge) {
    differs(Field::kContent, before.modified != after.modified || before.inode != after.inode,
            [] { return std::string("written or replaced (too large to be compared)"); });
  } else if (before.content == Content::kRead && after.content == Content::kUnsteady) {
    differs(Field::kContent, true, [] { return std::string("it is being written"); });
  } else if (before.content != Content::kUnsteady && before.content != after.content &&
             fields.test(static_cast<std::size_t>(Field::kContent))) {
    changes.access = access_of(after);
  }
  return changes;
}

std::string short_digest(const crypto::Sha256Digest& digest) {
  return util::to_hex(digest).substr(0, 12);
}

std::string describe(const Entry& entry) {
  std::string text = fmt::format("{}, {:04o} {}:{}", to_string(entry.type), entry.mode,
                                 util::user_name(entry.owner), util::group_name(entry.group));
  if (entry.type == FileType::kFile) {
    text += fmt::format(", {} bytes", entry.size);
    text += entry.content == Content::kRead ? ", sha256 " + short_digest(entry.digest)
                                            : fmt::format(", {}", access_of(entry));
  } else if (entry.type == FileType::kLink) {
    text += fmt::format(", leads to {}", util::printable(entry.link, kLongestShown));
  }
  if (entry.attributes != 0) {
    text += ", with file capabilities or an access list";
  }
  return text;
}

void append_number(std::uint64_t number, std::string* out) {
  while (number >= 0x80) {
    out->push_back(static_cast<char>((number & 0x7FU) | 0x80U));
    number >>= 7U;
  }
  out->push_back(static_cast<char>(number));
}

util::Result<std::uint64_t> take_number(std::string_view* bytes) {
  std::uint64_t number = 0;
  for (unsigned shift = 0; shift < 64 && !bytes->empty(); shift += 7) {
    const auto byte = static_cast<std::uint8_t>(bytes->front());
    bytes->remove_prefix(1);
    // One spelling a number: no bits beyond 64, no zero at the end.
    if ((shift == 63 && byte > 1) || (shift > 0 && byte == 0)) {
      return broken();
    }
    number |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
    if ((byte & 0x80U) == 0) {
      return number;
    }
  }
  return broken();
}

void append_record(const Entry& entry, std::string* out) {
  const unsigned kind =
      static_cast<unsigned>(entry.type) | (static_cast<unsigned>(entry.content) << kContentShift) |
      (entry.packaged ? kPackagedBit : 0U) | (entry.attributes != 0 ? kAttributesBit : 0U);
  out->push_back(static_cast<char>(kind));
  append_number(entry.mode, out);
  append_number(entry.owner, out);
  append_number(entry.group, out);
  append_number(entry.size, out);
  append_number(folded(entry.modified), out);
  append_number(folded(entry.changed), out);
  append_number(entry.inode, out);
  if (entry.attributes != 0) {
    append_number(entry.attributes, out);
  }
  if (entry.content == Content::kRead) {
    out->append(reinterpret_cast<const char*>(entry.digest.data()), entry.digest.size());
  }
  if (entry.type == FileType::kLink) {
    append_number(entry.link.size(), out);
    out->append(entry.link);
  }
}

util::Result<Entry> take_record(std::string_view* bytes) {
  if (bytes->empty()) {
    return broken();
  }
  const auto kind = static_cast<std::uint8_t>(bytes->front());
  bytes->remove_prefix(1);
  Entry entry;
  const unsigned type = kind & 0x07U;
  const unsigned content = (kind >> kContentShift) & 0x07U;
  if (type >= kFileTypes || content >= kContents) {
    return broken();
  }
  entry.type = static_cast<FileType>(type);
  entry.content = static_cast<Content>(content);
  entry.packaged = (kind & kPackagedBit) != 0;
  if (entry.content == Content::kRead && entry.type != FileType::kFile) {
    return broken();
  }
  const auto small = [&](std::uint32_t* into) -> util::Status {
    WARDER_ASSIGN_OR_RETURN(const std::uint64_t number, take_number(bytes));
    if (number > UINT32_MAX) {
      return broken();
    }
    *into = static_cast<std::uint32_t>(number);
    return {};
  };
  WARDER_RETURN_IF_ERROR(small(&entry.mode));
  WARDER_RETURN_IF_ERROR(small(&entry.owner));
  WARDER_RETURN_IF_ERROR(small(&entry.group));
  WARDER_ASSIGN_OR_RETURN(entry.size, take_number(bytes));
  WARDER_ASSIGN_OR_RETURN(const std::uint64_t modified, take_number(bytes));
  WARDER_ASSIGN_OR_RETURN(const std::uint64_t changed, take_number(bytes));
  entry.modified = unfolded(modified);
  entry.changed = unfolded(changed);
  WARDER_ASSIGN_OR_RETURN(entry.inode, take_number(bytes));
  if ((kind & kAttributesBit) != 0) {
    WARDER_ASSIGN_OR_RETURN(entry.attributes, take_number(bytes));
    if (entry.attributes == 0) {
      return broken();
    }
  }
  if (entry.content == Content::kRead) {
    if (bytes->size() < entry.digest.size()) {
      return broken();
    }
    std::copy_n(bytes->begin(), entry.digest.size(), entry.digest.begin());
    bytes->remove_prefix(entry.digest.size());
  }
  if (entry.type == FileType::kLink) {
    WARDER_ASSIGN_OR_RETURN(const std::uint64_t length, take_number(bytes));
    if (length > kLongestPath || length > bytes->size()) {
      return broken();
    }
    entry.link = bytes->substr(0, length);
    bytes->remove_prefix(length);
  }
  return entry;
}

}  // namespace warder::files
