#pragma once

#include "ship/destination.h"
#include "ship/far_end.h"
#include "util/clock.h"

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace warder::ship {

struct OciLoggingOptions {
  std::string name;  // of the destination
  std::string host;  // this machine
  std::string log;   // OCID of the custom log
};

// Events as entries of a custom log in OCI Logging, each in the shape of an OCI audit event so that
// the same queries fit. It is a log of ours and not the Audit service, which takes no events from
// anybody; the types of these events are ours, too ("warder.ban").
//
// The service answers 200 for an entry over 10,000 characters and cuts it, and 200 for an entry
// older than the log keeps and drops it. So a detail that would make an entry too long goes in
// parts, as entries of type "warder.detail" behind it ("detailParts" says how many, "detailSha256"
// what they give together), and an entry over kOldest bears the time of sending; the event's own
// time always stands in its data. An entry's id comes from the event's, so the second copy of one
// can be told at the far end. The receipt is the id of the request.
std::unique_ptr<Destination> make_oci_logging(OciLoggingOptions options,
                                              std::unique_ptr<Cloud> cloud,
                                              const util::Clock& clock);

// A log keeps its entries for at least 30 days.
inline constexpr std::chrono::hours kOldest{24 * 29};

// The body of PutLogs, version 1.0 of its format: events in order, neighbours of one type and
// jail in one batch. Valid JSON whatever the events hold.
std::string put_logs_body(std::string_view host, std::span<const Message> messages,
                          util::WallTime now);

}  // namespace warder::ship
