#pragma once

#include "ship/forms.h"
#include "ship/message.h"

#include <string>
#include <string_view>

namespace warder::ship {

// Bodies for Microsoft Teams and for programs that keep alerts. As in forms.h: valid JSON in valid
// UTF-8 within the receiver's limits, and text of events cannot break out of its field.

// A message for a Teams workflow ("When a Teams webhook request is received"): one Adaptive Card
// 1.4. All text of events stands in TextRuns, which know no markdown; no mention is declared. Far
// below the 28 KB that Teams takes.
std::string teams_body(const Sender& sender, const Message& message);

// POST /message of Gotify's API: title, message, priority 0 to 10; shown as plain text.
std::string gotify_body(const Sender& sender, const Message& message);

// PagerDuty's Events API v2: trigger, or resolve when the event ends its incident. dedup_key (at
// most 255 characters) names the incident, summary has at most 1,024. The result holds the routing
// key.
std::string pagerduty_body(const Sender& sender, std::string_view routing_key,
                           const Message& message);

// POST /api/v2/alerts of Alertmanager: the alert, which lasts until its incident's end is told or
// for 90 days; of an incident that tells no end, as long as Alertmanager's resolve_timeout. Then
// the ends of the alerts that the same incident was at another severity; an event that ends its
// incident is nothing but ends. Labels name the incident; what changes stands in annotations.
std::string alertmanager_body(const Sender& sender, const Message& message);

}  // namespace warder::ship
