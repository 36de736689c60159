#pragma once

#include "util/clock.h"
#include "util/result.h"
#include "vault/options.h"
#include "vault/server_vault.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace warder::vault {

// An append-only trail in HashiCorp Vault or OpenBao: secrets of a KV version 2 mount that are
// created once, by an identity that may create and nothing else, and the vault's own audit log
// behind them.
//
// Errors: kUnavailable, kTimeout (later), kDenied (rights, login, a mount that is none: nothing is
// wrong with what was sent), kInvalid (the vault refuses this content). Thread safe. What it is
// given must outlive it.
class ServerTrail {
 public:
  // With the session of `shared`, or, when that is null, a session of its own, opened with the
  // first call.
  ServerTrail(VaultOptions options, ServerVault* shared, const util::Clock& clock);
  ~ServerTrail();

  // Creates a secret with these fields (a JSON object in text). The receipt is the request's id in
  // the vault's audit log; of a path that is there already, "there since TIME": an earlier attempt
  // whose answer was lost.
  util::Result<std::string> create(std::string_view mount, std::string_view path,
                                   std::string_view fields);
  // "hmac-sha256:..." of the text by an audit device, and the request's id.
  util::Result<std::string> commit(std::string_view device, std::string_view text);

  // The names below a path, in their order; empty when there are none.
  util::Result<std::vector<std::string>> list(std::string_view mount, std::string_view path);
  // One field of a secret, which must be text.
  util::Result<std::string> field(std::string_view mount, std::string_view path,
                                  std::string_view name);

  // Refuses later calls; ends a running one at once when the session is its own, else by its time
  // limit.
  void stop();

 private:
  util::Result<ServerVault*> session();
  util::Result<Answer> ask(Call call);

  const VaultOptions options_;
  ServerVault* const shared_;
  const util::Clock& clock_;
  std::atomic<bool> stopped_{false};
  std::mutex mutex_;
  std::unique_ptr<ServerVault> own_;  // set once, with mutex_
};

}  // namespace warder::vault
