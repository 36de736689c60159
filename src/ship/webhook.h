#pragma once

#include "crypto/secret.h"
#include "ship/destination.h"
#include "ship/forms.h"
#include "util/clock.h"
#include "util/result.h"

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace warder::ship {

// Fetches a secret when it is needed; asked again after the destination has rejected it (401, 403,
// 404), since it may have been changed in the vault.
using SecretSource = std::function<util::Result<crypto::SecretString>()>;

struct WebhookOptions {
  std::string name;  // of the destination
  std::string host;  // this machine, as told to the receiver
  Form form = Form::kGeneric;
  SecretSource url;          // always a secret: Slack's and Discord's tokens stand in it
  SecretSource bearer;       // may be empty: no Authorization header
  std::string target;        // kAbuseIpDb, kBlocklistDe: see keys.h
  SecretSource signing_key;  // may be empty: no X-Warder-Signature header
  // Whether one of these ends by itself: then they are asked for before each request.
  bool secrets_end = false;
  // Called when the receiver refused them, before they are asked for once more. May be empty.
  std::function<void()> refused;
  std::chrono::milliseconds connect_timeout{5000};
  std::chrono::milliseconds timeout{15000};
  std::filesystem::path ca_file;
  std::string proxy;
  // Hosts that may have a private address (http::ClientOptions::allowed_hosts).
  std::vector<std::string> allowed_hosts;
};

// Posts messages to a web service in one of the forms. The generic form takes several messages a
// request, the chat forms one. Which status means what: README.md.
std::unique_ptr<Destination> make_webhook(WebhookOptions options, const util::Clock& clock);

}  // namespace warder::ship
