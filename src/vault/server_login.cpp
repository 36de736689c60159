#include "vault/server_login.h"

#include "http/url.h"
#include "log/log.h"
#include "util/file.h"
#include "util/strings.h"
#include "vault/own_error.h"
#include "vault/private_file.h"
#include "vault/sealed.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace warder::vault {
namespace {

using crypto::SecretString;
using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using util::Error;
using util::ErrorCode;

constexpr std::string_view kMagic = "WRDRSCID";
constexpr std::string_view kKeptName = "secret-id";
constexpr util::ByteCount kLargestKept = util::kibibytes(64);
// A token that ends within this, or within a tenth of its life, is not worth sending.
constexpr seconds kTooShort{1};
// What the end of the agent waits for the vault.
constexpr seconds kEndLimit{2};

// {"name":"secret",...}: the members' order is the order given. Wiped.
SecretString body_of(std::initializer_list<std::pair<std::string_view, std::string_view>> members) {
  json body = json::object();
  for (const auto& [name, value] : members) {
    body[std::string(name)] = std::string(value);
  }
  return SecretJson(std::move(body)).dump();
}

SecretString secret_member(const json& object, std::string_view name) {
  std::string text = text_member(object, name);
  return SecretString::take(std::move(text));
}

}  // namespace

ServerLogin::ServerLogin(ServerClient& client, LoginOptions options, SecretString keep_key,
                         const util::Clock& clock, std::uint64_t jitter_seed)
    : client_(client),
      options_(std::move(options)),
      keep_key_(std::move(keep_key)),
      clock_(clock),
      login_backoff_(seconds(10), seconds(300), jitter_seed),
      renew_backoff_(seconds(10), seconds(300), jitter_seed + 1),
      jitter_(jitter_seed) {}

ServerLogin::~ServerLogin() = default;

std::string_view ServerLogin::method_name() const {
  switch (options_.method) {
    case LoginMethod::kToken:
      return "token";
    case LoginMethod::kAppRole:
      return "approle";
    case LoginMethod::kKubernetes:
      return "kubernetes";
    case LoginMethod::kUserpass:
      return "userpass";
    case LoginMethod::kCertificate:
      return "cert";
    case LoginMethod::kProxy:
      return "proxy";
  }
  return "token";
}

util::Result<SecretString> ServerLogin::token() {
  if (options_.method == LoginMethod::kProxy) {
    return SecretString();
  }
  const std::lock_guard lock(mutex_);
  if (ended_) {
    return Error(ErrorCode::kUnavailable, "the vault is not asked because the agent stops");
  }
  const auto now = clock_.monotonic();
  if (!token_.empty() && ends_ && now + too_short_ >= *ends_) {
    token_ = SecretString();
  }
  if (token_.empty()) {
    if (hold_until_ && now < *hold_until_) {
      return *hold_error_;
    }
    bool own = true;
    if (const util::Status in = log_in(&own); !in) {
      // What is missing or wrong here must not read like a document that is.
      const Error failure = own_error(in.error());
      if (in.error().code() == ErrorCode::kDenied || in.error().code() == ErrorCode::kInvalid) {
        hold_until_ = now + login_backoff_.next();
        hold_error_ = failure;
      }
      return failure;
    }
    login_backoff_.reset();
    hold_until_.reset();
  } else if (renew_at_ && now >= *renew_at_) {
    renew();
  }
  return token_.copy();
}

bool ServerLogin::refused(const SecretString& token) {
  const std::lock_guard lock(mutex_);
  if (options_.method == LoginMethod::kProxy) {
    return false;
  }
  if (!(token_ == token)) {
    return true;
  }
  if (options_.method == LoginMethod::kToken) {
    // The file may hold a newer one.
    auto given = options_.secret();
    if (!given || *given == token) {
      return false;
    }
  }
  token_ = SecretString();
  return true;
}

bool ServerLogin::is_good(const SecretString& token) {
  if (token.empty()) {
    return true;
  }
  Call call;
  call.path = "auth/token/lookup-self";
  call.token = token.view();
  call.repeatable = true;
  const Meaning meaning = client_.perform(call).meaning;
  return meaning != Meaning::kDenied && meaning != Meaning::kBadToken;
}

