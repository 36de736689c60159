#pragma once

#include "ship/destination.h"
#include "util/clock.h"
#include "util/result.h"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace warder::ship {

// Sends the body of one PutLogs call to a log. Whoever holds the credentials plugs it in: signing
// and renewing them is theirs. An error's code says what became of it: kUnavailable, kTimeout
// (later), kDenied, kNotFound (this identity or this log is refused), anything else (this content
// is).
using PutLogs = std::function<util::Status(std::string_view log, std::string_view body)>;

struct OciLoggingOptions {
  std::string name;  // of the destination
  std::string host;  // this machine
  std::string log;   // OCID of the custom log
};

// Events as entries of a custom log in OCI Logging, each in the shape of an OCI audit event so that
// the same queries fit. It is a log of ours and not the Audit service, which takes no events from
// anybody; the types of these events are ours, too ("warder.ban").
//
// The service answers 200 for an entry over 10,000 characters and cuts it, so an event that would
// be longer goes without its detail, and says so with the detail's length and SHA-256. An entry's
// id comes from the event's, so the second copy of one can be told at the far end.
std::unique_ptr<Destination> make_oci_logging(OciLoggingOptions options, PutLogs put,
                                              const util::Clock& clock);

// The body of PutLogs, version 1.0 of its format: a batch for each type and jail, in the order in
// which they first occur, events in order within. Valid JSON whatever the events hold.
std::string put_logs_body(std::string_view host, std::span<const Message> messages,
                          util::WallTime now);

}  // namespace warder::ship
