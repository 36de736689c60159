#include "firewall/none_firewall.h"

namespace warder::firewall {

util::Result<ApplyReport> NoneFirewall::apply(std::span<const Change> changes) {
  ApplyReport report;
  for (const Change& change : changes) {
    ++(change.kind == Change::Kind::kRemove ? report.removed : report.added);
  }
  return report;
}

util::Result<Traffic> NoneFirewall::traffic(const net::Prefix& prefix) {
  return util::Error(util::ErrorCode::kNotFound,
                     prefix.to_string() + " is not banned: the firewall back end is 'none'");
}

}  // namespace warder::firewall