util::Status ServerLogin::log_in(bool* own) {
  if (options_.method == LoginMethod::kToken) {
    *own = false;
    return adopt_given_token();
  }
  auto call = login_call();
  if (!call) {
    return call.error().with_context(fmt::format("logging in at the vault by {}", method_name()));
  }
  const Answer answer = client_.perform(*call);
  if (!answer.ok()) {
    // A SecretID that was kept may have run out: the next delivery is taken then.
    if (answer.meaning == Meaning::kLoginRefused && options_.wrapped) {
      secret_id_ = SecretString();
    }
    return answer.error();
  }
  const json& auth = member(answer.body.value(), "auth");
  if (member(auth, "mfa_requirement").is_object()) {
    return Error(ErrorCode::kInvalid,
                 fmt::format("the vault wants a second factor from {}, which an agent cannot give; "
                             "exempt this identity, or use AppRole",
                             method_name()));
  }
  SecretString token = secret_member(auth, "client_token");
  if (const std::string said = text_member(answer.data(), "error");
      token.empty() && !said.empty()) {
    return Error(ErrorCode::kDenied,  // RustyVault's way, with status 200
                 fmt::format("the vault refuses the login; check the credentials (the server says: "
                             "{})",
                             shown(said)));
  }
  if (token.empty()) {
    return Error(ErrorCode::kInvalid,
                 "the vault's answer to the login holds no token; is address of [vault] "
                 "(VAULT_ADDR) a vault?");
  }
  use(auth, std::move(token), true);
  schedule(number_member(auth, "lease_duration"), true_member(auth, "renewable"));
  return {};
}

util::Status ServerLogin::adopt_given_token() {
  WARDER_ASSIGN_OR_RETURN(SecretString token, options_.secret());
  Call call;
  call.path = "auth/token/lookup-self";
  call.token = token.view();
  call.repeatable = true;
  const Answer answer = client_.perform(call);
  if (answer.meaning == Meaning::kBadToken) {
    return Error(ErrorCode::kDenied, bad_token_text(client_.options().addresses.front()));
  }
  if (!answer.ok() && answer.meaning != Meaning::kDenied) {
    return answer.error();
  }
  // A token without the policy `default` may not even look at itself: its use will tell.
  use(answer.data(), std::move(token), false);
  schedule(number_member(answer.data(), "ttl"), true_member(answer.data(), "renewable"));
  return {};
}

void ServerLogin::use(const json& auth, SecretString token, bool own) {
  log::register_secret(token.view());
  token_ = std::move(token);
  ++sessions_;
  own_ = own;
  policies_.clear();
  const json& policies = member(auth, "policies");
  for (const json& policy : policies.is_array() ? policies : json::array()) {
    if (policy.is_string()) {
      policies_ += (policies_.empty() ? "" : ", ") + shown(policy.get<std::string>());
    }
  }
  name_ = shown(text_member(auth, "display_name"));
  if (name_.empty()) {
    name_ = shown(text_member(member(auth, "metadata"), "role_name"));
  }
}

// Grace of 10 to 20 % of the life; renewed after two thirds of the rest and a third of the grace,
// which is the schedule of the vault's own tools.
void ServerLogin::schedule(std::uint64_t lease_seconds, bool renewable) {
  renew_at_.reset();
  ends_.reset();
  ends_wall_.reset();
  renewable_ = renewable;
  renew_backoff_.reset();
  if (lease_seconds == 0) {
    return;
  }
  const auto now = clock_.monotonic();
  const seconds life(std::min<std::uint64_t>(lease_seconds, 10ULL * 365 * 86400));
  ends_ = now + life;
  too_short_ = std::min<milliseconds>(kTooShort, milliseconds(life) / 10);
  ends_wall_ = clock_.now() + life;
  jitter_ = jitter_ * 6364136223846793005U + 1442695040888963407U;
  const auto full = std::chrono::duration_cast<milliseconds>(life);
  const auto grace = full / 10 + milliseconds((jitter_ >> 20U) %
                                              (static_cast<std::uint64_t>(full.count()) / 10 + 1));
  renew_at_ = now + full * 2 / 3 + grace / 3;
}

