#include "firewall/guarded_firewall.h"

#include <algorithm>
#include <vector>

namespace warder::firewall {

util::Result<ApplyReport> GuardedFirewall::apply(std::span<const Change> changes) {
  // When it is not known who must not be banned, nobody is.
  WARDER_RETURN_IF_ERROR(
      protection_.refresh().with_context("the never-ban list cannot be checked"));
  std::vector<Change> allowed;
  std::vector<std::uint32_t> places;
  std::vector<Change> out;
  std::vector<Refusal> refusals;
  allowed.reserve(changes.size());
  places.reserve(changes.size());
  for (std::uint32_t i = 0; i < changes.size(); ++i) {
    const Change& change = changes[i];
    const auto objection =
        change.kind == Change::Kind::kRemove ? std::nullopt : protection_.verdict(change.prefix);
    if (objection) {
      refusals.push_back({i, objection->reason, objection->because, 0});
      out.push_back({Change::Kind::kRemove, change.scope, change.prefix, std::nullopt});
    } else {
      allowed.push_back(change);
      places.push_back(i);
    }
  }
  WARDER_ASSIGN_OR_RETURN(ApplyReport report, inner_.apply(allowed));
  for (Refusal& refusal : report.refusals) {
    refusal.change = places[refusal.change];
  }
  if (!out.empty()) {
    WARDER_ASSIGN_OR_RETURN(const ApplyReport taken_out, inner_.apply(out));
    report.removed += taken_out.removed;
  }
  report.refusals.insert(report.refusals.end(), refusals.begin(), refusals.end());
  std::sort(report.refusals.begin(), report.refusals.end(),
            [](const Refusal& a, const Refusal& b) { return a.change < b.change; });
  return report;
}

}  // namespace warder::firewall
