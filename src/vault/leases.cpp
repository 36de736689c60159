#include "vault/leases.h"

#include "http/url.h"
#include "log/log.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace warder::vault {
namespace {

using nlohmann::json;
using util::Error;
using util::ErrorCode;

// What ends sooner is not given out any more.
constexpr std::chrono::seconds kTooShort{2};

}  // namespace

Leases::~Leases() {
  if (const util::Status given_back = revoke_all(); !given_back) {
    log::info("vault: leases run out by themselves: {}", given_back.error().message());
  }
}

void Leases::schedule(Lease* lease, std::uint64_t seconds) const {
  const auto now = clock_.monotonic();
  const auto life = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::seconds(std::min<std::uint64_t>(seconds, 10ULL * 365 * 86400)));
  lease->ends = now + life;
  lease->renew_at = now + life * 2 / 3;
}

util::Result<crypto::SecretString> Leases::credentials(std::string_view path,
                                                       std::string_view body) {
  // Held over the call: whoever else wants them waits for these instead of making more.
  const std::lock_guard lock(mutex_);
  const auto found = leases_.find(path);
  if (found != leases_.end() && clock_.monotonic() + kTooShort < found->second.ends) {
    return found->second.content.copy();
  }
  Call call;
  call.path = http::percent_encode(path, http::Slashes::kKept);
  if (!body.empty()) {
    call.method = http::Method::kPost;
    call.body = crypto::SecretString(body);
  }
  const Answer answer = vault_.ask(std::move(call));
  if (!answer.ok()) {
    return answer.error();
  }
  Lease lease;
  lease.id = text_member(answer.body.value(), "lease_id");
  if (lease.id.empty() || !answer.data().is_object()) {
    return Error(ErrorCode::kInvalid,
                 fmt::format("{}: the vault's answer is no credentials with a lease", shown(path)));
  }
  lease.renewable = true_member(answer.body.value(), "renewable");
  lease.content = SecretJson::dump(answer.data());
  for (const json& value : answer.data()) {
    if (value.is_string()) {
      log::register_secret(value.get_ref<const std::string&>());
    }
  }
  schedule(&lease, number_member(answer.body.value(), "lease_duration"));
  crypto::SecretString content = lease.content.copy();
  leases_.insert_or_assign(std::string(path), std::move(lease));
  return content;
}

std::chrono::milliseconds Leases::upkeep(std::chrono::milliseconds longest) {
  const std::lock_guard lock(mutex_);
  auto next = longest;
  for (auto at = leases_.begin(); at != leases_.end();) {
    Lease& lease = at->second;
    const auto now = clock_.monotonic();
    if (now >= lease.renew_at && lease.renewable && now < lease.ends) {
      Call call;
      call.method = http::Method::kPost;
      call.path = "sys/leases/renew";
      call.body = SecretJson(json{{"lease_id", lease.id}}).dump();
      call.repeatable = true;
      const Answer answer = vault_.ask(std::move(call));
      if (answer.ok()) {
        const std::uint64_t life = number_member(answer.body.value(), "lease_duration");
        // At its longest life nothing is added any more: it ends, and new ones are made.
        lease.renewable = now + std::chrono::seconds(life) > lease.ends + std::chrono::seconds(1);
        schedule(&lease, life);
      } else if (answer.code == ErrorCode::kInvalid || answer.code == ErrorCode::kNotFound) {
        log::warning("vault: credentials of {} are over before their time: {}", at->first,
                     answer.text);
        lease.ends = now;
      } else {
        // Away: again soon, as long as it lasts.
        lease.renew_at = now + std::chrono::seconds(10);
      }
    }
    if (now >= lease.ends) {
      at = leases_.erase(at);
      continue;
    }
    if (lease.renewable) {
      next = std::min(
          next,
          std::max(std::chrono::milliseconds(1),
                   std::chrono::duration_cast<std::chrono::milliseconds>(lease.renew_at - now)));
    }
    ++at;
  }
  return next;
}

std::size_t Leases::held() const {
  const std::lock_guard lock(mutex_);
  return leases_.size();
}

util::Status Leases::revoke_all() {
  const std::lock_guard lock(mutex_);
  while (!leases_.empty()) {
    Call call;
    call.method = http::Method::kPost;
    call.path = "sys/leases/revoke";
    call.body = SecretJson(json{{"lease_id", leases_.begin()->second.id}}).dump();
    call.repeatable = true;
    const Answer answer = vault_.ask(std::move(call));
    if (!answer.ok() && answer.meaning != Meaning::kBadRequest) {
      return answer.error();
    }
    leases_.erase(leases_.begin());
  }
  return {};
}

}  // namespace warder::vault
