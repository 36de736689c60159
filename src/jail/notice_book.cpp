#include "jail/notice_book.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace warder::jail {
namespace {

constexpr Tick kDay = Tick{24} * 60 * 60 * 1000;

std::string_view plural(std::uint64_t count) { return count == 1 ? "" : "s"; }

std::string_view remedy(IgnoreReason reason) {
  switch (reason) {
    case IgnoreReason::kOwnAddress:
      return "it is an address of this host (ignoreself)";
    case IgnoreReason::kIgnoreip:
      return "ignoreip lists it";
    case IgnoreReason::kProxy:
      return "it is a trusted proxy (trusted_proxies)";
    case IgnoreReason::kNeverBan:
      return "it is a gateway, vault or administrator that must never be banned";
    case IgnoreReason::kUnbannable:
      return "it is no address that a ban can mean (loopback, link-local, multicast or reserved)";
    case IgnoreReason::kNone:
    case IgnoreReason::kTooOld:
    case IgnoreReason::kNoAddress:
    case IgnoreReason::kExpected:
    case IgnoreReason::kNoKey:
    case IgnoreReason::kQuiet:
    case IgnoreReason::kSeen:
      break;
  }
  return "no reason";
}

}  // namespace

void NoticeBook::ignored(const net::Prefix& address, IgnoreReason reason, Tick now) {
  const auto found = std::find_if(ignored_.begin(), ignored_.end(), [&](const Ignored& sum) {
    return sum.address == address && sum.reason == reason;
  });
  if (found != ignored_.end()) {
    ++found->count;
    return;
  }
  if (ignored_.size() < kMostAddresses) {
    ignored_.push_back({address, reason, 1, now});
    return;
  }
  if (ignored_others_.count++ == 0) {
    ignored_others_.since = now;
  }
}

void NoticeBook::happened(NoticeKind kind, Tick now, std::uint64_t times) {
  Sum& sum = sums_[static_cast<std::size_t>(kind)];
  if (sum.count == 0) {
    sum.since = now;
  }
  sum.count += times;
}

Notice NoticeBook::ignored_notice(const Ignored& sum) const {
  return {NoticeKind::kIgnored, model::Severity::kNotice, sum.address, sum.count,
          fmt::format("jail {} ignored {} finding{} from {}: {}", jail_, sum.count,
                      plural(sum.count), sum.address.to_string(), remedy(sum.reason))};
}

Notice NoticeBook::sum_notice(NoticeKind kind, std::uint64_t count) const {
  switch (kind) {
    case NoticeKind::kSourcesEvicted:
      return {kind, model::Severity::kWarning, std::nullopt, count,
              fmt::format("jail {} forgot {} source{} before findtime was over, because its table "
                          "is full; raise sources if the host has the memory",
                          jail_, count, plural(count))};
    case NoticeKind::kBanTableFull:
      return {kind, model::Severity::kCritical, std::nullopt, count,
              fmt::format("jail {} could not make {} ban{}, because the table of bans is full; "
                          "shorten bantime or raise the limit of bans",
                          jail_, count, plural(count))};
    case NoticeKind::kWideningCapped:
      return {kind, model::Severity::kWarning, std::nullopt, count,
              fmt::format("jail {} left {} dense attack{} to bans of single sources, because "
                          "widen.limit wider bans are in effect",
                          jail_, count, plural(count))};
    case NoticeKind::kTooOld:
      return {kind, model::Severity::kNotice, std::nullopt, count,
              fmt::format("jail {} did not count {} finding{} older than findtime when read; if "
                          "this goes on, look at the time zone of the log and at the agent's lag",
                          jail_, count, plural(count))};
    default:
      return {NoticeKind::kBanTime, model::Severity::kWarning, std::nullopt, count,
              fmt::format("jail {} used the plain bantime for {} ban{}, because bantime.formula "
                          "gives no number for their count",
                          jail_, count, plural(count))};
  }
}

std::vector<Notice> NoticeBook::take(Tick now, bool all) {
  std::vector<Notice> notices = std::exchange(ready_, {});
  std::erase_if(ignored_, [&](const Ignored& sum) {
    if (!due(sum.since, now, all)) {
      return false;
    }
    notices.push_back(ignored_notice(sum));
    return true;
  });
  if (ignored_others_.count > 0 && due(ignored_others_.since, now, all)) {
    notices.push_back({NoticeKind::kIgnored, model::Severity::kNotice, std::nullopt,
                       ignored_others_.count,
                       fmt::format("jail {} ignored {} finding{} from further addresses that are "
                                   "never banned",
                                   jail_, ignored_others_.count, plural(ignored_others_.count))});
    ignored_others_ = {};
  }
  for (std::size_t kind = 0; kind < sums_.size(); ++kind) {
    if (sums_[kind].count > 0 && due(sums_[kind].since, now, all)) {
      notices.push_back(sum_notice(static_cast<NoticeKind>(kind), sums_[kind].count));
      sums_[kind] = {};
    }
  }
  return notices;
}

std::optional<Notice> OneAddressWatch::observe(const std::string& jail, const net::Prefix& address,
                                               const std::vector<net::Prefix>& proxies, Tick now) {
  if (address != address_) {
    address_ = address;
    in_a_row_ = 0;
    told_.reset();
  }
  in_a_row_ = std::min(in_a_row_ + 1, kFindings);
  if (in_a_row_ < kFindings || (told_ && now - *told_ < kDay)) {
    return std::nullopt;
  }
  const net::IpAddress& ip = address.address();
  const bool proxy = std::any_of(proxies.begin(), proxies.end(),
                                 [&](const net::Prefix& p) { return p.contains(address); });
  if (!proxy && !ip.is_private() && !ip.is_loopback() && !ip.is_link_local()) {
    in_a_row_ = 0;  // asked again after as many
    return std::nullopt;
  }
  told_ = now;
  return Notice{
      NoticeKind::kOneAddress, model::Severity::kHigh, address, kFindings,
      fmt::format("jail {}: the last {} findings all come from {}, {}; the log probably shows a "
                  "proxy or gateway in place of the clients: let the log name the client's address "
                  "(trusted proxies), or list this one in ignoreip",
                  jail, kFindings, address.to_string(),
                  proxy ? "a trusted proxy" : "a private address")};
}

}  // namespace warder::jail
