#include "vault/server_vault.h"

#include "config/vault_path.h"
#include "crypto/sha256.h"
#include "http/url.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

namespace warder::vault {
namespace {

using crypto::SecretString;
using nlohmann::json;
using util::Error;
using util::ErrorCode;

constexpr unsigned kDeepestFolder = 8;
constexpr std::size_t kMostDocuments = 1000;
// Of versions whose writer is told; custom metadata takes 64.
constexpr std::uint64_t kMostSigned = 40;
constexpr std::size_t kLongestSignature = 500;

std::string trimmed_path(std::string_view path) {
  while (path.starts_with('/')) {
    path.remove_prefix(1);
  }
  while (path.ends_with('/')) {
    path.remove_suffix(1);
  }
  return std::string(path);
}

util::WallTime time_of(const json& object, std::string_view name) {
  return util::parse_rfc3339(text_member(object, name)).value_or(util::WallTime{});
}

// KV v1 has no versions: the content is one.
std::uint64_t version_of(std::string_view content) {
  const auto hash = crypto::sha256(util::as_bytes(content));
  std::uint64_t version = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    version = version << 8U | hash[i];
  }
  return std::max<std::uint64_t>(version >> 1U, 1);
}

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

// delete_version_after sets a deletion time that lies ahead.
bool is_readable(const json& version, util::WallTime now) {
  const std::string deleted = text_member(version, "deletion_time");
  return version.is_object() && !true_member(version, "destroyed") &&
         (deleted.empty() || util::parse_rfc3339(deleted).value_or(util::WallTime{}) > now);
}

// Who wrote a version: the vault's own word (Vault 1.21), else ours.
void add_author(const json& metadata, const json& version, VersionInfo* info) {
  const std::string signature =
      text_member(member(metadata, "custom_metadata"), "by." + std::to_string(info->version));
  const std::size_t colon = signature.find(": ");
  info->author = shown(std::string_view(signature).substr(0, colon));
  if (colon != std::string::npos) {
    info->comment = shown(std::string_view(signature).substr(colon + 2));
  }
  const std::string actor = text_member(member(version, "created_by"), "actor");
  if (!actor.empty()) {
    info->author = shown(actor) + (info->author.empty() ? "" : " (" + info->author + ")");
  }
}

std::vector<VersionInfo> versions_of(const json& metadata, util::WallTime now) {
  std::vector<VersionInfo> infos;
  const json& versions = member(metadata, "versions");
  if (versions.is_object()) {
    for (const auto& [number, version] : versions.items()) {
      if (const auto value = number_of(number)) {
        VersionInfo info;
        info.version = *value;
        info.time = time_of(version, "created_time");
        info.readable = is_readable(version, now);
        add_author(metadata, version, &info);
        infos.push_back(std::move(info));
      }
    }
  }
  std::sort(infos.begin(), infos.end(),
            [](const VersionInfo& a, const VersionInfo& b) { return a.version > b.version; });
  return infos;
}

AuditDeviceOptions audit_devices(const ServerVaultOptions& options) {
  const ServerConnection& connection = options.connection;
  std::string vault = connection.name_space;
  for (const std::string& address : connection.addresses) {
    vault += " " + address;
  }
  const AuditDeviceOptions& given = options.audit_devices;
  return {given.named, std::move(vault), given.file, given.key.copy()};
}

}  // namespace

ServerVault::ServerVault(ServerVaultOptions options, const util::Clock& clock,
                         std::uint64_t jitter_seed)
    : options_(std::move(options)),
      clock_(clock),
      client_(options_.connection, clock, jitter_seed),
      login_(client_, options_.login, options_.keep_key.copy(), clock, jitter_seed + 1),
      leases_([this](Call call) { return ask(std::move(call)); },
              [this] { return login_.sessions(); }, clock),
      state_([this](const Call& call) { return client_.perform(call); },
             [this](Call call) { return ask(std::move(call)); }, audit_devices(options_), clock) {}

ServerVault::~ServerVault() {
  client_.stop();
  login_.end(leases_.held());
}

void ServerVault::stop() { client_.stop(); }

std::chrono::milliseconds ServerVault::upkeep(std::chrono::milliseconds longest) {
  const std::chrono::milliseconds next = login_.upkeep(longest);
  return leases_.upkeep(next);
}

std::vector<ProviderNotice> ServerVault::news() {
  std::vector<ProviderNotice> all = state_.look();
  std::ranges::move(leases_.news(), std::back_inserter(all));
  return all;
}

