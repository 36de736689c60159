#pragma once

#include "oci/credentials.h"
#include "util/clock.h"
#include "util/result.h"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace warder::oci {

// A session token beside a key, as `oci session authenticate` makes them: both are files that
// another program may rewrite at any time, so they are read again whenever one of them changed. A
// token lives 5 to 60 minutes; at half of its life it is exchanged for a newer one, until the
// session itself ends and only its user can begin another.
//
// A newer token is put into the file, too (a restart would otherwise begin with an old one), if
// the file belongs to this process's user and still holds the token that was exchanged; else it is
// kept in memory alone.
class SecurityToken : public Credentials {
 public:
  // Asks the token service for a newer token, signed by `identity`, which is that of `token`.
  // kDenied: the session is over, asking again is of no use.
  using Refresh =
      std::function<util::Result<std::string>(const Identity& identity, std::string_view token)>;

  // Reads both files. `clock` must outlive it. kNotFound, kDenied, kInvalid with the file's name.
  static util::Result<std::unique_ptr<SecurityToken>> create(Profile profile, Refresh refresh,
                                                             const util::Clock& clock);

  util::Result<Identity> current() override;
  util::Result<bool> renew() override;
  std::string_view kind() const override { return "security token"; }
  std::string tenancy() const override { return profile_.tenancy; }

 private:
  // What tells that a file was rewritten: device, inode, size and time of change of both.
  using Stamp = std::array<std::int64_t, 8>;

  SecurityToken(Profile profile, Refresh refresh, const util::Clock& clock)
      : profile_(std::move(profile)), refresh_(std::move(refresh)), clock_(clock) {}
  Stamp stamp() const;
  // All with mutex_.
  util::Status load();
  util::Status use(std::string_view token);
  util::Status exchange();
  void keep(std::string_view old_token);

  const Profile profile_;
  const Refresh refresh_;
  const util::Clock& clock_;
  std::mutex mutex_;
  Identity identity_;  // guarded by mutex_, as all below
  std::string token_;  // of identity_
  Stamp read_{};       // of the files when they were read
  util::WallTime renew_at_{};
  util::WallTime ends_{};
  std::string trouble_;  // why it was not exchanged
};

}  // namespace warder::oci
