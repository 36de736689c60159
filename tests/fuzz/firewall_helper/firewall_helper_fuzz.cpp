// What reaches the firewall helper over its socket. The input is a run of messages: two bytes of
// length, then so many bytes of a datagram, padded with zeros to its fixed size when the length is
// even, as it is when odd. The session, on a recording firewall, must answer or cut off, and change
// something only in answer to a whole request.
#include "firewall/helper_session.h"
#include "firewall/recording_firewall.h"
#include "fuzz/require.h"
#include "support/manual_clock.h"

#include <algorithm>

using namespace warder;
using warder::testing::require;
namespace wire = firewall::wire;

namespace {

// What can be read must be written the same way.
void check_records(util::ByteView datagram, const wire::Header& header) {
  for (std::size_t i = 0; i < header.count; ++i) {
    wire::Datagram again{};
    const std::size_t at = wire::kHeader + i * wire::kRecord;
    if (header.kind == wire::Kind::kApply || header.kind == wire::Kind::kTraffic) {
      const auto change = wire::read_change(datagram, i);
      if (!change) {
        continue;
      }
      wire::put_change(again, i, *change);
    } else if (header.kind == wire::Kind::kElements) {
      const auto element = wire::read_element(datagram, i);
      if (element) {
        wire::put_element(again, i, *element);
        require(wire::read_element(again, i) == element);
      }
      continue;
    } else {
      continue;
    }
    require(std::equal(again.begin() + static_cast<std::ptrdiff_t>(at),
                       again.begin() + static_cast<std::ptrdiff_t>(at + wire::kRecord),
                       datagram.begin() + static_cast<std::ptrdiff_t>(at)));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  util::ByteView rest(data, size);
  testing::ManualClock clock;
  firewall::RecordingFirewall wall(clock);
  firewall::HelperShared shared{wall, clock};
  std::size_t answers = 0;
  firewall::HelperSession session(shared, [&](const wire::Datagram& out) {
    std::uint16_t version = 0;
    const auto header = wire::read_header(out, version);
    require(header.has_value());
    if (header->kind == wire::Kind::kAnswer) {
      require(wire::read_summary(out).has_value());
      for (std::size_t i = 0; i < header->count; ++i) {
        require(wire::read_refusal(out, i).has_value());
      }
    }
    ++answers;
    return true;
  });
  while (rest.size() >= 2) {
    const std::size_t length = rest[0] + 256U * rest[1];
    rest = rest.subspan(2);
    const auto given = rest.first(std::min(length, rest.size()));
    rest = rest.subspan(given.size());
    util::Bytes datagram(given.begin(), given.end());
    if (length % 2 == 0) {
      datagram.resize(wire::kDatagram);
    }
    std::uint16_t version = 0;
    if (const auto header = wire::read_header(datagram, version)) {
      check_records(datagram, *header);
    }
    const std::size_t before = wall.journal().size();
    const std::size_t answered = answers;
    const bool goes_on = session.take(datagram);
    require(wall.journal().size() == before || answers > answered);
    if (!goes_on) {
      break;
    }
  }
  return 0;
}
