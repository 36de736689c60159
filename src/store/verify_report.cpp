#include "store/verify.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace warder::store {

std::string_view to_string(FaultKind kind) {
  switch (kind) {
    case FaultKind::kChanged:
      return "changed";
    case FaultKind::kMissing:
      return "missing";
    case FaultKind::kInserted:
      return "inserted";
    case FaultKind::kRoot:
      return "root";
    case FaultKind::kCheckpoint:
      return "checkpoint";
    case FaultKind::kTail:
      return "tail";
    case FaultKind::kSchema:
      return "schema";
    case FaultKind::kDatabase:
      return "database";
  }
  return "unknown";
}

std::string VerifyReport::to_text() const {
  std::string text = fmt::format("log {}: {} events", origin, size);
  if (first_kept > 0) {
    text += fmt::format(" (those before {} pruned, their hashes kept)", first_kept);
  }
  text += fmt::format(
      ", root {}\nchecked: {} events, {} checkpoints here, {} from outside, "
      "signatures {}\n",
      root, events_checked, checkpoints_checked, outside_checked,
      signatures_checked ? "included" : "NOT checked (no key given)");
  for (const std::string& remark : remarks) {
    text += fmt::format("note: {}\n", remark);
  }
  for (const Fault& fault : faults) {
    text += fmt::format("FAULT ({}): {}\n", to_string(fault.kind), fault.text);
    if (fault.kind == FaultKind::kRoot) {
      text +=
          "  there one was changed, removed, inserted or moved, or an earlier copy of the "
          "database went on\n";
    }
  }
  if (more_faults > 0) {
    text += fmt::format("and {} more\n", more_faults);
  }
  text += good() ? "the history is as it was written\n" : "the history is NOT as it was written\n";
  return text;
}

std::string VerifyReport::to_json() const {
  nlohmann::ordered_json json;
  json["good"] = good();
  json["origin"] = origin;
  json["size"] = size;
  json["first_kept"] = first_kept;
  json["root"] = root;
  json["events_checked"] = events_checked;
  json["checkpoints_checked"] = checkpoints_checked;
  json["outside_checked"] = outside_checked;
  json["signatures_checked"] = signatures_checked;
  json["faults"] = nlohmann::ordered_json::array();
  for (const Fault& fault : faults) {
    nlohmann::ordered_json one;
    one["kind"] = to_string(fault.kind);
    if (fault.first) {
      one["first"] = *fault.first;
    }
    if (fault.last) {
      one["last"] = *fault.last;
    }
    one["text"] = fault.text;
    json["faults"].push_back(std::move(one));
  }
  json["more_faults"] = more_faults;
  json["remarks"] = remarks;
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace warder::store
