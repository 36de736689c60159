#include "vault/leases.h"

#include "http/url.h"
#include "log/secrets.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace warder::vault {
namespace {

using nlohmann::json;
using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::seconds;
using util::Error;
using util::ErrorCode;

// What ends sooner is not given out any more; of a very short lease a tenth.
constexpr milliseconds kTooShort{2000};
// After a vault that was away.
constexpr seconds kRetry{10};
// A lease that may not be looked up is not replaced sooner than this after it was made.
constexpr seconds kMakeAgain{60};
// Of what nobody asked for.
constexpr std::size_t kMostNews = 20;

// Names what is wrong with a path that the configuration gives.
util::Status check_path(std::string_view path) {
  for (const std::string_view part : util::split(path, '/')) {
    if (part.empty() || part == "." || part == "..") {
      return Error(ErrorCode::kInvalid,
                   fmt::format("'/{}' is no path of a vault; write for instance "
                               "vault:/database/creds/ROLE/password",
                               util::printable(path, 128)));
    }
  }
  return {};
}

void forget(const crypto::SecretString& content) {
  const auto parsed = SecretJson::parse(content.view());
  if (!parsed) {
    return;
  }
  for (const json& value : parsed->value()) {
    if (value.is_string()) {
      log::forget_secret(value.get_ref<const std::string&>());
    }
  }
}

}  // namespace

Leases::Leases(Ask ask, Session session, const util::Clock& clock)
    : ask_(std::move(ask)), session_(std::move(session)), clock_(clock) {}

Leases::~Leases() = default;

Document Leases::copy(const Lease& lease) {
  return Document{lease.content.copy(), lease.version, lease.since};
}

void Leases::schedule(Lease* lease, std::uint64_t seconds_left) const {
  const auto now = clock_.monotonic();
  const auto life = duration_cast<milliseconds>(
      seconds(std::min<std::uint64_t>(seconds_left, 10ULL * 365 * 86400)));
  lease->ends = now + life;
  lease->due = now + life * 2 / 3;
  lease->too_short = std::min(kTooShort, life / 10);
}

bool Leases::usable(const Lease& lease) const {
  return lease.session == session_() && clock_.monotonic() + lease.too_short < lease.ends;
}

util::Result<Document> Leases::get(std::string_view path) {
  WARDER_RETURN_IF_ERROR(check_path(path));
  const auto in_memory = [&]() -> LeasePointer {
    const auto found = leases_.find(path);
    return found != leases_.end() && usable(*found->second) ? found->second : nullptr;
  };
  const auto fresh = [&]() -> std::optional<Document> {
    const std::lock_guard lock(mutex_);
    const LeasePointer lease = in_memory();
    return lease && clock_.monotonic() < lease->due ? std::optional(copy(*lease)) : std::nullopt;
  };
  if (auto document = fresh()) {
    return std::move(*document);
  }
  const std::lock_guard asking(asking_);
  LeasePointer lease;
  bool renewable = false;
  {
    const std::lock_guard lock(mutex_);
    lease = in_memory();
    renewable = lease && lease->renewable && clock_.monotonic() >= lease->due;
  }
  if (renewable) {
    renew(lease);
  }
  if (auto document = fresh()) {
    return std::move(*document);
  }
  auto made = make(std::string(path));
  if (made) {
    return made;
  }
  const std::lock_guard lock(mutex_);
  lease = in_memory();
  if (!lease) {
    return made.error().with_context(fmt::format("/{}", shown(path)));
  }
  // They still hold; the vault is asked again in a while.
  lease->due = clock_.monotonic() + kRetry;
  return copy(*lease);
}

util::Result<Document> Leases::make(const std::string& path) {
  Call call;
  call.path = http::percent_encode(path, http::Slashes::kKept);
  // Before the call: should the session change meanwhile, they are made anew once too often.
  std::uint64_t session = session_();
  const Answer answer = ask_(std::move(call));
  if (session == 0) {
    session = session_();  // the first one
  }
  if (!answer.ok()) {
    return answer.error();
  }
  auto lease = std::make_shared<Lease>();
  lease->path = path;
  lease->id = text_member(answer.body.value(), "lease_id");
  if (lease->id.empty() || !answer.data().is_object()) {
    return Error(ErrorCode::kInvalid,
                 "the vault's answer carries no lease, so it is nothing that was made for this "
                 "host; a document is named without the first '/': vault:DOCUMENT/KEY");
  }
  lease->renewable = true_member(answer.body.value(), "renewable");
  lease->content = SecretJson::dump(answer.data());
  lease->session = session;
  lease->since = clock_.now();
  lease->made = clock_.monotonic();
  schedule(lease.get(), number_member(answer.body.value(), "lease_duration"));
  const std::lock_guard lock(mutex_);
  lease->version = ++made_;
  LeasePointer& place = leases_[path];
  if (place) {
    replaced_.push_back(std::move(place));
  }
  place = std::move(lease);
  Document document = copy(*place);
  drop_ended();
  return document;
}