std::optional<std::chrono::seconds> ServerVault::clock_difference() const {
  const std::lock_guard lock(mutex_);
  return clock_difference_;
}

Answer ServerVault::ask(Call call) {
  Answer answer;
  {
    const std::lock_guard lock(mutex_);
    if (quiet_until_ && clock_.monotonic() < *quiet_until_) {
      answer.meaning = Meaning::kRateLimited;
      answer.text = quiet_text_;
      return answer;
    }
    quiet_until_.reset();
  }
  for (bool again = false;; again = true) {
    auto token = login_.token();
    if (!token) {
      answer.meaning = token.error().code() == ErrorCode::kDenied ? Meaning::kLoginRefused
                                                                  : Meaning::kUnreachable;
      answer.code = token.error().code();
      answer.text = token.error().message();
      return answer;
    }
    call.token = token->view();
    answer = client_.perform(call);
    if (answer.meaning == Meaning::kRateLimited && answer.retry_after) {
      const std::lock_guard lock(mutex_);
      quiet_until_ = clock_.monotonic() + *answer.retry_after;
      quiet_text_ = answer.text;
    }
    if (answer.meaning == Meaning::kSaysNothing) {
      // A vault all the same, if it knows who we are; else some web server.
      Call self;
      self.path = "auth/token/lookup-self";
      self.token = call.token;
      self.repeatable = true;
      if (!call.token.empty() && client_.perform(self).ok()) {
        answer.meaning = Meaning::kNeverExisted;
        answer.code = ErrorCode::kNotFound;
        answer.text = fmt::format(
            "{}: {}: there is no such document, or the server does not know "
            "this path (it answers 404 and says nothing)",
            client_.options().addresses.front(), call.path);
      }
      return answer;
    }
    if (answer.meaning != Meaning::kBadToken && answer.meaning != Meaning::kDenied) {
      return answer;
    }
    const bool good = answer.meaning == Meaning::kDenied && login_.is_good(*token);
    if (!good && !again && login_.refused(*token)) {
      continue;
    }
    answer.text = good
                      ? fmt::format(
                            "{}: {} has no right to {} {}; give it one, see: warder vault policies "
                            "check",
                            client_.options().addresses.front(), login_.identity(),
                            call.method == http::Method::kGet    ? "read"
                            : call.method == http::Method::kList ? "list"
                                                                 : "write",
                            call.path)
                      : bad_token_text(client_.options().addresses.front());
    return answer;
  }
}

util::Result<ServerVault::Place> ServerVault::place() {
  {
    const std::lock_guard lock(mutex_);
    if (place_) {
      return *place_;
    }
  }
  Place found;
  found.mount = trimmed_path(options_.mount);
  found.prefix = trimmed_path(options_.prefix);
  found.kv_version = options_.kv_version.value_or(2);
  const std::string full = found.mount + (found.prefix.empty() ? "" : "/" + found.prefix);
  Call call;
  call.path = "sys/internal/ui/mounts/" + http::percent_encode(full, http::Slashes::kKept);
  call.repeatable = true;
  const Answer answer = ask(std::move(call));
  if (answer.ok()) {
    const json& data = answer.data();
    const std::string type = text_member(data, "type");
    if (type != "kv" && type != "generic") {
      return Error(ErrorCode::kInvalid,
                   fmt::format("{}: the mount at {} keeps no documents, it is of type '{}'; name a "
                               "kv mount in mount of [vault] (VAULT_MOUNT_PATH)",
                               client_.options().addresses.front(), found.mount, shown(type)));
    }
    found.kv_version = text_member(member(data, "options"), "version") == "2" ? 2 : 1;
    const std::string mount = trimmed_path(text_member(data, "path"));
    if (!mount.empty() && (full == mount || full.starts_with(mount + "/"))) {
      found.mount = mount;
      found.prefix = full == mount ? "" : full.substr(mount.size() + 1);
    }
  } else if (answer.meaning != Meaning::kDenied && answer.code != ErrorCode::kNotFound &&
             answer.meaning != Meaning::kBadRequest && answer.meaning != Meaning::kNoMount) {
    return answer.error();
  }
  if (answer.meaning == Meaning::kNeverExisted && !options_.kv_version) {
    return Error(
        ErrorCode::kConfiguration,
        fmt::format("{}: the server does not tell of which version its mount {} is; say so: "
                    "kv_version = 1 or 2 in [vault] (VAULT_KV_VERSION)",
                    client_.options().addresses.front(), found.mount));
  }
  const std::lock_guard lock(mutex_);
  place_ = found;
  return found;
}

