#pragma once

#include "firewall/firewall.h"
#include "firewall/helper_protocol.h"

#include <cstdint>
#include <functional>
#include <vector>

namespace warder::firewall {

// What all connections of a helper work on.
struct HelperShared {
  Firewall& firewall;
  const util::Clock& clock;
  // Which session gave the scopes that hold now; places in the list of another mean nothing.
  std::uint64_t ensured_by = 0;
  std::uint64_t sessions = 0;
};

// One caller's conversation: datagrams in, datagrams out, no sockets. Believes nothing that comes
// in. Memory is bounded by the largest request (some 200 KiB). One thread at a time.
class HelperSession {
 public:
  // Takes one datagram of kDatagram bytes; false when the connection is gone.
  using Send = std::function<bool(const wire::Datagram&)>;

  // `shared` must outlive this object.
  HelperSession(HelperShared& shared, Send send);

  // Works one datagram off. False: the connection is to be closed (too much that is malformed, or
  // gone).
  bool take(util::ByteView datagram);
  // Tells the caller that another program changed the table: once, until it calls for the rules
  // again. False as above.
  bool tell_changed();

  static constexpr unsigned kMostMalformed = 16;
  // Requests: so many at once, and so many a second in the long run. A million bans are 250.
  static constexpr std::uint32_t kBurst = 20'000;
  static constexpr std::uint32_t kASecond = 10'000;

 private:
  bool malformed(std::uint64_t request, std::string text);
  bool take_part(const wire::Header& header, util::ByteView datagram);
  bool within_rate();
  bool read_records(const wire::Header& header, util::ByteView datagram);
  bool work_off();
  bool answer(const util::Status& status, const ApplyReport& report = {},
              const Traffic& traffic = {});
  util::Status ensure();
  bool list();

  HelperShared& shared_;
  Send send_;
  std::uint64_t number_;
  std::uint64_t last_request_ = 0;
  unsigned malformed_ = 0;
  bool told_changed_ = false;
  double tokens_ = kBurst;
  util::MonotonicTime refilled_;

  // The request that is being put together.
  bool is_open_ = false;
  wire::Header header_;
  std::uint32_t received_ = 0;
  std::vector<Change> changes_;
  std::vector<wire::ScopePart> scope_parts_;
};

}  // namespace warder::firewall