void ServerLogin::renew() {
  const auto now = clock_.monotonic();
  const milliseconds left =
      ends_ ? std::chrono::duration_cast<milliseconds>(*ends_ - now) : milliseconds(0);
  Error failure(ErrorCode::kDenied, "the token cannot be renewed");
  if (renewable_) {
    Call call;
    call.method = http::Method::kPost;
    call.path = "auth/token/renew-self";
    call.body = SecretString("{}");
    call.token = token_.view();
    call.repeatable = true;
    const Answer answer = client_.perform(call);
    if (answer.ok()) {
      const json& auth = member(answer.body.value(), "auth");
      const std::uint64_t life = number_member(auth, "lease_duration");
      // Near its longest life a renewal gives no more time than was left: a new login must come.
      const bool longer = seconds(life) > left + seconds(1);
      if (longer || options_.method == LoginMethod::kToken) {
        schedule(life, longer && true_member(auth, "renewable"));
        return;
      }
    } else {
      failure = answer.error();
      if (answer.meaning != Meaning::kDenied && answer.meaning != Meaning::kBadToken &&
          answer.meaning != Meaning::kBadRequest) {
        // Away for now: the token is still good, so go on with it and try again.
        renew_at_ = now + renew_backoff_.next();
        return;
      }
    }
  }
  if (options_.method == LoginMethod::kToken) {
    renewable_ = false;
    renew_at_.reset();
    log::warning(
        "vault: the token that was given cannot be renewed any further: {}; give a new one",
        failure.message());
    return;
  }
  SecretString old = token_.copy();
  bool own = true;
  if (const util::Status in = log_in(&own); !in) {
    renew_at_ = now + renew_backoff_.next();
    log::warning("vault: {}; the running session is used until it ends", in.error().message());
    return;
  }
  Call revoke;
  revoke.method = http::Method::kPost;
  revoke.path = "auth/token/revoke-self";
  revoke.token = old.view();
  // It would end by itself anyway.
  (void)client_.perform(revoke);
}

util::Result<Call> ServerLogin::login_call() {
  Call call;
  call.method = http::Method::kPost;
  call.login = true;
  call.path = "auth/" + http::percent_encode(options_.mount, http::Slashes::kKept) + "/login";
  switch (options_.method) {
    case LoginMethod::kAppRole: {
      WARDER_ASSIGN_OR_RETURN(const SecretString id, secret_id());
      call.body = body_of({{"role_id", options_.name}, {"secret_id", id.view()}});
      return call;
    }
    case LoginMethod::kKubernetes: {
      // Read anew each time: the projected token is replaced before it expires.
      WARDER_ASSIGN_OR_RETURN(const SecretString jwt, options_.secret());
      call.body = body_of({{"role", options_.name}, {"jwt", jwt.view()}});
      return call;
    }
    case LoginMethod::kUserpass: {
      WARDER_ASSIGN_OR_RETURN(const SecretString password, options_.secret());
      call.path += "/" + http::percent_encode(options_.name);
      call.body = body_of({{"password", password.view()}});
      return call;
    }
    case LoginMethod::kCertificate:
      call.body = options_.name.empty() ? SecretString("{}") : body_of({{"name", options_.name}});
      return call;
    case LoginMethod::kToken:
    case LoginMethod::kProxy:
      break;
  }
  return Error(ErrorCode::kInternal, "this method has no login");
}

util::Result<SecretString> ServerLogin::secret_id() {
  if (!options_.wrapped) {
    return options_.secret();
  }
  // A new delivery goes before what is kept.
  auto wrapping = options_.secret();
  if (wrapping) {
    WARDER_ASSIGN_OR_RETURN(SecretString id, unwrap(*wrapping));
    log::register_secret(id.view());
    secret_id_ = std::move(id);
    if (const util::Status saved = keep(secret_id_); !saved) {
      log::warning("vault: the SecretID could not be kept for after a restart: {}",
                   saved.error().message());
    }
    if (options_.delivered) {
      options_.delivered();
    }
    return secret_id_.copy();
  }
  if (!secret_id_.empty()) {
    return secret_id_.copy();
  }
  auto earlier = kept();
  if (!earlier && earlier.error().code() == ErrorCode::kNotFound) {
    return wrapping.error();
  }
  return earlier;
}

