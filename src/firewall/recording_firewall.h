#pragma once

#include "firewall/firewall.h"
#include "util/descriptor.h"

#include <map>
#include <string>
#include <tuple>

namespace warder::firewall {

// Keeps in memory what a kernel would hold, for tests of what stands above. Elements end by the
// clock as they do in the kernel. An eventfd stands in for the kernel's notifications.
class RecordingFirewall : public Firewall {
 public:
  // `clock` must outlive this object.
  explicit RecordingFirewall(const util::Clock& clock);

  util::Status ensure(std::span<const Scope> scopes) override;
  util::Result<ApplyReport> apply(std::span<const Change> changes) override;
  util::Status list(const Visit& visit) override;
  util::Result<Traffic> traffic(const net::Prefix& prefix) override;
  util::Status remove_all() override;
  int watch_descriptor() const override { return event_.get(); }
  util::Result<bool> take_outside_change() override;

  // What a test does from outside.
  // All is gone and the owner is notified, as after `nft flush ruleset`.
  void flush_from_outside();
  // Every call fails with this error until it is taken back with an empty value.
  void fail_with(std::optional<util::Error> error);
  // `prefix` is refused from now on with `reason`.
  void refuse(const net::Prefix& prefix, Reason reason);
  // A packet of `bytes` to `scope` is dropped when a running ban covers it.
  bool drops(const Scope& scope, const net::IpAddress& source, std::uint64_t bytes = 60);

  // "add all 192.0.2.1 until 2026-11-02T13:00:00Z" and so on, in the order of effect.
  const std::vector<std::string>& journal() const { return journal_; }
  std::size_t size() const { return elements_.size(); }

 private:
  struct Held {
    std::optional<util::WallTime> end;
    Traffic traffic;
  };
  using Key = std::pair<std::string, net::Prefix>;

  void drop_ended();
  void apply_one(const Change& change, std::uint32_t index, ApplyReport& report);

  const util::Clock& clock_;
  util::Descriptor event_;
  bool ensured_ = false;
  std::vector<Scope> scopes_;
  std::map<Key, Held> elements_;
  std::map<net::Prefix, Reason> refused_;
  std::optional<util::Error> failure_;
  std::vector<std::string> journal_;
};

}  // namespace warder::firewall
