#pragma once

#include "ship/forms.h"
#include "ship/message.h"
#include "util/clock.h"

#include <optional>
#include <string>
#include <string_view>

// Forms that tell a public list of attackers about a banned address: only its address, when, and
// the ban's own short reason; no text of a log, which names users and hosts of this site.
namespace warder::ship {

// Where the service takes reports.
std::string report_url(Form form);

struct AbuseReport {
  std::string address;
  std::string jail;
  std::string reason;
  util::WallTime time{};
};
// What is told of a ban of one public address; of anything else nobody is told.
std::optional<AbuseReport> abuse_report_of(const Message& message);

// The parameters of AbuseIPDB's API v2, POST /api/v2/report (docs.abuseipdb.com, "REPORT
// Endpoint"): ip, categories (its numbers, joined by commas), comment (1,024 characters at most),
// timestamp. As application/x-www-form-urlencoded.
std::string abuseipdb_body(std::string_view categories, const AbuseReport& report);

// blocklist.de's HTTP reports (www.blocklist.de/en/httpreports.html): server (the sender's
// registered address), apikey, service, ip, logs, format. The key stands in the body.
std::string blocklist_body(std::string_view server, std::string_view key,
                           const AbuseReport& report);

}  // namespace warder::ship
