#include "firewall/strays.h"

#include <vector>

namespace warder::firewall {
namespace {

constexpr std::size_t kBatch = 4096;

}  // namespace

util::Result<StrayReport> remove_strays(Firewall& firewall, const IsWanted& is_wanted) {
  StrayReport report;
  std::vector<Change> strays;
  do {
    strays.clear();
    std::size_t seen = 0;
    // The list ends early when the batch is full, since the kernel must not be changed while it is
    // read.
    WARDER_RETURN_IF_ERROR(firewall.list([&](const Element& element) {
      if (!is_wanted(element.scope, element.prefix)) {
        strays.push_back({Change::Kind::kRemove, element.scope, element.prefix, std::nullopt});
      }
      return strays.size() < kBatch && ++seen <= 2 * kMostStrayChecked;
    }));
    report.all_checked = seen <= 2 * kMostStrayChecked;
    if (!strays.empty()) {
      WARDER_ASSIGN_OR_RETURN(const ApplyReport done, firewall.apply(strays));
      report.removed += done.removed;
    }
  } while (strays.size() == kBatch);
  return report;
}

}  // namespace warder::firewall
