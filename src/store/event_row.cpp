#include "store/event_row.h"

#include "store/leaf.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <limits>

namespace warder::store {
namespace {

constexpr int kLogColumn = 10;
constexpr std::int64_t kMostNumber = std::numeric_limits<std::uint32_t>::max();

}  // namespace

util::Result<StoredEvent> read_event(const Rows& row) {
  const auto refuse = [&](std::string_view why) {
    return util::Error(util::ErrorCode::kInvalid, fmt::format("event {}: {}", row.integer(0), why));
  };
  StoredEvent stored;
  stored.sequence = static_cast<std::uint64_t>(row.integer(0));
  model::Event& event = stored.event;
  const std::string_view id = row.blob(1);
  if (id.size() != event.id.bytes.size()) {
    return refuse("its id has not 16 bytes");
  }
  std::copy(id.begin(), id.end(), event.id.bytes.begin());
  event.time = util::WallTime(std::chrono::microseconds(row.integer(2)));
  const std::int64_t kind = row.integer(3);
  const std::int64_t severity = row.integer(4);
  if (kind < 0 || kind > 255 || severity < 0 ||
      severity > static_cast<std::int64_t>(model::Severity::kCritical)) {
    return refuse("its kind or severity is unknown");
  }
  event.kind = static_cast<model::EventKind>(kind);
  event.severity = static_cast<model::Severity>(severity);
  event.jail = std::string(row.text(5));
  if (!row.is_null(6)) {
    auto address = decode_address(row.blob(6));
    if (!address) {
      return refuse(address.error().message());
    }
    event.address = *address;
  }
  event.message = std::string(row.text(7));
  event.detail = std::string(row.text(8));
  if (!row.is_null(kLogColumn)) {
    const std::int64_t pattern = row.integer(kLogColumn + 2);
    const std::int64_t attempts = row.integer(kLogColumn + 3);
    if (pattern < 0 || pattern > kMostNumber || attempts < 0 || attempts > kMostNumber) {
      return refuse("what it says of its line is out of range");
    }
    event.line = model::LineFacts{.log = std::string(row.text(kLogColumn)),
                                  .at = static_cast<std::uint64_t>(row.integer(kLogColumn + 1)),
                                  .pattern = static_cast<std::uint32_t>(pattern),
                                  .attempts = static_cast<std::uint32_t>(attempts),
                                  .user = std::string(row.text(kLogColumn + 4))};
  }
  return stored;
}

}  // namespace warder::store
