#pragma once

#include "crypto/secret.h"
#include "http/client.h"
#include "util/clock.h"
#include "vault/patience.h"
#include "vault/server_answer.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace warder::vault {

struct ServerConnection {
  // "https://vault.example:8200", the nodes of one vault; the next one is tried when one is away,
  // sealed or no longer the leader.
  std::vector<std::string> addresses;
  // Of a Vault or OpenBao agent/proxy; then the host of the address does not matter.
  std::filesystem::path socket = {};
  // "team1/"; empty: the root.
  std::string name_space = {};
  std::filesystem::path ca_file = {};
  std::filesystem::path ca_folder = {};
  std::filesystem::path client_certificate = {};
  std::filesystem::path client_key = {};
  http::Verify verify = http::Verify::kYes;
  // Of one exchange.
  std::chrono::milliseconds timeout{15000};
  // Between attempts; each later one waits that much longer, all by chance up to half more.
  std::chrono::milliseconds retry_wait{1000};
};

// One call of the API.
struct Call {
  http::Method method = http::Method::kGet;
  // Without "/v1/" and already percent-encoded: "secret/data/warder/jails".
  std::string path;
  std::string query = {};  // "version=3"
  crypto::SecretString body = {};
  // Views of the caller's; an empty token is not sent.
  std::string_view token = {};
  // The answer shall be wrapped for that long; 0: not.
  std::chrono::seconds wrap{0};
  // Reading, or a write that may happen twice: tried up to three times.
  bool repeatable = false;
  bool login = false;
  bool health = false;
  // Body is a merge patch (RFC 7396).
  bool merge_patch = false;
};

// Calls to the API of HashiCorp Vault or OpenBao. Every answer is bounded (4 MiB) and read by its
// meaning. The token goes to the configured addresses only: a redirect (307 of a standby) is
// followed once, to a node that was named, else it is a failure. Thread safe; up to four calls run
// at once, others wait. `clock` must outlive it.
class ServerClient {
 public:
  ServerClient(ServerConnection options, const util::Clock& clock, std::uint64_t jitter_seed);
  ~ServerClient();

  Answer perform(const Call& call);

  // Ends running calls and refuses later ones, at once. For shutdown.
  void stop();

  // Why the last call failed, if that is a reason to come back later; empty after an answer.
  std::optional<Failure> last_failure() const;

  const ServerConnection& options() const { return options_; }

 private:
  class Slot;

  Answer attempt(const Call& call);
  Answer exchange(http::Client* client, const Call& call, std::size_t node);
  // False when stopped meanwhile.
  bool wait(std::chrono::milliseconds time);
  std::chrono::milliseconds pause(unsigned attempt, const Answer& answer);
  http::ClientOptions client_options() const;

  const ServerConnection options_;
  const util::Clock& clock_;
  std::atomic<std::size_t> node_{0};  // the address that answered last
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<http::Client>> idle_;  // guarded by mutex_
  std::vector<http::Client*> all_;                   // guarded by mutex_
  std::uint64_t jitter_;                             // guarded by mutex_
  bool stopped_ = false;                             // guarded by mutex_
  std::optional<Failure> failure_;                   // guarded by mutex_
};

}  // namespace warder::vault
