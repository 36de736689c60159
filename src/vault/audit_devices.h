#pragma once

#include "crypto/secret.h"
#include "util/clock.h"
#include "util/result.h"
#include "vault/provider_notice.h"

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace warder::vault {

struct Answer;
struct Call;

struct AuditDeviceOptions {
  // [vault] audit_devices, "file": looked at besides those that sys/audit lists.
  std::vector<std::string> named = {};
  // Which vault that is ("https://vault:8200"): what was seen at another one counts for nothing.
  std::string vault = {};
  // Where what was seen is kept over a restart, sealed with `key`; empty: nowhere.
  std::filesystem::path file = {};
  crypto::SecretString key = {};
};

// The audit devices of a Vault or OpenBao server: which there are (sys/audit, needs sudo), and
// whether each is still the one it was. A device has a salt of its own that it keeps as long as it
// lives, so sys/audit-hash of a constant (needs `update` on it) gives another hash once somebody
// removed the device and made it anew, also between two looks. Where neither may be asked, or a
// hash of a device may not, that is told once and asked again after kNotOffered only, since every
// refusal is two lines of the audit log.
//
// The first look ever says nothing but what is wrong already. One thread.
class AuditDevices {
 public:
  static constexpr std::chrono::hours kNotOffered{6};
  // Of which the hash is asked, in the order of their names.
  static constexpr std::size_t kMostAsked = 16;

  using Ask = std::function<Answer(Call)>;
  // `clock` must outlive it.
  AuditDevices(AuditDeviceOptions options, Ask ask, const util::Clock& clock);

  void look(std::vector<ProviderNotice>& notices);

 private:
  struct Device {
    std::string hash = {};  // of the constant; empty: not known
    bool told = false;      // that it cannot be asked about, or is not there
    std::optional<util::MonotonicTime> again = {};  // refused: when to ask the next time
  };
  using Names = std::set<std::string, std::less<>>;

  // False: it may not or could not be asked now.
  bool look_at_list(std::vector<ProviderNotice>& notices);
  void compare(const Names& listed, std::vector<ProviderNotice>& notices);
  void look_at_hash(const std::string& name, bool listed, std::vector<ProviderNotice>& notices);
  void not_there(const std::string& name, Device& device, bool listed,
                 std::vector<ProviderNotice>& notices);
  bool may_ask(std::optional<util::MonotonicTime>& again) const;
  std::string text() const;
  void read(std::string_view text);
  util::Status load();
  util::Status save(const std::string& text) const;

  const AuditDeviceOptions options_;
  const Ask ask_;
  const util::Clock& clock_;
  bool loaded_ = false;
  std::string saved_;
  bool told_unsaved_ = false;
  std::optional<Names> listed_;  // with '/' at their ends, as sys/audit has them
  std::map<std::string, Device, std::less<>> devices_;
  bool told_nothing_seen_ = false;
  std::optional<util::MonotonicTime> list_again_;
};

}  // namespace warder::vault
