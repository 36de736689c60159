#include "engine/diagnosis.h"

#include "engine/log_check.h"
#include "engine/remote_input.h"
#include "source/listen_address.h"
#include "util/duration.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <map>
#include <utility>

namespace warder::engine {
namespace {

using filter::NoticeKind;

constexpr std::uint64_t kFew = 3;
constexpr std::size_t kNewestFindings = 2000;
// So many findings of somebody who is banned are packets that were on the way.
constexpr std::uint64_t kOnTheWay = 20;

class Judge {
 public:
  Judge(const JailFacts& facts, store::Reader& history) : facts_(facts), history_(history) {}

  std::vector<Stage> run() {
    const jail::JailOptions& options = facts_.jail.options;
    if (reads_journal(options)) {
      add("log", Verdict::kGood, "reads the journal");
    } else {
      for (const std::string& pattern : options.logpath) {
        if (pattern == "-") {
          add("log", Verdict::kGood, "reads standard input");
        } else if (source::is_listen_address(pattern)) {
          add("log", Verdict::kGood, fmt::format("listens at {}", pattern));
        } else if (pattern.starts_with(kOciAudit)) {
          add("log", Verdict::kGood, fmt::format("asks for {}", pattern));
        } else {
          check_logs(facts_, pattern, history_, stages_);
        }
      }
    }
    addresses();
    counting();
    kernel();
    return std::move(stages_);
  }

 private:
  void add(std::string name, Verdict verdict, std::string found, std::string cause = "",
           std::string remedy = "") {
    stages_.push_back({facts_.jail.options.name, std::move(name), verdict, std::move(found),
                       std::move(cause), std::move(remedy)});
  }

  // Who is blamed, by the newest findings of the history and by what the filter noticed.
  void addresses() {
    std::map<net::Prefix, std::uint64_t> blamed;
    std::uint64_t findings = 0;
    store::EventFilter newest;
    newest.jail = facts_.jail.options.name;
    newest.kind = model::EventKind::kFinding;
    newest.limit = kNewestFindings;
    const util::Status read = history_.events(newest, [&](const store::StoredEvent& stored) {
      if (stored.event.address) {
        ++findings;
        ++blamed[*stored.event.address];
      }
      return true;
    });
    if (!read) {
      return add("address", Verdict::kSkipped, "the history", read.error().message(), "");
    }
    const std::uint64_t forwarded = facts_.filter[NoticeKind::kForwarded];
    const std::uint64_t names = facts_.filter[NoticeKind::kHostName];
    if (blamed.size() == 1 && findings >= kFew && blamed.begin()->first.is_single() &&
        blamed.begin()->first.address().is_private()) {
      return add(
          "address", Verdict::kBroken,
          fmt::format("all of the newest {} findings blame {}", findings,
                      blamed.begin()->first.to_string()),
          "it is one private address: most likely a proxy that is not named, so that it is "
          "banned in place of its visitors",
          "[agent] trusted_proxies = that address, and have it pass on the client's address");
    }
    if (forwarded > 0) {
      return add(
          "address", Verdict::kBroken,
          fmt::format("{} lines name a client behind a proxy that is not trusted", forwarded),
          "the proxy's word about the client is not taken, so the proxy itself is blamed",
          "[agent] trusted_proxies = the proxy's address, if it is yours");
    }
    if (names > 0) {
      return add("address", Verdict::kBroken,
                 fmt::format("{} lines have a host name in place of the address", names),
                 "names are not looked up", "have the program log addresses");
    }
    add("address", Verdict::kGood,
        findings == 0
            ? "nobody was blamed yet"
            : fmt::format("the newest {} findings blame {} addresses", findings, blamed.size()));
  }

  void counting() {
    const jail::JailCounters& counters = facts_.counters;
    if (facts_.jail.options.observe) {
      add("count", Verdict::kNotice,
          fmt::format("{} findings, {} would-be bans", counters.findings, counters.bans),
          "observe = yes: the jail bans nobody", "set observe = no when you trust it");
      return;
    }
    if (counters.findings >= kFew && counters.ignored == counters.findings) {
      add("count", Verdict::kBroken, fmt::format("all {} findings were ignored", counters.findings),
          "their addresses are in ignoreip, this host's own, or on the never-ban list",
          "`warder explain ADDRESS` says which; shorten ignoreip if it covers too much");
      return;
    }
    if (counters.refused > 0) {
      add("count", Verdict::kBroken, fmt::format("{} bans were refused", counters.refused),
          "the table of bans is full", "shorten bantime, or ban prefixes (ipv4_widen)");
      return;
    }
    add("count", Verdict::kGood,
        fmt::format("{} findings, {} ignored, {} bans since the configuration was read",
                    counters.findings, counters.ignored, counters.bans));
  }

  void kernel() {
    if (facts_.dry_run) {
      add("firewall", Verdict::kNotice, "bans are decided and recorded, and nobody is kept out",
          "[firewall] backend = none",
          "when they are to take effect, take that key away and restart the agent");
      return;
    }
    if (!facts_.enforcing) {
      add("firewall", Verdict::kBroken, "bans are decided, but not in effect",
          facts_.firewall_reason,
          "`systemctl status warder-firewall`; the agent tries again by itself");
      return;
    }
    const jail::JailCounters& counters = facts_.counters;
    if (counters.already_banned > kOnTheWay &&
        counters.already_banned > counters.bans * kOnTheWay) {
      add("firewall", Verdict::kBroken,
          fmt::format("{} findings came from addresses that were banned", counters.already_banned),
          "their packets still reach the program: by a port that the jail does not close, through "
          "a "
          "proxy or tunnel, or past nf_tables (XDP, a flow table)",
          "set `port` of the jail to all that the program listens on; compare `nft list ruleset`");
      return;
    }
    add("firewall", Verdict::kGood, "enforcing");
  }

  const JailFacts& facts_;
  store::Reader& history_;
  std::vector<Stage> stages_;
};

}  // namespace

std::vector<Stage> diagnose(const JailFacts& facts, store::Reader& history) {
  return Judge(facts, history).run();
}

}  // namespace warder::engine
