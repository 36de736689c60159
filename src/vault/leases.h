#pragma once

#include "crypto/secret.h"
#include "util/clock.h"
#include "util/result.h"
#include "vault/server_vault.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace warder::vault {

// Credentials that the vault made for us (database/creds/ROLE) and that end with their lease. Each
// lease is renewed at two thirds of its time and given back at the end; one that cannot be renewed
// is left out, and the next credentials() asks for new ones. Leases end with the session that made
// them, so a new login makes them all new. Thread safe; `vault` and `clock` must outlive it.
class Leases {
 public:
  Leases(ServerVault& vault, const util::Clock& clock) : vault_(vault), clock_(clock) {}
  // Revokes what is still held, one after the other; gives up at the first that the vault does not
  // answer. A vault that was stopped is not asked: its session's end revokes them as well.
  ~Leases();
  Leases(const Leases&) = delete;
  Leases& operator=(const Leases&) = delete;

  // The JSON object that stands in `data` ({"username": ..., "password": ...}), from memory while
  // its lease lasts. With a `body` they are asked for by a POST (pki/issue/ROLE).
  util::Result<crypto::SecretString> credentials(std::string_view path, std::string_view body = {});
  // Renews what is due; call it again after what it gives, at most `longest`.
  std::chrono::milliseconds upkeep(std::chrono::milliseconds longest);
  std::size_t held() const;
  // Gives all of them back now.
  util::Status revoke_all();

 private:
  struct Lease {
    std::string id;
    crypto::SecretString content;
    util::MonotonicTime ends{};
    util::MonotonicTime renew_at{};
    bool renewable = false;
  };

  void schedule(Lease* lease, std::uint64_t seconds) const;

  ServerVault& vault_;
  const util::Clock& clock_;
  mutable std::mutex mutex_;
  std::map<std::string, Lease, std::less<>> leases_;  // by path; guarded by mutex_
};

}  // namespace warder::vault
