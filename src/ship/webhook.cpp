#include "ship/webhook.h"

#include "crypto/hmac.h"
#include "http/client.h"
#include "http/retry_after.h"
#include "log/log.h"
#include "ship/alert_forms.h"
#include "ship/report_forms.h"
#include "ship/status_rule.h"
#include "util/encoding.h"
#include "util/strings.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace warder::ship {
namespace {

using util::Error;

constexpr std::size_t kGenericBatch = 50;
constexpr std::string_view kBearer = "Bearer ";
constexpr util::ByteCount kLongestAnswer = util::kibibytes(64);

struct Secrets {
  crypto::SecretString url;
  crypto::SecretString bearer;       // "Bearer ..." or empty
  crypto::SecretString signing_key;  // or empty

  friend bool operator==(const Secrets& a, const Secrets& b) = default;
};

// A topic's address, "https://ntfy.sh/mytopic", in the parts that its JSON form wants.
struct NtfyAddress {
  std::string_view server;
  std::string_view topic;
};

std::optional<NtfyAddress> split_ntfy(std::string_view url) {
  const std::size_t slash = url.rfind('/');
  // "https://host" has its last slash before the host.
  if (slash == std::string_view::npos || slash < 8) {
    return std::nullopt;
  }
  const std::string_view topic = url.substr(slash + 1);
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
  if (topic.empty() || topic.size() > 64 ||
      topic.find_first_not_of(kAllowed) != std::string_view::npos) {
    return std::nullopt;
  }
  return NtfyAddress{url.substr(0, slash + 1), topic};
}

bool is_html(const http::Response& response) {
  const std::string_view type = response.header("content-type").value_or("");
  return util::to_lower(type).starts_with("text/html") ||
         util::trim(response.body).starts_with("<");
}

// Services answer refusals with one word ("invalid_token", "no_service"), which helps; anything
// else may quote what we sent, the address included, and stays away from the logs.
std::string one_word(std::string_view body) {
  body = util::trim(body);
  constexpr std::string_view kWord = "abcdefghijklmnopqrstuvwxyz_";
  if (body.empty() || body.size() > 40 || body.find_first_not_of(kWord) != std::string_view::npos) {
    return {};
  }
  return fmt::format(" ({})", log::redact(body));
}

std::string_view advice(int status) {
  switch (status) {
    case 401:
    case 403:
    case 407:
      return "; check the token and that it is still valid";
    case 404:
    case 410:
      return "; check the address, the webhook may have been removed";
    case 413:
      return "; the message is too long for it";
    default:
      return status >= 300 && status < 400
                 ? "; it redirects, which is not followed: name the final address"
                 : "";
  }
}

class Webhook : public Destination {
 public:
  Webhook(WebhookOptions options, const util::Clock& clock)
      : options_(std::move(options)), clock_(clock), client_(client_options(options_)) {}

  std::string_view name() const override { return options_.name; }
  std::size_t batch_limit() const override {
    return options_.form == Form::kGeneric ? kGenericBatch : 1;
  }

  std::vector<Outcome> deliver(std::span<const Message> messages) override {
    if (options_.form == Form::kGeneric) {
      return deliver_generic(messages);
    }
    std::vector<Outcome> outcomes;
    for (const Message& message : messages) {
      outcomes.push_back(deliver_one(message));
      if (outcomes.back().kind == Outcome::Kind::kRetry) {
        outcomes.resize(messages.size(), outcomes.back());
      }
    }
    return outcomes;
  }

  void cancel() override { client_.cancel(); }

 private:
  struct Answer {
    Outcome outcome;
    std::string body;  // when delivered
    int status = 0;
  };

  static http::ClientOptions client_options(const WebhookOptions& options) {
    http::ClientOptions client;
    client.ca_file = options.ca_file;
    client.proxy = options.proxy;
    client.reach = http::Reach::kPublic;
    client.allowed_hosts = options.allowed_hosts;
    return client;
  }

  Sender sender() const { return Sender{options_.host, options_.name}; }

  std::vector<Outcome> deliver_generic(std::span<const Message> messages) {
    const std::string& first = messages.front().key;
    const std::string key =
        messages.size() == 1 ? first : fmt::format("{}+{}", first, messages.size() - 1);
    Answer answer = post(generic_body(sender(), messages, clock_.now()), key);
    if (answer.status == 413 && messages.size() == 1) {
      answer = post(generic_body(sender(), messages, clock_.now(), Detail::kOmitted), key);
    }
    std::vector<Outcome> outcomes(messages.size(), answer.outcome);
    if (answer.outcome.kind == Outcome::Kind::kDelivered) {
      note_partial_failures(answer.body, messages, &outcomes);
    }
    return outcomes;
  }

