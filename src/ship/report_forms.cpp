#include "ship/report_forms.h"

#include "http/url.h"
#include "ship/text.h"

#include <fmt/core.h>

namespace warder::ship {
namespace {

constexpr std::size_t kLongestComment = 500;

void append(std::string& body, std::string_view name, std::string_view value) {
  body += fmt::format("{}{}={}", body.empty() ? "" : "&", name, http::percent_encode(value));
}

}  // namespace

std::string report_url(Form form) {
  return form == Form::kAbuseIpDb ? "https://api.abuseipdb.com/api/v2/report"
                                  : "https://www.blocklist.de/en/httpreports.html";
}

std::optional<AbuseReport> abuse_report_of(const Message& message) {
  if (!message.event()) {
    return std::nullopt;
  }
  const model::Event& event = *message.event();
  if (event.kind != model::EventKind::kBan || !event.address) {
    return std::nullopt;
  }
  const net::Prefix& prefix = *event.address;
  if (!prefix.is_single() || !prefix.address().is_bannable() || prefix.address().is_private()) {
    return std::nullopt;
  }
  return AbuseReport{prefix.to_string(), event.jail,
                     plain_text(fmt::format("{}: {}", event.jail, event.message), kLongestComment),
                     event.time};
}

std::string abuseipdb_body(std::string_view categories, const AbuseReport& report) {
  std::string body;
  append(body, "ip", report.address);
  append(body, "categories", categories);
  append(body, "comment", report.reason);
  append(body, "timestamp", util::format_rfc3339(report.time));
  return body;
}

std::string blocklist_body(std::string_view server, std::string_view key,
                           const AbuseReport& report) {
  std::string body;
  append(body, "server", server);
  append(body, "apikey", key);
  append(body, "service", report.jail);
  append(body, "ip", report.address);
  append(body, "logs", report.reason);
  append(body, "format", "text");
  return body;
}

}  // namespace warder::ship
