#include "vault/oci_audit.h"

#include "oci/config_file.h"
#include "util/strings.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <utility>

namespace warder::vault {
namespace {

using nlohmann::json;
using util::Error;
using util::ErrorCode;

constexpr int kMostPages = 100'000;  // in one question

std::string text_of(const json& value, const char* name) {
  const auto found = value.is_object() ? value.find(name) : value.end();
  return found != value.end() && found->is_string() ? found->get<std::string>() : std::string();
}

const json& member(const json& value, const char* name) {
  static const json nothing;
  const auto found = value.is_object() ? value.find(name) : value.end();
  return found != value.end() ? *found : nothing;
}

}  // namespace

util::Status check_oci_compartment(std::string_view ocid) {
  if (oci::is_ocid(ocid)) {
    return {};
  }
  return Error(ErrorCode::kInvalid,
               fmt::format("'{}' is no OCID of a compartment; it begins with ocid1. and stands in "
                           "the console beside the compartment's name",
                           util::printable(ocid, 100)));
}

util::Status list_oci_events(OciSender& sender, std::string_view compartment, util::WallTime from,
                             util::WallTime until,
                             const std::function<bool(OciAuditEvent event)>& take) {
  std::string page;
  for (int pages = 0; pages < kMostPages; ++pages) {
    OciCall call{.service = oci::Service::kAudit,
                 .path = "/auditEvents",
                 .query = {{"compartmentId", std::string(compartment)},
                           {"startTime", util::format_rfc3339(from)},
                           {"endTime", util::format_rfc3339(until)}},
                 .what = "reading the audit events",
                 .policy = "read audit-events"};
    if (!page.empty()) {
      call.query.emplace_back("page", page);
    }
    WARDER_ASSIGN_OR_RETURN(OciAnswer answer, sender.call(call));
    const json list = json::parse(answer.body, nullptr, false);
    if (!list.is_array()) {
      return Error(ErrorCode::kInvalid,
                   "reading the audit events: the answer is no list; check the endpoint of audit");
    }
    for (const json& one : list) {
      OciAuditEvent event;
      event.id = text_of(one, "eventId");
      if (event.id.empty()) {
        continue;
      }
      event.time = util::parse_rfc3339(text_of(one, "eventTime")).value_or(util::WallTime{});
      event.json = one.dump(-1, ' ', false, json::error_handler_t::replace);
      if (!take(std::move(event))) {
        return {};
      }
    }
    // A page can be empty and still have a successor.
    if (answer.next_page.empty() || answer.next_page == page) {
      return {};
    }
    page = std::move(answer.next_page);
  }
  return Error(ErrorCode::kInvalid, "reading the audit events: their pages do not end");
}

OciDeed read_oci_deed(const OciAuditEvent& event) {
  const json value = json::parse(event.json, nullptr, false);
  const json& data = member(value, "data");
  const json& identity = member(data, "identity");
  OciDeed deed{.time = event.time,
               .name = text_of(data, "eventName"),
               .resource = text_of(data, "resourceName"),
               .id = text_of(data, "resourceId"),
               .by = text_of(identity, "principalName"),
               .address = text_of(identity, "ipAddress"),
               .status = text_of(member(data, "response"), "status")};
  if (deed.by.empty()) {
    deed.by = text_of(identity, "principalId");
  }
  return deed;
}

OciAuditTiming oci_audit_timing(const config::Values& values) {
  using std::chrono::duration_cast;
  using std::chrono::minutes;
  return {duration_cast<minutes>(values.duration("oci_audit_interval")),
          duration_cast<minutes>(values.duration("oci_audit_overlap"))};
}

}  // namespace warder::vault