  Outcome deliver_one(const Message& message) {
    switch (options_.form) {
      case Form::kSlack:
        return post(slack_body(sender(), message), message.key).outcome;
      case Form::kDiscord:
        return post(discord_body(sender(), message), message.key).outcome;
      case Form::kTeams:
        return post(teams_body(sender(), message), message.key).outcome;
      case Form::kGotify:
        return post(gotify_body(sender(), message), message.key).outcome;
      case Form::kAlertmanager:
        return post(alertmanager_body(sender(), message), message.key).outcome;
      case Form::kAbuseIpDb:
      case Form::kBlocklistDe:
        return deliver_report(message);
      default:
        break;
    }
    if (const auto bad = load_secrets()) {
      return *bad;
    }
    if (options_.form == Form::kPagerDuty) {
      return post_with_key(pagerduty_body(sender(), bare_token(), message), message);
    }
    const auto address = split_ntfy(secrets_.url.view());
    if (!address) {
      return Outcome{Outcome::Kind::kRejected,
                     {},
                     fmt::format("{}: the address must end with the topic, as in "
                                 "https://ntfy.sh/TOPIC (letters, digits, - and _)",
                                 http::masked_url(secrets_.url.view()))};
    }
    return post(ntfy_body(sender(), address->topic, message), message.key).outcome;
  }

  Outcome deliver_report(const Message& message) {
    const auto report = abuse_report_of(message);
    if (!report) {
      return Outcome{};
    }
    if (options_.form == Form::kAbuseIpDb) {
      return post(abuseipdb_body(options_.target, *report), message.key).outcome;
    }
    if (const auto bad = load_secrets()) {
      return *bad;
    }
    return post_with_key(blocklist_body(options_.target, bare_token(), *report), message);
  }

  std::string_view bare_token() const { return secrets_.bearer.view().substr(kBearer.size()); }

  // The key stands in the body, which is wiped. A key that was changed in the vault is used with
  // the attempt after the one that was refused (400, which PagerDuty says of a wrong key, too).
  Outcome post_with_key(std::string whole, const Message& message) {
    const crypto::SecretString body = crypto::SecretString::take(std::move(whole));
    Outcome outcome = post(body.view(), message.key).outcome;
    if (outcome.kind != Outcome::Kind::kDelivered) {
      secrets_ = Secrets();
    }
    return outcome;
  }

  // "failed" in the answer of a generic receiver names messages that it does not take:
  // {"failed":[{"key":"...","retry":true,"reason":"..."}]}.
  static void note_partial_failures(const std::string& body, std::span<const Message> messages,
                                    std::vector<Outcome>* outcomes) {
    const auto json = nlohmann::json::parse(body, nullptr, false);
    if (!json.is_object() || !json.contains("failed") || !json["failed"].is_array()) {
      return;
    }
    for (const auto& failed : json["failed"]) {
      if (!failed.is_object() || !failed.contains("key") || !failed["key"].is_string()) {
        continue;
      }
      const auto& key = failed["key"].get_ref<const std::string&>();
      const auto found = std::find_if(messages.begin(), messages.end(),
                                      [&](const Message& message) { return message.key == key; });
      if (found == messages.end()) {
        continue;
      }
      Outcome& outcome = (*outcomes)[static_cast<std::size_t>(found - messages.begin())];
      const bool again = failed.contains("retry") && failed["retry"] == true;
      outcome.kind = again ? Outcome::Kind::kRetry : Outcome::Kind::kRefused;
      outcome.reason = "the receiver took the others and not this message";
      if (failed.contains("reason") && failed["reason"].is_string()) {
        outcome.reason += ": " + log::redact(util::printable(
                                     failed["reason"].get_ref<const std::string&>(), 100));
      }
    }
  }

  // Empty when the secrets are there.
  std::optional<Outcome> load_secrets() {
    if (!secrets_.url.empty() && !options_.secrets_end) {
      return std::nullopt;
    }
    auto loaded = fetch_secrets();
    if (!loaded) {
      return Outcome{Outcome::Kind::kRetry, {}, loaded.error().message()};
    }
    secrets_ = std::move(loaded).value();
    return std::nullopt;
  }

