// Any sequence of findings, late ones and clock steps, against a jail that keeps every attempt in a
// list: the window bans exactly when the list does. compat and the clock are only held to their
// bounds.
//
// Input: one byte of options, then three bytes a step: what, who, how much time.
#include "fuzz/require.h"
#include "jail/jail.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <utility>
#include <vector>

namespace {

using namespace warder;
using warder::testing::require;
using namespace std::chrono_literals;

constexpr util::WallTime kStart{std::chrono::seconds(1793620800)};
constexpr std::chrono::seconds kFindtime = 600s;
constexpr std::size_t kHosts = 8;

struct Host {
  std::vector<util::WallTime> attempts;
  util::WallTime banned_until = util::WallTime::min();
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::uint8_t flags = data[0];
  const bool compat = (flags & 1U) != 0;
  const bool steps_clock = (flags & 2U) != 0;
  jail::JailOptions options;
  options.name = "fuzz";
  options.maxretry = 1 + (flags >> 2U & 15U);
  options.findtime = kFindtime;
  options.bantime = 90s;
  options.counting = compat ? jail::Counting::kCompat : jail::Counting::kWindow;
  options.increment.enabled = (flags & 64U) != 0 && compat;
  options.ipv4_widen.clear();
  jail::BanTable bans({});
  jail::OffenderTable offenders({});
  jail::JailContext context;
  context.bans = &bans;
  context.offenders = &offenders;
  auto made = jail::Jail::create(options, context);
  require(made.has_value());
  jail::Jail jail = std::move(*made);

  std::array<Host, kHosts> hosts;
  util::WallTime now = kStart;
  for (std::size_t i = 1; i + 2 < size; i += 3) {
    const std::uint8_t what = data[i];
    const std::size_t who = data[i + 1] % kHosts;
    now += std::chrono::milliseconds(std::uint32_t{data[i + 2]} * data[i + 2] * 10U);
    if (steps_clock && what % 16 == 0) {
      const auto step = std::chrono::hours(static_cast<int>(data[i + 1]) - 128) * (what / 16);
      now += step;
      if (what % 32 == 0) {
        jail.clock_stepped(step);
      }
      bans.clock_stepped(step);
    }
    if (what % 16 == 1) {
      jail.tick(now);
      bans.expire(now, 10, [](const jail::ActiveBan&) {});
      continue;
    }
    if (what % 16 == 2) {
      auto next = jail::Jail::create(options, context);
      require(next.has_value());
      next->adopt(std::move(jail));
      jail = std::move(*next);
      continue;
    }
    model::Finding finding;
    finding.address =
        net::Prefix(net::IpAddress::v4(0xC0000200U + static_cast<std::uint32_t>(who)));
    finding.attempts = what % 16 == 3 ? what / 16U : 1U;
    finding.time = now - std::chrono::seconds(what % 16 == 4 ? what * 3 : 0);
    const jail::Decision decision = jail.on_finding(finding, now);
    require(decision.time <= now);
    if (decision.ban) {
      require(decision.ban->end.has_value());
      require(jail.counters().sources <= kHosts);
    }
    if (compat || steps_clock) {
      continue;
    }

    Host& host = hosts[who];
    if (finding.time < now - kFindtime) {
      require(decision.kind == jail::DecisionKind::kIgnored);
      continue;
    }
    if (host.banned_until > now) {
      require(decision.kind == jail::DecisionKind::kAlreadyBanned);
      continue;
    }
    host.attempts.insert(host.attempts.end(), std::max(finding.attempts, 1U), finding.time);
    const util::WallTime last = *std::max_element(host.attempts.begin(), host.attempts.end());
    const auto count = static_cast<std::uint32_t>(
        std::count_if(host.attempts.begin(), host.attempts.end(),
                      [&](util::WallTime time) { return time >= last - kFindtime; }));
    if (count < options.maxretry) {
      require(decision.kind == jail::DecisionKind::kCounted);
      require(decision.count == count);
      continue;
    }
    host.attempts.clear();
    const auto end = std::chrono::ceil<std::chrono::seconds>(last + 90s);
    require(decision.ban.has_value() && decision.ban->end == end);
    require(decision.kind ==
            (end <= now ? jail::DecisionKind::kBanOver : jail::DecisionKind::kBan));
    host.banned_until = end;
  }
  return 0;
}
