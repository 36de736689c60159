#include "vault/audit_devices.h"

#include "http/url.h"
#include "log/log.h"
#include "util/file.h"
#include "vault/private_file.h"
#include "vault/sealed.h"
#include "vault/server_client.h"

#include <fmt/core.h>

#include <utility>

namespace warder::vault {
namespace {

using model::Severity;
using nlohmann::json;

constexpr std::string_view kMagic = "WRDRADEV";
constexpr std::string_view kKeptName = "audit devices";
constexpr util::ByteCount kLargestKept = util::kibibytes(64);
// Never another one: what is compared is its hash.
constexpr std::string_view kConstant = "warder: is this audit device still the one it was?";
constexpr std::string_view kHashBegins = "hmac-sha256:";
constexpr std::size_t kLongestHash = 200;

std::string without_slash(std::string_view name) {
  while (name.ends_with('/')) {
    name.remove_suffix(1);
  }
  return std::string(name);
}

std::string listed_name(std::string_view name) { return without_slash(name) + '/'; }

// What passes by itself, or is told by whoever reads documents.
bool is_refusal(const Answer& answer) {
  return answer.meaning != Meaning::kBadToken && answer.status >= 400 && answer.status < 500 &&
         answer.status != 429;
}

}  // namespace

AuditDevices::AuditDevices(AuditDeviceOptions options, Ask ask, const util::Clock& clock)
    : options_(std::move(options)), ask_(std::move(ask)), clock_(clock) {}

bool AuditDevices::may_ask(std::optional<util::MonotonicTime>& again) const {
  if (again && clock_.monotonic() < *again) {
    return false;
  }
  again.reset();
  return true;
}

void AuditDevices::look(std::vector<ProviderNotice>& notices) {
  if (!std::exchange(loaded_, true)) {
    if (const util::Status read = load(); !read) {
      log::warning("{}; what was known of the vault's audit devices counts for nothing",
                   read.error().message());
    }
  }
  const bool listed = look_at_list(notices);
  Names names;
  for (const std::string& name : options_.named) {
    names.insert(listed_name(name));
  }
  if (listed_) {
    names.insert(listed_->begin(), listed_->end());
  }
  std::size_t asked = 0;
  for (const std::string& name : names) {
    if (asked++ < kMostAsked) {
      look_at_hash(name, listed, notices);
    }
  }
  if (names.empty() && list_again_ && !std::exchange(told_nothing_seen_, true)) {
    notices.push_back(
        {Severity::kNotice,
         "whether somebody removes the vault's audit devices or makes them anew is not seen: this "
         "identity may not list them (sys/audit needs sudo) and [vault] audit_devices names none; "
         "name them there, and grant update on sys/audit-hash/NAME"});
  }
  if (std::string now = text(); now != saved_ && !options_.file.empty()) {
    if (const util::Status kept = save(now)) {
      saved_ = std::move(now);
      told_unsaved_ = false;
    } else if (!std::exchange(told_unsaved_, true)) {
      notices.push_back(
          {Severity::kWarning,
           fmt::format("what is known of the vault's audit devices is forgotten with the next "
                       "start: {}",
                       kept.error().message())});
    }
  }
}

bool AuditDevices::look_at_list(std::vector<ProviderNotice>& notices) {
  if (!may_ask(list_again_)) {
    return false;
  }
  Call call;
  call.path = "sys/audit";
  const Answer answer = ask_(std::move(call));
  if (!answer.ok()) {
    if (is_refusal(answer)) {
      list_again_ = clock_.monotonic() + kNotOffered;
    }
    return false;
  }
  Names names;
  const json& data = answer.data();
  if (data.is_object()) {
    for (const auto& [name, device] : data.items()) {
      names.insert(listed_name(name));
    }
  }
  compare(names, notices);
  listed_ = std::move(names);
  return true;
}

void AuditDevices::compare(const Names& listed, std::vector<ProviderNotice>& notices) {
  if (!listed_) {
    if (listed.empty()) {
      notices.push_back({Severity::kHigh,
                         "the vault has no audit device: what is done there is written nowhere"});
    }
    return;
  }
  for (const std::string& name : *listed_) {
    if (!listed.contains(name)) {
      notices.push_back({Severity::kCritical,
                         fmt::format("the vault's audit device {} is gone: what it would have "
                                     "written is written nowhere",
                                     shown(name))});
      devices_.erase(name);
    }
  }
  for (const std::string& name : listed) {
    if (!listed_->contains(name)) {
      notices.push_back(
          {Severity::kHigh, fmt::format("the vault has a new audit device {}", shown(name))});
      devices_.erase(name);
    }
  }
}

void AuditDevices::look_at_hash(const std::string& name, bool listed,
                                std::vector<ProviderNotice>& notices) {
  Device& device = devices_[name];
  if (!may_ask(device.again)) {
    return;
  }
  Call call;
  call.method = http::Method::kPost;
  call.path = "sys/audit-hash/" + http::percent_encode(without_slash(name), http::Slashes::kKept);
  call.body = SecretJson(json{{"input", kConstant}}).dump();
  call.repeatable = true;
  const Answer answer = ask_(std::move(call));
  if (answer.meaning == Meaning::kBadRequest) {
    not_there(name, device, listed, notices);
    return;
  }
  if (!answer.ok()) {
    if (!is_refusal(answer)) {
      return;
    }
    device.again = clock_.monotonic() + kNotOffered;
    if (!std::exchange(device.told, true)) {
      notices.push_back(
          {Severity::kWarning,
           fmt::format("whether somebody removes the vault's audit device {} and makes it anew is "
                       "not seen, since its hash of a constant may not be asked for (grant update "
                       "on sys/audit-hash/{}): {}",
                       shown(name), shown(without_slash(name)), answer.text)});
    }
    return;
  }
  std::string hash = text_member(answer.data(), "hash");
  if (!hash.starts_with(kHashBegins) || hash.size() > kLongestHash) {
    return;
  }
  device.told = false;
  if (!device.hash.empty() && device.hash != hash) {
    notices.push_back(
        {Severity::kCritical,
         fmt::format("the vault's audit device {} was removed and made anew (it hashes the same "
                     "text to something else): what was done in between may be written nowhere; "
                     "look at the vault's other devices and its server's own log for who did that",
                     shown(name))});
  }
  device.hash = std::move(hash);
}

// The list tells of what it has, or had.
void AuditDevices::not_there(const std::string& name, Device& device, bool listed,
                             std::vector<ProviderNotice>& notices) {
  if (listed && listed_ && listed_->contains(name)) {
    return;  // removed just now, or of a name that cannot be asked for
  }
  const bool was_there = !std::exchange(device.hash, {}).empty();
  if (std::exchange(device.told, true)) {
    return;
  }
  if (was_there && !listed) {
    notices.push_back(
        {Severity::kCritical, fmt::format("the vault's audit device {} is gone: what it would have "
                                          "written is written nowhere",
                                          shown(name))});
  } else {
    notices.push_back({Severity::kHigh,
                       fmt::format("the vault has no audit device {}, which [vault] audit_devices "
                                   "names: enable it, or name those that there are",
                                   shown(name))});
  }
}

std::string AuditDevices::text() const {
  json object{{"vault", options_.vault}, {"told", told_nothing_seen_}};
  if (listed_) {
    object["listed"] = *listed_;
  }
  json devices = json::object();
  for (const auto& [name, device] : devices_) {
    devices[name] = {{"hash", device.hash}, {"told", device.told}};
  }
  object["devices"] = std::move(devices);
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

void AuditDevices::read(std::string_view text) {
  const json object = json::parse(text, nullptr, false);
  if (text_member(object, "vault") != options_.vault) {
    return;
  }
  told_nothing_seen_ = true_member(object, "told");
  if (const json& listed = member(object, "listed"); listed.is_array()) {
    listed_.emplace();
    for (const json& name : listed) {
      listed_->insert(name.is_string() ? name.get<std::string>() : std::string());
    }
  }
  if (const json& devices = member(object, "devices"); devices.is_object()) {
    for (const auto& [name, device] : devices.items()) {
      devices_[name] = {text_member(device, "hash"), true_member(device, "told")};
    }
  }
}

util::Status AuditDevices::load() {
  if (options_.file.empty()) {
    return {};
  }
  auto file = read_private_file(options_.file, "what is known of the vault's audit devices",
                                kNobodyElseReads, kLargestKept);
  if (!file) {
    return file.error().code() == util::ErrorCode::kNotFound ? util::Status() : file.error();
  }
  const auto opened = unseal(kMagic, options_.key, kKeptName, file->content.bytes());
  if (!opened) {
    return opened.error().with_context(options_.file.string());
  }
  read(opened->plain.view());
  saved_ = text();
  return {};
}

util::Status AuditDevices::save(const std::string& text) const {
  WARDER_ASSIGN_OR_RETURN(const util::Bytes sealed,
                          seal(kMagic, options_.key, 0, kKeptName, util::as_bytes(text)));
  return util::write_file_atomically(options_.file, util::as_text(sealed), 0600);
}

}  // namespace warder::vault
