#pragma once

#include "crypto/secret.h"
#include "util/clock.h"
#include "util/result.h"
#include "vault/provider.h"
#include "vault/provider_notice.h"
#include "vault/server_client.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace warder::vault {

// Credentials that the vault makes for us (database/creds/ROLE) and that end with their lease.
// Whoever wants them asks get() each time: it answers from memory, renews at two thirds of a
// lease's time, and asks for new ones where a lease cannot be renewed any further, or soon cannot:
// not renewable, its longest life reached, revoked, no right to renew, made by a session that
// ended. The old ones then still have a third of their time, which is for work that has begun with
// them. A vault that is away costs nothing as long as the lease lasts.
//
// In memory only: after a crash the vault's own clock ends them. Thread safe: one call to the vault
// at a time, while others are answered from memory. `clock` must outlive it.
class Leases {
 public:
  using Ask = std::function<Answer(Call)>;
  // A number that is another one after each login: leases end with the session that made them.
  using Session = std::function<std::uint64_t()>;

  Leases(Ask ask, Session session, const util::Clock& clock);
  ~Leases();
  Leases(const Leases&) = delete;
  Leases& operator=(const Leases&) = delete;

  // What the path answers in `data` ({"username": ..., "password": ...}); the version counts the
  // times that new ones were made. kInvalid: the path's answer carries no lease.
  util::Result<Document> get(std::string_view path);
  // Somebody was refused with what get() gave for the path: the vault is asked whether the lease
  // still stands (sys/leases/lookup). If not, the next get() asks for new credentials, and it is
  // told. Where the question itself is denied, they are made anew when they are older than a
  // minute. Asked once in ten seconds for a lease, so that a receiver that refuses everybody costs
  // no more.
  void doubt(std::string_view path);
  // Renews what is due and forgets what ended; call it again after what it gives, at most
  // `longest`.
  std::chrono::milliseconds upkeep(std::chrono::milliseconds longest);
  // What happened since the last call that an operator should know.
  std::vector<ProviderNotice> news();
  // The ids of the leases that have not ended, also of those that were replaced: to be given back.
  std::vector<std::string> held() const;

 private:
  struct Lease {
    std::string path;
    std::string id;
    crypto::SecretString content;
    std::uint64_t session = 0;
    std::uint64_t version = 0;
    util::WallTime since{};
    util::MonotonicTime ends{};
    util::MonotonicTime due{};  // to be renewed, or replaced at the next get()
    util::MonotonicTime made{};
    std::optional<util::MonotonicTime> doubted;  // when it was looked up last
    std::chrono::milliseconds too_short{0};
    bool renewable = false;
  };
  using LeasePointer = std::shared_ptr<Lease>;

  static Document copy(const Lease& lease);
  void schedule(Lease* lease, std::uint64_t seconds) const;
  bool usable(const Lease& lease) const;
  void renew(const LeasePointer& lease);
  util::Result<Document> make(const std::string& path);
  void drop_ended();
  void tell(const Lease& lease, std::string_view what, std::string_view why);

  const Ask ask_;
  const Session session_;
  const util::Clock& clock_;
  // Held over a call to the vault: whoever else wants the same waits for its outcome instead of
  // making more. Taken before mutex_.
  std::mutex asking_;
  mutable std::mutex mutex_;
  std::map<std::string, LeasePointer, std::less<>>
      leases_;                          // by path; guarded by mutex_, as what they hold
  std::vector<LeasePointer> replaced_;  // guarded by mutex_
  std::vector<ProviderNotice> news_;    // guarded by mutex_
  std::uint64_t made_ = 0;              // guarded by mutex_
};

}  // namespace warder::vault