// `kind` is "data", "metadata"...; left out on KV v1.
util::Result<std::string> ServerVault::path(std::string_view kind, std::string_view name) {
  WARDER_ASSIGN_OR_RETURN(const Place at, place());
  std::string path = at.mount;
  if (at.kv_version == 2) {
    path += "/" + std::string(kind);
  }
  for (const std::string_view part : {std::string_view(at.prefix), name}) {
    if (!part.empty()) {
      path += "/" + std::string(part);
    }
  }
  return http::percent_encode(path, http::Slashes::kKept);
}

void ServerVault::doubt(std::string_view name) {
  if (config::is_vault_path(name)) {
    leases_.doubt(name.substr(1));
  }
}

util::Result<Document> ServerVault::get(std::string_view name,
                                        std::optional<std::uint64_t> version) {
  if (config::is_vault_path(name)) {
    if (version) {
      return Error(ErrorCode::kInvalid,
                   fmt::format("{}: credentials with a lease have no versions", shown(name)));
    }
    return leases_.get(name.substr(1));
  }
  WARDER_RETURN_IF_ERROR(check_name(name));
  for (bool again = false;; again = true) {
    WARDER_ASSIGN_OR_RETURN(const Place at, place());
    Call call;
    WARDER_ASSIGN_OR_RETURN(call.path, path("data", name));
    call.repeatable = true;
    if (version && at.kv_version == 2) {
      call.query = fmt::format("version={}", *version);
    }
    const Answer answer = ask(std::move(call));
    if (answer.meaning == Meaning::kWrongKind && !again) {
      // The mount was upgraded meanwhile.
      const std::lock_guard lock(mutex_);
      place_.reset();
      continue;
    }
    if (answer.meaning == Meaning::kSoftDeleted) {
      return Error(answer.code, fmt::format("{} {}", answer.text, name));  // "... undelete NAME"
    }
    if (!answer.ok()) {
      return answer.error();
    }
    const json& content = at.kv_version == 2 ? member(answer.data(), "data") : answer.data();
    if (!content.is_object()) {
      return Error(ErrorCode::kInvalid,
                   fmt::format("{}: the vault's answer holds no document", name));
    }
    Document document;
    document.content = SecretJson::dump(content);
    if (document.content.size() > kLongestContent) {
      return Error(ErrorCode::kInvalid,
                   fmt::format("{}: the document is longer than {} bytes", name, kLongestContent));
    }
    if (at.kv_version == 2) {
      const json& about = member(answer.data(), "metadata");
      document.version = number_member(about, "version");
      document.time = time_of(about, "created_time");
    } else {
      document.version = version_of(document.content.view());
      document.time = clock_.now();
      if (version && *version != document.version) {
        return Error(ErrorCode::kNotFound,
                     fmt::format("{}: KV version 1 keeps the present content only", name));
      }
    }
    return document;
  }
}

util::Result<SecretJson> ServerVault::metadata(std::string_view name) {
  WARDER_RETURN_IF_ERROR(check_name(name));
  Call call;
  WARDER_ASSIGN_OR_RETURN(call.path, path("metadata", name));
  call.repeatable = true;
  Answer answer = ask(std::move(call));
  if (!answer.ok()) {
    return answer.error();
  }
  return std::move(answer.body);
}

util::Result<std::uint64_t> ServerVault::version(std::string_view name) {
  WARDER_ASSIGN_OR_RETURN(const Place at, place());
  if (at.kv_version != 2) {
    return Provider::version(name);
  }
  const auto about = metadata(name);
  if (!about) {
    // Whoever may read the document need not be allowed to see its metadata.
    return about.error().code() == ErrorCode::kDenied ? Provider::version(name) : about.error();
  }
  const json& data = member(about->value(), "data");
  const std::uint64_t current = number_member(data, "current_version");
  const json& latest = member(member(data, "versions"), std::to_string(current));
  if (current == 0 || !is_readable(latest, clock_.now())) {
    return Error(ErrorCode::kNotFound,
                 fmt::format("{}: was deleted on purpose, or never written", name));
  }
  return current;
}

