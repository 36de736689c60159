#include "util/fanotify.h"

#include <catch2/catch.hpp>

#include <cstring>
#include <string>
#include <sys/fanotify.h>
#include <vector>

namespace warder::util {
namespace {

template <typename Value>
void put(std::string* bytes, const Value& value) {
  bytes->append(reinterpret_cast<const char*>(&value), sizeof value);
}

// The bytes behind the header of a record: file system, length and type of a handle, handle.
std::string folder_bytes() {
  std::string bytes(8, 'f');
  put(&bytes, 3U);
  put(&bytes, 1);
  return bytes + "abc";
}

std::string record_bytes(std::uint8_t type, const std::string& behind) {
  fanotify_event_info_header header{};
  header.info_type = type;
  header.len = static_cast<std::uint16_t>(sizeof header + behind.size());
  std::string bytes;
  put(&bytes, header);
  return bytes + behind;
}

std::string event_bytes(std::uint64_t mask, const std::string& records) {
  fanotify_event_metadata event{};
  event.event_len = static_cast<std::uint32_t>(sizeof event + records.size());
  event.vers = FANOTIFY_METADATA_VERSION;
  event.metadata_len = sizeof event;
  event.mask = mask;
  event.fd = FAN_NOFD;
  event.pid = 7;
  std::string bytes;
  put(&bytes, event);
  return bytes + records;
}

struct Told {
  bool all = false;
  std::vector<std::string> names;
};

Told told(const std::string& bytes) {
  Told result;
  result.all = read_fanotify(bytes, [&](const FanotifyRecord& record) {
    CHECK(record.folder == folder_bytes());
    CHECK(record.pid == 7);
    result.names.emplace_back(record.name);
  });
  return result;
}

TEST_CASE("events of a watched folder are taken apart") {
  const std::string named =
      record_bytes(FAN_EVENT_INFO_TYPE_DFID_NAME, folder_bytes() + std::string("one\0\0", 5));
  const std::string itself = record_bytes(FAN_EVENT_INFO_TYPE_DFID, folder_bytes());
  const std::string other = record_bytes(FAN_EVENT_INFO_TYPE_FID, folder_bytes());
  const Told result =
      told(event_bytes(FAN_OPEN, named + other) + event_bytes(FAN_DELETE_SELF, itself));
  CHECK(result.all);
  CHECK(result.names == std::vector<std::string>{"one", ""});
}

TEST_CASE("a queue that was too short is told, and what was in it is taken") {
  const std::string named =
      record_bytes(FAN_EVENT_INFO_TYPE_DFID_NAME, folder_bytes() + std::string("one\0", 4));
  const Told result = told(event_bytes(FAN_Q_OVERFLOW, "") + event_bytes(FAN_OPEN, named));
  CHECK_FALSE(result.all);
  CHECK(result.names == std::vector<std::string>{"one"});
}

TEST_CASE("bytes that are no whole events are never read beyond their end") {
  const std::string whole = event_bytes(
      FAN_OPEN,
      record_bytes(FAN_EVENT_INFO_TYPE_DFID_NAME, folder_bytes() + std::string("one\0", 4)));
  CHECK(told(whole).names.size() == 1);
  for (std::size_t size = sizeof(fanotify_event_metadata); size < whole.size(); ++size) {
    const Told result = told(std::string(whole, 0, size));
    CHECK_FALSE(result.all);
    CHECK(result.names.empty());
  }
  // A handle that says it is longer than its record.
  std::string long_handle = whole;
  const unsigned length = 4000;
  std::memcpy(
      long_handle.data() + sizeof(fanotify_event_metadata) + sizeof(fanotify_event_info_header) + 8,
      &length, sizeof length);
  CHECK(told(long_handle).names.empty());
}

}  // namespace
}  // namespace warder::util
