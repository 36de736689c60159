#include "vault/server_trail.h"

#include "http/url.h"
#include "vault/keys.h"
#include "vault/secret_json.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <utility>

namespace warder::vault {
namespace {

using nlohmann::json;
using util::Error;
using util::ErrorCode;

std::string path_of(std::string_view mount, std::string_view kind, std::string_view path) {
  return fmt::format("{}/{}/{}", http::percent_encode(mount, http::Slashes::kKept), kind,
                     http::percent_encode(path, http::Slashes::kKept));
}

// What an answer says of what was sent: only a few mean that the content is wrong.
Error error_of(const Answer& answer) {
  const bool content =
      answer.meaning == Meaning::kBadRequest || answer.meaning == Meaning::kTooLarge;
  return answer.code == ErrorCode::kInvalid && !content ? Error(ErrorCode::kDenied, answer.text)
                                                        : answer.error();
}

}  // namespace

ServerTrail::ServerTrail(VaultOptions options, ServerVault* shared, const util::Clock& clock)
    : options_(std::move(options)), shared_(shared), clock_(clock) {}

ServerTrail::~ServerTrail() = default;

util::Result<ServerVault*> ServerTrail::session() {
  if (shared_ != nullptr) {
    return shared_;
  }
  const std::lock_guard lock(mutex_);
  if (!own_) {
    auto opened = open_server_vault(options_, Copies::kKept, clock_);
    if (!opened) {
      return Error(ErrorCode::kUnavailable,
                   fmt::format("{}; the keys of provider = vault in [vault] say where the trail is",
                               opened.error().message()));
    }
    own_ = std::move(*opened);
  }
  return own_.get();
}

util::Result<Answer> ServerTrail::ask(Call call) {
  if (stopped_) {
    return Error(ErrorCode::kUnavailable, "the agent stops");
  }
  WARDER_ASSIGN_OR_RETURN(ServerVault* const session, this->session());
  // Nothing here can be done twice.
  call.repeatable = true;
  return session->ask(std::move(call));
}

util::Result<std::string> ServerTrail::create(std::string_view mount, std::string_view path,
                                              std::string_view fields) {
  Call call;
  call.method = http::Method::kPost;
  call.path = path_of(mount, "data", path);
  // As text: reading and writing JSON for each event would cost more than sending it.
  call.body = crypto::SecretString(fmt::format(R"({{"options":{{"cas":0}},"data":{}}})", fields));
  WARDER_ASSIGN_OR_RETURN(const Answer answer, ask(std::move(call)));
  if (answer.ok() && !answer.request_id.empty()) {
    return answer.request_id;
  }
  if (answer.ok()) {
    return Error(ErrorCode::kUnavailable,
                 fmt::format("{}/data/{}: the answer has no request_id, so it is no vault's; see "
                             "what stands between",
                             mount, path));
  }
  // With the right to create alone, what is there already cannot be told from what is not allowed;
  // with more rights it is a conflict.
  if (answer.meaning != Meaning::kDenied && answer.meaning != Meaning::kConflict) {
    return error_of(answer);
  }
  Call look;
  look.path = path_of(mount, "metadata", path);
  WARDER_ASSIGN_OR_RETURN(const Answer there, ask(std::move(look)));
  if (there.ok()) {
    return fmt::format("there since {}", shown(text_member(there.data(), "created_time")));
  }
  return there.meaning == Meaning::kNeverExisted || there.meaning == Meaning::kDenied
             ? error_of(answer)
             : error_of(there);
}

util::Result<std::string> ServerTrail::commit(std::string_view device, std::string_view text) {
  Call call;
  call.method = http::Method::kPost;
  call.path = "sys/audit-hash/" + http::percent_encode(device, http::Slashes::kKept);
  call.body = SecretJson(json{{"input", text}}).dump();
  WARDER_ASSIGN_OR_RETURN(const Answer answer, ask(std::move(call)));
  if (!answer.ok()) {
    // "unknown audit backend" is no fault of the event.
    return Error(answer.code == ErrorCode::kInvalid ? ErrorCode::kDenied : answer.code,
                 answer.text);
  }
  const std::string hash = text_member(answer.data(), "hash");
  if (hash.empty()) {
    return Error(ErrorCode::kDenied,
                 fmt::format("sys/audit-hash/{}: the answer holds no hash", device));
  }
  return fmt::format("{} (request {})", shown(hash), answer.request_id);
}

util::Result<std::vector<std::string>> ServerTrail::list(std::string_view mount,
                                                         std::string_view path) {
  Call call;
  call.method = http::Method::kList;
  call.path = path_of(mount, "metadata", path);
  WARDER_ASSIGN_OR_RETURN(const Answer answer, ask(std::move(call)));
  std::vector<std::string> names;
  if (answer.meaning == Meaning::kNeverExisted) {
    return names;
  }
  if (!answer.ok()) {
    return error_of(answer);
  }
  const json& keys = member(answer.data(), "keys");
  for (const json& key : keys.is_array() ? keys : json::array()) {
    if (key.is_string()) {
      names.push_back(key.get<std::string>());
    }
  }
  return names;
}

util::Result<std::string> ServerTrail::field(std::string_view mount, std::string_view path,
                                             std::string_view name) {
  Call call;
  call.path = path_of(mount, "data", path);
  WARDER_ASSIGN_OR_RETURN(const Answer answer, ask(std::move(call)));
  if (!answer.ok()) {
    return error_of(answer);
  }
  return text_member(member(answer.data(), "data"), name);
}

void ServerTrail::stop() {
  stopped_ = true;
  const std::lock_guard lock(mutex_);
  if (own_) {
    own_->stop();
  }
}

}  // namespace warder::vault
