#pragma once

#include "firewall/firewall.h"
#include "util/descriptor.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

namespace warder::firewall {

// Gives a connected SOCK_SEQPACKET socket to a helper. Called again, with back-off, whenever the
// connection was lost.
using HelperConnector = std::function<util::Result<util::Descriptor>()>;

// Connects to a helper that listens on `path` (its own systemd unit).
HelperConnector connect_to(std::filesystem::path path);

struct HelperClientOptions {
  // The longest a request waits for (the next part of) its answer. Then the connection is given up,
  // so that a hanging helper delays the pipeline once and not at every ban.
  std::chrono::milliseconds answer_limit{2000};
  // Times between attempts to reconnect.
  std::chrono::milliseconds first_retry{100};
  std::chrono::milliseconds longest_retry{30'000};
};

// The agent's end of the helper's socket. Connects at the first call. When the helper is away,
// calls return kUnavailable at once; watch_descriptor() becomes readable when it is time to try
// again, and take_outside_change() tries, and says true when the helper is back. Then the owner
// puts everything in order. Between reconnecting and ensure(), apply() returns kConflict.
//
// Answers are judged like any input: a wrong length, number, version or an unknown kind ends the
// connection (kUnavailable).
class HelperClient : public Firewall {
 public:
  // `clock` must outlive this object.
  HelperClient(HelperConnector connector, const util::Clock& clock,
               const HelperClientOptions& options = {});
  ~HelperClient() override;
  HelperClient(const HelperClient&) = delete;
  HelperClient& operator=(const HelperClient&) = delete;

  util::Status ensure(std::span<const Scope> scopes) override;
  util::Result<ApplyReport> apply(std::span<const Change> changes) override;
  util::Status list(const Visit& visit) override;
  util::Result<Traffic> traffic(const net::Prefix& prefix) override;
  util::Status remove_all() override;
  int watch_descriptor() const override;
  util::Result<bool> take_outside_change() override;

  bool connected() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace warder::firewall
