#pragma once

#include "ship/destination.h"
#include "ship/far_end.h"

#include <memory>
#include <string>
#include <string_view>

namespace warder::ship {

struct OciNotificationOptions {
  std::string name;   // of the destination
  std::string host;   // this machine
  std::string topic;  // OCID
};

// Alerts as messages of a topic of OCI Notifications, which sends them on to whoever has subscribed
// (e-mail, SMS, functions). Publishing has no retry token: a message may arrive twice, with the
// same key in its last line. A topic takes 60 messages a minute. The receipt is the message's id.
std::unique_ptr<Destination> make_oci_notification(OciNotificationOptions options,
                                                   std::unique_ptr<Cloud> cloud);

// The body of PublishMessage: a title and text in lines, for people. Valid JSON below 64 KB
// whatever the event holds.
std::string publish_body(std::string_view host, const Message& message);

}  // namespace warder::ship