util::Result<std::uint64_t> ServerVault::put(std::string_view name, const SecretString& content,
                                             const PutOptions& options) {
  WARDER_RETURN_IF_ERROR(check_name(name));
  if (content.size() > kLongestContent) {
    return Error(ErrorCode::kInvalid,
                 fmt::format("{}: a document has at most {} bytes", name, kLongestContent));
  }
  auto parsed = SecretJson::parse(content.view());
  if (!parsed || !parsed->value().is_object()) {
    return Error(ErrorCode::kInvalid,
                 fmt::format("{}: this vault keeps JSON objects; write for instance "
                             "{{\"value\": \"...\"}}",
                             name));
  }
  WARDER_ASSIGN_OR_RETURN(const Place at, place());
  Call call;
  call.method = http::Method::kPost;
  WARDER_ASSIGN_OR_RETURN(call.path, path("data", name));
  if (at.kv_version != 2) {
    if (options.expected_version) {
      return Error(ErrorCode::kInvalid,
                   fmt::format("{}: KV version 1 cannot write only if nobody else did; upgrade the "
                               "mount: vault kv enable-versioning {}",
                               name, at.mount));
    }
    call.body = parsed->dump();
    const std::uint64_t version = version_of(call.body.view());
    const Answer answer = ask(std::move(call));
    return answer.ok() ? util::Result<std::uint64_t>(version) : answer.error();
  }
  std::string condition;
  if (options.expected_version) {
    std::uint64_t expected = *options.expected_version;
    if (expected == 0) {
      // A document that was deleted does not exist for us, but the vault goes on counting.
      const auto about = metadata(name);
      const bool deleted = about && !version(name);
      if (deleted) {
        expected = number_member(member(about->value(), "data"), "current_version");
      }
    }
    condition = fmt::format(R"("options":{{"cas":{}}},)", expected);
  }
  std::string body = "{" + condition + R"("data":)";
  body += content.view();
  body += '}';
  call.body = SecretString::take(std::move(body));
  const Answer answer = ask(std::move(call));
  if (!answer.ok()) {
    return answer.error();
  }
  const std::uint64_t version = number_member(answer.data(), "version");
  sign(name, version, options);
  return version;
}

// Best effort: an identity may write documents without touching their metadata.
void ServerVault::sign(std::string_view name, std::uint64_t version, const PutOptions& options) {
  if (options.author.empty() && options.comment.empty()) {
    return;
  }
  json signatures = json::object();
  signatures["by." + std::to_string(version)] = util::printable(
      options.comment.empty() ? options.author : options.author + ": " + options.comment,
      kLongestSignature);
  if (version > kMostSigned) {
    signatures["by." + std::to_string(version - kMostSigned)] = nullptr;
  }
  auto at = path("metadata", name);
  if (!at) {
    return;
  }
  Call call;
  call.method = http::Method::kPatch;
  call.path = *at;
  call.merge_patch = true;
  call.body = SecretJson(json{{"custom_metadata", std::move(signatures)}}).dump();
  (void)ask(std::move(call));
}

util::Result<std::vector<VersionInfo>> ServerVault::history(std::string_view name) {
  WARDER_ASSIGN_OR_RETURN(const Place at, place());
  if (at.kv_version != 2) {
    WARDER_ASSIGN_OR_RETURN(const Document document, get(name));
    VersionInfo info;
    info.version = document.version;
    info.time = document.time;
    info.size = document.content.size();
    return std::vector<VersionInfo>{info};
  }
  WARDER_ASSIGN_OR_RETURN(const SecretJson about, metadata(name));
  return versions_of(member(about.value(), "data"), clock_.now());
}

util::Status ServerVault::collect(const std::string& folder, unsigned depth,
                                  std::vector<std::string>* names) {
  if (depth > kDeepestFolder) {
    return {};
  }
  Call call;
  call.method = http::Method::kList;
  WARDER_ASSIGN_OR_RETURN(call.path, path("metadata", folder));
  call.path += '/';
  call.repeatable = true;
  const Answer answer = ask(std::move(call));
  if (answer.meaning == Meaning::kNeverExisted) {
    return {};
  }
  if (!answer.ok()) {
    return answer.error();
  }
  const json& keys = member(answer.data(), "keys");
  for (const json& key : keys.is_array() ? keys : json::array()) {
    if (!key.is_string()) {
      continue;
    }
    const std::string name = (folder.empty() ? "" : folder + "/") + key.get<std::string>();
    if (name.ends_with('/')) {
      WARDER_RETURN_IF_ERROR(collect(name.substr(0, name.size() - 1), depth + 1, names));
    } else if (check_name(name)) {
      // Others were not written by us and cannot be asked for.
      if (names->size() >= kMostDocuments) {
        return Error(ErrorCode::kInvalid,
                     fmt::format("there are more than {} documents", kMostDocuments));
      }
      names->push_back(name);
    }
  }
  return {};
}

