#include "vault/server_client.h"

#include "http/url.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace warder::vault {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMostAtOnce = 4;
constexpr unsigned kAttempts = 3;
constexpr auto kLargestAnswer = util::mebibytes(4);
// A longer Retry-After is the caller's to wait for.
constexpr std::chrono::seconds kLongestPause{5};

// Another node may do better.
bool is_of_this_node(const Answer& answer) {
  switch (answer.meaning) {
    case Meaning::kUnreachable:
    case Meaning::kSealed:
    case Meaning::kStandby:
    case Meaning::kNoActiveNode:
    case Meaning::kNotInitialised:
      return true;
    default:
      return false;
  }
}

// The same may work in a moment.
bool is_passing(const Answer& answer) {
  switch (answer.meaning) {
    case Meaning::kUnreachable:
      // One that hangs would make the caller wait thrice.
      return answer.code == util::ErrorCode::kUnavailable;
    case Meaning::kBehind:
    case Meaning::kNoActiveNode:
    case Meaning::kServerFault:
      return true;
    case Meaning::kRateLimited:
      return answer.retry_after && *answer.retry_after <= kLongestPause;
    default:
      return false;
  }
}

std::optional<Failure> failure_by(const Answer& answer) {
  switch (answer.meaning) {
    case Meaning::kBehind:
    case Meaning::kStandby:
    case Meaning::kNoActiveNode:
    case Meaning::kRedirected:
      return Failure{Trouble::kPassing};
    case Meaning::kSealed:
    case Meaning::kNotInitialised:
      return Failure{Trouble::kSealed};
    case Meaning::kRateLimited:
      return Failure{Trouble::kThrottled, answer.retry_after};
    case Meaning::kBadToken:
    case Meaning::kDenied:
    case Meaning::kLoginRefused:
      return Failure{Trouble::kRefused};
    case Meaning::kServerFault:
    case Meaning::kNotAVault:
    case Meaning::kSaysNothing:
    case Meaning::kHeaderMissing:
      return Failure{Trouble::kFault};
    case Meaning::kUnreachable:
      return Failure{Trouble::kUnreachable};
    default:
      return std::nullopt;  // an answer
  }
}

Answer unreachable(const util::Error& error) {
  Answer answer;
  answer.meaning = Meaning::kUnreachable;
  answer.code = error.code();
  answer.text = error.message();
  return answer;
}

}  // namespace

// A client taken from the pool for one call.
class ServerClient::Slot {
 public:
  explicit Slot(ServerClient* pool) : pool_(pool) {
    std::unique_lock lock(pool->mutex_);
    pool->changed_.wait(lock, [&] {
      return pool->stopped_ || !pool->idle_.empty() || pool->all_.size() < kMostAtOnce;
    });
    if (pool->stopped_) {
      return;
    }
    if (pool->idle_.empty()) {
      client_ = std::make_unique<http::Client>(pool->client_options());
      pool->all_.push_back(client_.get());
    } else {
      client_ = std::move(pool->idle_.back());
      pool->idle_.pop_back();
    }
  }
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  ~Slot() {
    if (client_) {
      const std::lock_guard lock(pool_->mutex_);
      pool_->idle_.push_back(std::move(client_));
      pool_->changed_.notify_all();
    }
  }
  // Null: stopped.
  http::Client* client() const { return client_.get(); }

 private:
  ServerClient* pool_;
  std::unique_ptr<http::Client> client_;
};

ServerClient::ServerClient(ServerConnection options, const util::Clock& clock,
                           std::uint64_t jitter_seed)
    : options_(std::move(options)), clock_(clock), jitter_(jitter_seed) {}

ServerClient::~ServerClient() = default;

http::ClientOptions ServerClient::client_options() const {
  http::ClientOptions options;
  options.ca_file = options_.ca_file;
  options.ca_folder = options_.ca_folder;
  options.client_certificate = options_.client_certificate;
  options.client_key = options_.client_key;
  options.verify = options_.verify;
  options.unix_socket = options_.socket;
  return options;
}

