#pragma once

#include "util/clock.h"
#include "vault/audit_devices.h"
#include "vault/provider_notice.h"

#include <chrono>
#include <functional>
#include <optional>
#include <vector>

namespace warder::vault {

struct Answer;
struct Call;

// What a Vault or OpenBao server does that leaves no line in its audit log, asked from time to
// time: whether it is sealed, whether a rekey or the generation of a root token is under way, and
// what became of its audit devices (audit_devices.h). A notice comes when something changed since
// the last look; the first look says nothing, but for what is under way.
//
// What a server does not offer (OpenBao answers 405 to rekey and generate-root) is asked again
// after kNotOffered only, since every refusal is itself two lines of the audit log. So a look is at
// most five requests and one for each audit device. One thread.
class ServerState {
 public:
  static constexpr std::chrono::hours kNotOffered = AuditDevices::kNotOffered;

  using Ask = std::function<Answer(Call)>;
  // `open` asks without a token, `ask` with the session's.
  ServerState(Ask open, Ask ask, AuditDeviceOptions devices, const util::Clock& clock)
      : open_(std::move(open)),
        clock_(clock),
        devices_(std::move(devices), std::move(ask), clock) {}

  std::vector<ProviderNotice> look();

 private:
  // A ceremony for which key shares are handed in.
  struct Ceremony {
    const char* path;
    const char* what;
    std::optional<bool> started = {};
    std::optional<util::MonotonicTime> again = {};  // not offered: when to ask the next time
  };
  void look_at_seal(std::vector<ProviderNotice>& notices);
  void look_at(Ceremony& ceremony, std::vector<ProviderNotice>& notices);

  const Ask open_;
  const util::Clock& clock_;
  std::optional<bool> sealed_;
  Ceremony rekey_{"sys/rekey/init", "a rekey (new unseal keys)"};
  Ceremony recovery_{"sys/rekey-recovery-key/init", "a rekey of the recovery keys"};
  Ceremony root_{"sys/generate-root/attempt", "the generation of a root token"};
  AuditDevices devices_;
};

}  // namespace warder::vault