util::Result<std::vector<DocumentInfo>> ServerVault::list() {
  std::vector<std::string> names;
  WARDER_RETURN_IF_ERROR(collect("", 0, &names));
  std::sort(names.begin(), names.end());
  std::vector<DocumentInfo> documents;
  for (std::string& name : names) {
    const auto versions = history(name);
    if (!versions) {
      if (versions.error().code() == ErrorCode::kNotFound) {
        continue;
      }
      return versions.error();
    }
    if (!versions->empty() && versions->front().readable) {
      documents.push_back({std::move(name), versions->front()});
    }
  }
  return documents;
}

// "delete", "undelete" or "destroy" for the newest version or for all.
util::Status ServerVault::on_versions(std::string_view verb, std::string_view name, bool all) {
  WARDER_ASSIGN_OR_RETURN(const std::vector<VersionInfo> versions, history(name));
  json numbers = json::array();
  for (const VersionInfo& info : versions) {
    if (all || numbers.empty()) {
      numbers.push_back(info.version);
    }
  }
  Call call;
  call.method = verb == "destroy" ? http::Method::kPut : http::Method::kPost;
  WARDER_ASSIGN_OR_RETURN(call.path, path(verb, name));
  call.body = SecretJson(json{{"versions", std::move(numbers)}}).dump();
  call.repeatable = true;
  const Answer answer = ask(std::move(call));
  return answer.ok() ? util::Status() : answer.error();
}

util::Status ServerVault::remove(std::string_view name) {
  WARDER_ASSIGN_OR_RETURN(const Place at, place());
  if (at.kv_version == 2) {
    WARDER_RETURN_IF_ERROR(version(name));
    return on_versions("destroy", name, true);
  }
  WARDER_RETURN_IF_ERROR(get(name));
  Call call;
  call.method = http::Method::kDelete;
  WARDER_ASSIGN_OR_RETURN(call.path, path("", name));
  call.repeatable = true;
  const Answer answer = ask(std::move(call));
  return answer.ok() ? util::Status() : answer.error();
}

util::Status ServerVault::retract(std::string_view name) {
  WARDER_ASSIGN_OR_RETURN(const Place at, place());
  if (at.kv_version != 2) {
    return Provider::retract(name);
  }
  WARDER_RETURN_IF_ERROR(version(name));
  return on_versions("delete", name, false);
}

util::Status ServerVault::undelete(std::string_view name) {
  WARDER_ASSIGN_OR_RETURN(const Place at, place());
  if (at.kv_version != 2) {
    return Provider::undelete(name);
  }
  WARDER_RETURN_IF_ERROR(on_versions("undelete", name, false));
  const auto there = version(name);
  return there
             ? util::Status()
             : Error(ErrorCode::kNotFound,
                     fmt::format("{}: its newest version was destroyed and cannot be brought back",
                                 name));
}

util::Result<Health> ServerVault::health() {
  Call call;
  call.path = "sys/health";
  call.query = "standbyok=true&perfstandbyok=true";
  call.health = true;
  call.repeatable = true;
  const Answer answer = client_.perform(call);
  if (const std::uint64_t time = number_member(answer.body.value(), "server_time_utc"); time != 0) {
    const auto ours =
        std::chrono::duration_cast<std::chrono::seconds>(clock_.now().time_since_epoch());
    const std::lock_guard lock(mutex_);
    clock_difference_ =
        std::chrono::seconds(std::min<std::uint64_t>(time, std::uint64_t{1} << 40U)) - ours;
  }
  if (answer.meaning == Meaning::kSaysNothing) {
    // RustyVault has no sys/health.
    Call state;
    state.path = "sys/seal-status";
    state.repeatable = true;
    const Answer sealed = client_.perform(state);
    if (sealed.ok() && sealed.body.value().contains("sealed")) {
      return true_member(sealed.body.value(), "sealed")
                 ? Health{false,
                          fmt::format("{}: the vault is sealed; its operators must unseal it",
                                      client_.options().addresses.front())}
                 : Health{true, fmt::format("{} answers, without sys/health",
                                            client_.options().addresses.front())};
    }
  }
  if (!answer.ok()) {
    return Health{false, answer.text};
  }
  return Health{true, fmt::format("{} answers, version {}", client_.options().addresses.front(),
                                  shown(text_member(answer.body.value(), "version")))};
}

}  // namespace warder::vault