Answer ServerClient::perform(const Call& call) {
  const unsigned attempts = call.repeatable ? kAttempts : 1;
  for (unsigned done = 1;; ++done) {
    Answer answer = attempt(call);
    if (answer.ok() || done >= attempts || !is_passing(answer) || !wait(pause(done, answer))) {
      const std::lock_guard lock(mutex_);
      failure_ = failure_by(answer);
      return answer;
    }
  }
}

std::optional<Failure> ServerClient::last_failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

// All nodes once, beginning with the one that answered last.
Answer ServerClient::attempt(const Call& call) {
  const Slot slot(this);
  if (slot.client() == nullptr) {
    return unreachable(util::Error(util::ErrorCode::kUnavailable,
                                   "the vault is not asked because the agent stops"));
  }
  const std::size_t nodes = options_.addresses.size();
  const std::size_t first = node_;
  Answer answer = exchange(slot.client(), call, first);
  if (answer.meaning == Meaning::kRedirected) {
    const auto target = http::parse_target(answer.location);
    for (std::size_t i = 0; i < nodes && target; ++i) {
      if (i != first && http::parse_target(options_.addresses[i]) == target) {
        node_ = i;
        return exchange(slot.client(), call, i);
      }
    }
    return answer;
  }
  // A write that got no answer may have happened: only what may happen twice goes to another node.
  for (std::size_t step = 1; step < nodes && is_of_this_node(answer) &&
                             (call.repeatable || answer.meaning != Meaning::kUnreachable);
       ++step) {
    const std::size_t next = (first + step) % nodes;
    Answer other = exchange(slot.client(), call, next);
    if (!is_of_this_node(other)) {
      node_ = next;
      return other;
    }
  }
  return answer;
}

Answer ServerClient::exchange(http::Client* client, const Call& call, std::size_t node) {
  const std::string& address = options_.addresses[node];
  const auto target = http::parse_target(address);
  const std::string where = !options_.socket.empty()
                                ? options_.socket.string()
                                : (target ? target->to_string() : std::string("(no address)"));
  http::Request request;
  request.method = call.method;
  const std::string url =
      fmt::format("{}/v1/{}{}{}", address, call.path, call.query.empty() ? "" : "?", call.query);
  request.url = url;
  // Against being tricked into a request by somebody else's page (a proxy may insist on it).
  request.headers.push_back({"X-Vault-Request", "true"});
  if (!call.token.empty()) {
    request.headers.push_back({"X-Vault-Token", call.token});
  }
  if (!options_.name_space.empty()) {
    request.headers.push_back({"X-Vault-Namespace", options_.name_space});
  }
  const std::string wrap = fmt::format("{}", call.wrap.count());
  if (call.wrap.count() != 0) {
    request.headers.push_back({"X-Vault-Wrap-TTL", wrap});
  }
  if (!call.body.empty()) {
    request.headers.push_back(
        {"Content-Type", call.merge_patch ? "application/merge-patch+json" : "application/json"});
  }
  request.body = call.body.view();
  request.once = !call.repeatable;
  request.timeout = options_.timeout;
  request.response_limit = kLargestAnswer;
  auto response = client->perform(request);
  if (!response) {
    return unreachable(response.error());
  }
  Asked asked;
  asked.path = call.path;
  asked.login = call.login;
  asked.health = call.health;
  return read_answer(std::move(*response), asked, where, clock_.now());
}

milliseconds ServerClient::pause(unsigned attempt, const Answer& answer) {
  if (answer.retry_after && *answer.retry_after <= kLongestPause) {
    return *answer.retry_after;
  }
  const std::lock_guard lock(mutex_);
  // Linear congruential steps are random enough to spread hosts (Knuth, MMIX).
  jitter_ = jitter_ * 6364136223846793005U + 1442695040888963407U;
  const auto base = options_.retry_wait * attempt;
  const auto half = static_cast<std::uint64_t>(base.count() / 2);
  return base + milliseconds(half == 0 ? 0 : (jitter_ >> 20U) % (half + 1));
}

bool ServerClient::wait(milliseconds time) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, time, [this] { return stopped_; });
}

void ServerClient::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  for (http::Client* const client : all_) {
    client->cancel();
  }
  changed_.notify_all();
}

}  // namespace warder::vault
