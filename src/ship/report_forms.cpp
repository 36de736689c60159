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

std::string reason_of(const Message& message) {
  return plain_text(fmt::format("{}: {}", message.event->jail, message.event->message),
                    kLongestComment);
}

}  // namespace

std::string report_url(Form form) {
  return form == Form::kAbuseIpDb ? "https://api.abuseipdb.com/api/v2/report"
                                  : "https://www.blocklist.de/en/httpreports.html";
}

bool is_reportable(const Message& message) {
  if (!message.event || message.event->kind != model::EventKind::kBan || !message.event->address) {
    return false;
  }
  const net::Prefix& address = *message.event->address;
  return address.is_single() && address.address().is_bannable() && !address.address().is_private();
}

std::string abuseipdb_body(std::string_view categories, const Message& message) {
  std::string body;
  append(body, "ip", message.event->address->to_string());
  append(body, "categories", categories);
  append(body, "comment", reason_of(message));
  append(body, "timestamp", util::format_rfc3339(message.event->time));
  return body;
}

std::string blocklist_body(std::string_view server, std::string_view key, const Message& message) {
  std::string body;
  append(body, "server", server);
  append(body, "apikey", key);
  append(body, "service", message.event->jail);
  append(body, "ip", message.event->address->to_string());
  append(body, "logs", reason_of(message));
  append(body, "format", "text");
  return body;
}

}  // namespace warder::ship
