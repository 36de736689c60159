#pragma once

#include "config/values.h"
#include "util/clock.h"
#include "util/result.h"
#include "vault/oci_sender.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace warder::vault {

// One event of the OCI Audit service (type AuditEvent, version 2 of its payload). Texts are from
// outside: user names and resources are chosen by others.
struct OciAuditEvent {
  std::string id;         // eventId
  util::WallTime time{};  // eventTime; the epoch when it cannot be read
  std::string json;       // all of it, on one line
};

// Can this be a compartment? kInvalid says where to find one.
util::Status check_oci_compartment(std::string_view ocid);

// Reads ListEvents (GET /20190901/auditEvents): the events of one compartment, not of those in it,
// that the service processed from `from` until before `until`; whole minutes, as the service wants
// them. Page by page, in the service's order, each event to `take` until it says false; memory for
// a page. An event without an id is passed over: it cannot be told apart when it comes again.
//
// kInvalid for an answer that is no list, and when pages go on for ever; else the errors of
// OciSender::call().
util::Status list_oci_events(OciSender& sender, std::string_view compartment, util::WallTime from,
                             util::WallTime until,
                             const std::function<bool(OciAuditEvent event)>& take);

// Who did what, of an event; empty where it does not say.
struct OciDeed {
  util::WallTime time{};
  std::string name;      // data.eventName: "UpdateSecret"
  std::string resource;  // data.resourceName
  std::string id;        // data.resourceId
  std::string by;        // data.identity.principalName, else its OCID
  std::string address;   // data.identity.ipAddress
  std::string status;    // data.response.status: "200"
};
OciDeed read_oci_deed(const OciAuditEvent& event);

// oci_audit_interval and oci_audit_overlap of [vault].
struct OciAuditTiming {
  std::chrono::minutes interval{1};
  std::chrono::minutes overlap{60};
};
OciAuditTiming oci_audit_timing(const config::Values& values);

}  // namespace warder::vault