  util::Result<Secrets> fetch_secrets() const {
    Secrets secrets;
    WARDER_ASSIGN_OR_RETURN(secrets.url, options_.url());
    if (options_.bearer) {
      WARDER_ASSIGN_OR_RETURN(const crypto::SecretString token, options_.bearer());
      std::string header(kBearer);
      header += token.view();
      secrets.bearer = crypto::SecretString::take(std::move(header));
    }
    if (options_.signing_key) {
      WARDER_ASSIGN_OR_RETURN(secrets.signing_key, options_.signing_key());
    }
    return secrets;
  }

  Answer post(std::string_view body, const std::string& key) {
    if (const auto bad = load_secrets()) {
      return Answer{*bad, {}, 0};
    }
    Answer answer = post_once(body, key);
    if (answer.outcome.kind != Outcome::Kind::kRejected) {
      return answer;
    }
    // The secret may have been changed in the vault meanwhile, or taken back before its time: with
    // a new one, once more.
    if (options_.refused) {
      options_.refused();
    }
    auto fresh = fetch_secrets();
    if (fresh && !(*fresh == secrets_)) {
      secrets_ = std::move(fresh).value();
      return post_once(body, key);
    }
    return answer;
  }

  Answer post_once(std::string_view body, const std::string& key) {
    http::Request request;
    request.method = http::Method::kPost;
    request.url = secrets_.url.view();
    if (options_.form == Form::kNtfy) {
      if (const auto address = split_ntfy(request.url)) {
        request.url = address->server;
      }
    }
    request.body = body;
    request.connect_timeout = options_.connect_timeout;
    request.timeout = options_.timeout;
    request.response_limit = kLongestAnswer;
    const bool reports = options_.form == Form::kAbuseIpDb || options_.form == Form::kBlocklistDe;
    request.headers = {
        {"Content-Type", reports ? "application/x-www-form-urlencoded" : "application/json"},
        {"Idempotency-Key", key}};
    if (options_.form == Form::kAbuseIpDb) {
      request.headers.push_back({"Key", bare_token()});
      request.headers.push_back({"Accept", "application/json"});
    } else if (!secrets_.bearer.empty() && options_.form != Form::kPagerDuty && !reports) {
      request.headers.push_back({"Authorization", secrets_.bearer.view()});
    }
    std::string signature;
    if (!secrets_.signing_key.empty()) {
      const auto mac = crypto::hmac_sha256(secrets_.signing_key.bytes(), util::as_bytes(body));
      if (!mac) {
        return Answer{Outcome{Outcome::Kind::kRetry, {}, mac.error().message()}, {}, 0};
      }
      signature = "sha256=" + util::to_hex(*mac);
      request.headers.push_back({"X-Warder-Signature", signature});
    }
    const auto response = client_.perform(request);
    return response ? judge(*response) : failed(response.error());
  }

  // No answer. What only an operator can change (a certificate, a forbidden address) is retried
  // too: it costs nothing while backing off, and nothing is lost until it is changed.
  static Answer failed(const Error& error) {
    return Answer{Outcome{Outcome::Kind::kRetry, {}, error.message()}, {}, 0};
  }

  Answer judge(const http::Response& response) const {
    Answer answer;
    answer.status = response.status;
    answer.outcome.kind = judge_status(response.status);
    const std::string where = http::masked_url(secrets_.url.view());
    if (options_.form == Form::kAbuseIpDb &&
        response.body.find("once in 15 minutes") != std::string::npos) {
      answer.outcome.kind = Outcome::Kind::kDelivered;  // it knows of the address already
      return answer;
    }
    if (answer.outcome.kind == Outcome::Kind::kDelivered) {
      if (is_html(response)) {
        answer.outcome.kind = Outcome::Kind::kRetry;
        answer.outcome.reason = fmt::format(
            "{} answered {} with a web page: something else than the receiver answers there", where,
            response.status);
        return answer;
      }
      answer.body = response.body;
      return answer;
    }
    answer.outcome.reason = fmt::format("{} answered {}{}{}", where, response.status,
                                        one_word(response.body), advice(response.status));
    if (const auto after = response.header("retry-after")) {
      answer.outcome.after = http::parse_retry_after(*after, clock_.now());
    }
    return answer;
  }

  const WebhookOptions options_;
  const util::Clock& clock_;
  http::Client client_;
  Secrets secrets_;  // without an address until they were fetched
};

}  // namespace

std::unique_ptr<Destination> make_webhook(WebhookOptions options, const util::Clock& clock) {
  return std::make_unique<Webhook>(std::move(options), clock);
}

}  // namespace warder::ship
