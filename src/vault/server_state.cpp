#include "vault/server_state.h"

#include "vault/server_client.h"

#include <fmt/core.h>

namespace warder::vault {
namespace {

using model::Severity;

Call reading(const char* path) {
  Call call;
  call.path = path;
  return call;
}

}  // namespace

std::vector<ProviderNotice> ServerState::look() {
  std::vector<ProviderNotice> notices;
  look_at_seal(notices);
  if (sealed_.value_or(true)) {
    return notices;  // nothing else answers
  }
  look_at(rekey_, notices);
  look_at(recovery_, notices);
  look_at(root_, notices);
  devices_.look(notices);
  return notices;
}

void ServerState::look_at_seal(std::vector<ProviderNotice>& notices) {
  const Answer answer = open_(reading("sys/seal-status"));
  if (!answer.ok() && answer.meaning != Meaning::kSealed) {
    return;  // away: that is told by whoever reads documents
  }
  const bool sealed = !answer.ok() || true_member(answer.body.value(), "sealed");
  if (sealed_ && *sealed_ != sealed) {
    notices.push_back(
        sealed ? ProviderNotice{Severity::kCritical,
                                "the vault is sealed: nobody gets a secret until it is unsealed; "
                                "look in its audit log for sys/seal and at the server itself"}
               : ProviderNotice{Severity::kHigh, "the vault was unsealed"});
  }
  sealed_ = sealed;
}

void ServerState::look_at(Ceremony& ceremony, std::vector<ProviderNotice>& notices) {
  if (ceremony.again && clock_.monotonic() < *ceremony.again) {
    return;
  }
  ceremony.again.reset();
  const Answer answer = open_(reading(ceremony.path));
  if (!answer.ok()) {
    if (answer.status >= 400 && answer.status < 500) {
      ceremony.again = clock_.monotonic() + kNotOffered;
    }
    return;
  }
  const bool started = true_member(answer.body.value(), "started");
  if (started && !ceremony.started.value_or(false)) {
    notices.push_back(
        {Severity::kCritical,
         fmt::format(
             "{} is under way ({} of {} key shares given): if nobody of yours does that, "
             "cancel it (DELETE {}) and seal the vault",
             ceremony.what, number_member(answer.body.value(), "progress"),
             number_member(answer.body.value(), ceremony.path == root_.path ? "required" : "t"),
             ceremony.path)});
  } else if (!started && ceremony.started.value_or(false)) {
    notices.push_back({Severity::kHigh, fmt::format("{} has ended", ceremony.what)});
  }
  ceremony.started = started;
}

}  // namespace warder::vault
