#pragma once

#include "jail/counting.h"
#include "jail/decision.h"
#include "jail/notice.h"
#include "net/address.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace warder::jail {

// Sums up what a jail has to say, so that a million equal occurrences make one notice: what happens
// first opens a sum, which is told when it is five minutes old. Bounded: at most 64 ignored
// addresses are told apart at a time, the rest shares one sum. Owned by a Jail.
class NoticeBook {
 public:
  static constexpr Tick kSumFor = 5 * 60 * 1000;
  static constexpr std::size_t kMostAddresses = 64;

  explicit NoticeBook(std::string jail) : jail_(std::move(jail)) {}

  void ignored(const net::Prefix& address, IgnoreReason reason, Tick now);
  // One of the kinds that name no address.
  void happened(NoticeKind kind, Tick now, std::uint64_t times = 1);
  // Told at the next take().
  void tell(Notice notice) { ready_.push_back(std::move(notice)); }

  // What is due at `now`; with `all` also what is still being summed up.
  std::vector<Notice> take(Tick now, bool all);

 private:
  struct Ignored {
    net::Prefix address;
    IgnoreReason reason = IgnoreReason::kNone;
    std::uint64_t count = 0;
    Tick since = 0;
  };
  struct Sum {
    std::uint64_t count = 0;
    Tick since = 0;
  };
  static bool due(Tick since, Tick now, bool all) { return all || now - since >= kSumFor; }
  Notice ignored_notice(const Ignored& sum) const;
  Notice sum_notice(NoticeKind kind, std::uint64_t count) const;

  std::string jail_;
  std::vector<Ignored> ignored_;
  Sum ignored_others_;
  std::array<Sum, 7> sums_;  // by NoticeKind
  std::vector<Notice> ready_;
};

// Notices that every finding of a jail comes from one private, loopback or proxy address: almost
// always the log shows a proxy or a NAT gateway in place of the clients, and the jail would ban
// everybody or nobody. Costs a comparison a finding.
class OneAddressWatch {
 public:
  static constexpr std::uint32_t kFindings = 20;

  // The notice when this finding makes it due: at the 20th in a row, then once a day.
  std::optional<Notice> observe(const std::string& jail, const net::Prefix& address,
                                const std::vector<net::Prefix>& proxies, Tick now);

 private:
  net::Prefix address_;
  std::uint32_t in_a_row_ = 0;
  std::optional<Tick> told_;
};

}  // namespace warder::jail
