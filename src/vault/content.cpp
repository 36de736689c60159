#include "vault/content.h"

#include <fmt/core.h>

#include <chrono>
#include <limits>

namespace warder::vault {
namespace {

using util::Error;
using util::ErrorCode;

constexpr std::uint32_t kMostDocuments = 10'000;
constexpr std::uint32_t kMostVersions = 10'000;

Error damaged(std::string_view why) {
  return Error(ErrorCode::kInvalid,
               fmt::format("its content cannot be read ({}): it was sealed with our key by "
                           "something that is no warder",
                           why));
}

util::Result<Content::Version> decode_version(Reader* reader) {
  Content::Version version;
  version.info.version = reader->u64();
  const std::uint64_t time = reader->u64();
  version.info.time = util::WallTime(std::chrono::microseconds(static_cast<std::int64_t>(time)));
  version.info.author = reader->text();
  version.info.comment = reader->text();
  version.content = crypto::SecretString(util::as_text(reader->block()));
  version.info.size = version.content.size();
  if (version.content.size() > Provider::kLongestContent) {
    return damaged("a document is too long");
  }
  return version;
}

util::Result<Content::Record> decode_record(Reader* reader) {
  Content::Record record;
  record.newest = reader->u64();
  const std::uint32_t count = reader->u32();
  if (count > kMostVersions) {
    return damaged("too many versions");
  }
  std::uint64_t before = 0;
  for (std::uint32_t i = 0; i < count && !reader->failed(); ++i) {
    WARDER_ASSIGN_OR_RETURN(Content::Version version, decode_version(reader));
    if (version.info.version <= before || version.info.version > record.newest) {
      return damaged("versions out of order");
    }
    before = version.info.version;
    record.versions.push_back(std::move(version));
  }
  return record;
}

}  // namespace

const Content::Record* Content::find(std::string_view name) const {
  const auto found = records.find(name);
  return found == records.end() || found->second.versions.empty() ? nullptr : &found->second;
}

void encode(const Content& content, Writer* writer) {
  writer->u32(static_cast<std::uint32_t>(content.records.size()));
  for (const auto& [name, record] : content.records) {
    writer->text(name);
    writer->u64(record.newest);
    writer->u32(static_cast<std::uint32_t>(record.versions.size()));
    for (const Content::Version& version : record.versions) {
      writer->u64(version.info.version);
      writer->u64(static_cast<std::uint64_t>(version.info.time.time_since_epoch().count()));
      writer->text(version.info.author);
      writer->text(version.info.comment);
      writer->block(version.content.bytes());
    }
  }
}

util::Result<Content> decode(util::ByteView plain) {
  Reader reader(plain);
  Content content;
  const std::uint32_t count = reader.u32();
  if (count > kMostDocuments) {
    return damaged("too many documents");
  }
  std::string before;
  for (std::uint32_t i = 0; i < count && !reader.failed(); ++i) {
    std::string name = reader.text();
    if (!reader.failed() && (!check_name(name) || name <= before)) {
      return damaged("bad document name");
    }
    before = name;
    WARDER_ASSIGN_OR_RETURN(Content::Record record, decode_record(&reader));
    content.records.emplace(std::move(name), std::move(record));
  }
  if (reader.failed() || !reader.at_end()) {
    return damaged("wrong length");
  }
  return content;
}

}  // namespace warder::vault
