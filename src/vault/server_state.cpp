#include "vault/server_state.h"

#include "vault/server_client.h"

#include <fmt/core.h>

#include <algorithm>

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
  look_at_devices(notices);
  return notices;
}

bool ServerState::may_ask(std::optional<util::MonotonicTime>& again) const {
  if (again && clock_.monotonic() < *again) {
    return false;
  }
  again.reset();
  return true;
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
  if (!may_ask(ceremony.again)) {
    return;
  }
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

void ServerState::look_at_devices(std::vector<ProviderNotice>& notices) {
  if (!may_ask(devices_again_)) {
    return;
  }
  const Answer answer = ask_(reading("sys/audit"));
  if (!answer.ok()) {
    if (answer.status >= 400 && answer.status < 500) {
      devices_again_ = clock_.monotonic() + kNotOffered;
    }
    return;
  }
  std::vector<std::string> devices;
  const nlohmann::json& data = answer.data();
  if (data.is_object()) {
    for (const auto& [name, device] : data.items()) {
      devices.push_back(shown(name));
    }
  }
  std::sort(devices.begin(), devices.end());
  if (devices_) {
    for (const std::string& name : *devices_) {
      if (!std::binary_search(devices.begin(), devices.end(), name)) {
        notices.push_back({Severity::kCritical,
                           fmt::format("the vault's audit device {} is gone: what it would have "
                                       "written is written nowhere",
                                       name)});
      }
    }
    for (const std::string& name : devices) {
      if (!std::binary_search(devices_->begin(), devices_->end(), name)) {
        notices.push_back(
            {Severity::kHigh, fmt::format("the vault has a new audit device {}", name)});
      }
    }
  } else if (devices.empty()) {
    notices.push_back(
        {Severity::kHigh, "the vault has no audit device: what is done there is written nowhere"});
  }
  devices_ = std::move(devices);
}

}  // namespace warder::vault