// asking_ is held.
void Leases::renew(const LeasePointer& lease) {
  Call call;
  call.method = http::Method::kPost;
  call.path = "sys/leases/renew";
  call.body = SecretJson(json{{"lease_id", lease->id}}).dump();  // never changes
  call.repeatable = true;
  const Answer answer = ask_(std::move(call));
  const std::lock_guard lock(mutex_);
  const auto now = clock_.monotonic();
  if (answer.ok()) {
    const std::uint64_t life = number_member(answer.body.value(), "lease_duration");
    // At its longest life nothing is added any more: it ends, and new ones are made before.
    lease->renewable = true_member(answer.body.value(), "renewable") &&
                       now + seconds(life) > lease->ends + seconds(1);
    schedule(lease.get(), life);
    return;
  }
  switch (answer.meaning) {
    case Meaning::kBadRequest:
      tell(*lease, "are over before their time, new ones are asked for", answer.text);
      lease->ends = now;
      return;
    case Meaning::kDenied:
      tell(*lease, "cannot be renewed, new ones are asked for instead", answer.text);
      lease->renewable = false;
      return;
    default:
      // Away: again soon, as long as it lasts.
      lease->due = now + kRetry;
  }
}

void Leases::doubt(std::string_view path) {
  const std::lock_guard asking(asking_);
  LeasePointer lease;
  {
    const std::lock_guard lock(mutex_);
    const auto found = leases_.find(path);
    const auto now = clock_.monotonic();
    if (found == leases_.end() || !usable(*found->second)) {
      return;
    }
    lease = found->second;
    if (const auto& doubted = lease->doubted; doubted && now < *doubted + kRetry) {
      return;
    }
    lease->doubted = now;
  }
  Call call;
  call.method = http::Method::kPost;
  call.path = "sys/leases/lookup";
  call.body = SecretJson(json{{"lease_id", lease->id}}).dump();  // never changes
  call.repeatable = true;
  const Answer answer = ask_(std::move(call));
  const std::lock_guard lock(mutex_);
  const auto now = clock_.monotonic();
  if (answer.meaning == Meaning::kBadRequest) {
    tell(*lease, "are over before their time, new ones are asked for", answer.text);
    lease->ends = now;
  } else if (answer.meaning == Meaning::kDenied && now >= lease->made + kMakeAgain) {
    tell(*lease, "were refused and may not be looked up, new ones are asked for", answer.text);
    lease->renewable = false;
    lease->due = now;
  }
}

std::chrono::milliseconds Leases::upkeep(std::chrono::milliseconds longest) {
  std::vector<LeasePointer> due;
  {
    const std::lock_guard lock(mutex_);
    drop_ended();
    for (const auto& [path, lease] : leases_) {
      if (lease->renewable && lease->due <= clock_.monotonic()) {
        due.push_back(lease);
      }
    }
  }
  for (const LeasePointer& lease : due) {
    const std::lock_guard asking(asking_);
    bool still = false;
    {
      const std::lock_guard lock(mutex_);
      still = lease->renewable && lease->due <= clock_.monotonic() && usable(*lease);
    }
    if (still) {
      renew(lease);
    }
  }
  const std::lock_guard lock(mutex_);
  drop_ended();
  auto next = longest;
  for (const auto& [path, lease] : leases_) {
    if (lease->renewable) {
      next = std::clamp(duration_cast<milliseconds>(lease->due - clock_.monotonic()),
                        milliseconds(1), next);
    }
  }
  return next;
}

// mutex_ is held. What the vault ended is of no use to anybody, and no secret any more.
void Leases::drop_ended() {
  const auto ended = [this](const LeasePointer& lease) {
    if (usable(*lease)) {
      return false;
    }
    forget(lease->content);
    return true;
  };
  std::erase_if(leases_, [&](const auto& entry) { return ended(entry.second); });
  std::erase_if(replaced_, ended);
}

void Leases::tell(const Lease& lease, std::string_view what, std::string_view why) {
  if (news_.size() < kMostNews) {
    news_.push_back({model::Severity::kWarning,
                     fmt::format("the credentials of {} {}: {}", shown(lease.path), what, why)});
  }
}

std::vector<ProviderNotice> Leases::news() {
  const std::lock_guard lock(mutex_);
  return std::exchange(news_, {});
}

std::vector<std::string> Leases::held() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> ids;
  const auto add = [&](const Lease& lease) {
    if (clock_.monotonic() < lease.ends) {
      ids.push_back(lease.id);
    }
  };
  for (const auto& [path, lease] : leases_) {
    add(*lease);
  }
  for (const LeasePointer& lease : replaced_) {
    add(*lease);
  }
  return ids;
}

}  // namespace warder::vault
