#include "firewall/reconcile.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace warder::firewall {
namespace {

constexpr std::size_t kBatch = 4096;

using Key = std::pair<ScopeIndex, net::Prefix>;

class Reconciler {
 public:
  Reconciler(Firewall& firewall, const OnRefusal& told) : firewall_(firewall), told_(told) {
    batch_.reserve(kBatch);
  }

  util::Result<ReconcileReport> run(const NextBan& next_ban) {
    Change ban;
    while (next_ban(ban)) {
      ban.kind = Change::Kind::kSet;
      batch_.push_back(ban);
      if (wanted_.size() <= kMostStrayChecked) {
        wanted_.emplace_back(ban.scope, ban.prefix);
      }
      if (batch_.size() == kBatch) {
        WARDER_RETURN_IF_ERROR(flush());
      }
      ban = Change{};
    }
    WARDER_RETURN_IF_ERROR(flush());
    WARDER_RETURN_IF_ERROR(remove_strays());
    return report_;
  }

 private:
  util::Status flush() {
    WARDER_ASSIGN_OR_RETURN(const ApplyReport done, firewall_.apply(batch_));
    report_.added += done.added;
    report_.corrected += done.extended;
    report_.kept += done.unchanged;
    report_.removed += done.removed;
    report_.refused += done.refusals.size();
    for (const Refusal& refusal : done.refusals) {
      if (told_) {
        told_(batch_.at(refusal.change), refusal);
      }
    }
    batch_.clear();
    return {};
  }

  util::Status remove_strays() {
    if (wanted_.size() > kMostStrayChecked) {
      report_.strays_checked = false;
      return {};
    }
    std::sort(wanted_.begin(), wanted_.end());
    std::size_t seen = 0;
    const auto collect = [&](const Element& element) {
      const Key key(element.scope, element.prefix);
      if (!std::binary_search(wanted_.begin(), wanted_.end(), key)) {
        batch_.push_back({Change::Kind::kRemove, element.scope, element.prefix, std::nullopt});
      }
      return batch_.size() < kBatch && ++seen <= 2 * kMostStrayChecked;
    };
    // The list ends early when the batch is full, since it must not be changed while it is read.
    do {
      batch_.clear();
      WARDER_RETURN_IF_ERROR(firewall_.list(collect));
      report_.strays_checked = seen <= 2 * kMostStrayChecked;
      const bool full = batch_.size() == kBatch;
      WARDER_RETURN_IF_ERROR(flush());
      if (!full) {
        return {};
      }
    } while (report_.strays_checked);
    return {};
  }

  Firewall& firewall_;
  const OnRefusal& told_;
  std::vector<Change> batch_;
  std::vector<Key> wanted_;
  ReconcileReport report_;
};

}  // namespace

util::Result<ReconcileReport> reconcile(Firewall& firewall, const NextBan& next_ban,
                                        const OnRefusal& on_refusal) {
  return Reconciler(firewall, on_refusal).run(next_ban);
}

}  // namespace warder::firewall
