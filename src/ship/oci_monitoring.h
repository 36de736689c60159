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

struct OciMonitoringOptions {
  std::string name;         // of the destination
  std::string host;         // this machine
  std::string compartment;  // OCID
};

// How many events of which kind, as metrics of OCI Monitoring: namespace "warder", one metric a
// kind ("ban"), dimensions host, severity and jail. An event is a datapoint of its own time, a
// summary one for each kind at its end.
//
// The service takes no datapoint older than two hours: such a message is refused and becomes a dead
// letter, so that an outage shows. It cannot tell a repetition either: after an answer that was
// lost the same count is added twice.
std::unique_ptr<Destination> make_oci_monitoring(OciMonitoringOptions options,
                                                 std::unique_ptr<Cloud> cloud,
                                                 const util::Clock& clock);

// Beyond this the service refuses a datapoint; less than its two hours by what a request may take.
inline constexpr std::chrono::minutes kOldestDatapoint{118};

// The body of PostMetricData, all or nothing. Valid JSON whatever the events hold. A call takes 50
// streams, which summaries of many kinds can exceed; then it is refused, and halved.
std::string metrics_body(std::string_view host, std::string_view compartment,
                         std::span<const Message> messages);
inline constexpr std::size_t kMostMetricMessages = 50;

}  // namespace warder::ship