util::Result<SecretString> ServerLogin::unwrap(const SecretString& wrapping) {
  Call lookup;
  lookup.method = http::Method::kPost;
  lookup.path = "sys/wrapping/lookup";
  lookup.body = body_of({{"token", wrapping.view()}});
  const Answer about = client_.perform(lookup);
  if (!about.ok()) {
    return about.error();
  }
  const std::string path = text_member(about.data(), "creation_path");
  const std::string before = "auth/" + options_.mount + "/role/";
  const std::string_view after = "/secret-id";
  const bool expected = !options_.wrapped_path.empty()
                            ? path == options_.wrapped_path
                            : path.starts_with(before) && path.ends_with(after) &&
                                  path.size() > before.size() + after.size() &&
                                  path.find('/', before.size()) == path.size() - after.size();
  if (!expected) {
    return Error(ErrorCode::kDenied,
                 fmt::format("the wrapping token was made for {}, not for a SecretID of auth/{}: "
                             "somebody else may have put it there; find out who delivered it",
                             shown(path), options_.mount));
  }
  Call open;
  open.method = http::Method::kPost;
  open.path = "sys/wrapping/unwrap";
  open.token = wrapping.view();
  const Answer answer = client_.perform(open);
  if (!answer.ok()) {
    return answer.error();
  }
  SecretString id = secret_member(answer.data(), "secret_id");
  if (id.empty()) {
    return Error(ErrorCode::kInvalid, "the wrapping token held no SecretID");
  }
  return id;
}

util::Status ServerLogin::keep(const SecretString& secret_id) const {
  if (options_.keep_file.empty()) {
    return {};
  }
  WARDER_ASSIGN_OR_RETURN(const util::Bytes sealed,
                          seal(kMagic, keep_key_, 1, kKeptName, secret_id.bytes()));
  return util::write_file_atomically(options_.keep_file, util::as_text(sealed), 0600);
}

util::Result<SecretString> ServerLogin::kept() const {
  if (options_.keep_file.empty()) {
    return Error(ErrorCode::kNotFound, "no SecretID is kept");
  }
  WARDER_ASSIGN_OR_RETURN(
      const PrivateFile file,
      read_private_file(options_.keep_file, "the kept SecretID", kNobodyElseReads, kLargestKept));
  auto opened = unseal(kMagic, keep_key_, kKeptName, file.content.bytes());
  if (!opened) {
    return opened.error().with_context(options_.keep_file.string());
  }
  log::register_secret(opened->plain.view());
  return std::move(opened->plain);
}

milliseconds ServerLogin::upkeep(milliseconds longest) {
  // Logs in or renews by itself where it is time to.
  const auto ready = token();
  const std::lock_guard lock(mutex_);
  const auto now = clock_.monotonic();
  milliseconds next = longest;
  const auto until = [&](util::MonotonicTime when) {
    next = std::min(
        next, std::max(std::chrono::duration_cast<milliseconds>(when - now), milliseconds(0)) +
                  milliseconds(1));
  };
  if (!ready) {
    if (hold_until_) {
      until(*hold_until_);
    }
    return next;
  }
  if (renew_at_) {
    until(*renew_at_);
  }
  return next;
}

void ServerLogin::end(const std::vector<std::string>& leases) {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  const SecretString token = std::exchange(token_, SecretString());
  const bool own = own_ && !token.empty();
  if (!own && leases.empty()) {
    return;
  }
  // The other client may be stopped, or wait for a server that hangs.
  ServerConnection quick = client_.options();
  quick.timeout = kEndLimit;
  ServerClient client(std::move(quick), clock_, jitter_);
  Call call;
  call.method = http::Method::kPost;
  call.token = token.view();
  if (own) {
    call.path = "auth/token/revoke-self";
    if (const Answer answer = client.perform(call); !answer.ok()) {
      log::info("vault: the session could not be ended and runs out by itself: {}", answer.text);
    }
    return;
  }
  call.path = "sys/leases/revoke";
  const auto limit = std::chrono::steady_clock::now() + kEndLimit;
  for (const std::string& lease : leases) {
    call.body = body_of({{"lease_id", lease}});
    const Answer answer = client.perform(call);
    if (!answer.ok() && answer.meaning != Meaning::kBadRequest) {
      log::info("vault: a lease could not be given back and runs out by itself: {}", answer.text);
      return;
    }
    if (std::chrono::steady_clock::now() >= limit) {
      return;
    }
  }
}

std::string ServerLogin::identity() const {
  if (options_.method == LoginMethod::kProxy) {
    return "whoever the proxy logs in as";
  }
  const std::lock_guard lock(mutex_);
  return fmt::format("{} {} (policies {})", method_name(), name_.empty() ? "without a name" : name_,
                     policies_.empty() ? "none" : policies_);
}

std::optional<util::WallTime> ServerLogin::expires() const {
  const std::lock_guard lock(mutex_);
  return ends_wall_;
}

}  // namespace warder::vault
