#include "vault/oci_sender.h"

#include "http/url.h"
#include "vault/oci_options.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <utility>

namespace warder::vault {
namespace {

using util::Error;
using util::ErrorCode;

}  // namespace

OciSender::OciSender(config::Values values, Environment environment, const util::Clock& clock)
    : values_(std::move(values)), environment_(std::move(environment)), clock_(clock) {}

OciSender::~OciSender() = default;

util::Result<OciClient*> OciSender::client() {
  const std::lock_guard lock(mutex_);
  if (stopped_) {
    return Error(ErrorCode::kUnavailable, "the agent stops");
  }
  if (!client_) {
    auto account = open_oci_account(values_, environment_, clock_);
    if (!account) {
      return Error(ErrorCode::kUnavailable, account.error().message());
    }
    credentials_ = std::move(account->credentials);
    client_ = std::make_unique<OciClient>(*credentials_, std::move(account->endpoints),
                                          std::move(account->http), clock_);
  }
  return client_.get();
}

util::Result<OciAnswer> OciSender::call(const OciCall& call) {
  WARDER_ASSIGN_OR_RETURN(OciClient* const client, this->client());
  return client->call(call);
}

util::Result<OciAnswer> OciSender::put_logs(std::string_view log, std::string_view body) {
  WARDER_ASSIGN_OR_RETURN(
      OciAnswer answer,
      call({.service = oci::Service::kLogIngestion,
            .method = http::Method::kPost,
            .path = fmt::format("/logs/{}/actions/push", http::percent_encode(log)),
            .body = body,
            .what = "writing to the log",
            .policy = "use log-content"}));
  // The only answer of success whose body says nothing; OCI names each of its answers.
  if (answer.request_id.empty()) {
    return Error(ErrorCode::kUnavailable,
                 "writing to the log: the answer has no opc-request-id, so it is not OCI's and "
                 "nothing may have been written; see what stands between (a proxy, a portal)");
  }
  return answer;
}

util::Result<OciAnswer> OciSender::publish(std::string_view topic, std::string_view body) {
  return call({.service = oci::Service::kNotification,
               .method = http::Method::kPost,
               .path = fmt::format("/topics/{}/messages", http::percent_encode(topic)),
               .body = body,
               .what = "publishing to the topic",
               .policy = "use ons-topics"});
}

util::Result<OciAnswer> OciSender::post_metrics(std::string_view body) {
  return call({.service = oci::Service::kMetricIngestion,
               .method = http::Method::kPost,
               .path = "/metrics",
               .body = body,
               .what = "writing metrics",
               .policy = "use metrics"});
}

util::Result<std::vector<std::string>> OciSender::search_logs(std::string_view query,
                                                              util::WallTime from,
                                                              util::WallTime until,
                                                              std::size_t most) {
  const nlohmann::json body{{"timeStart", util::format_rfc3339(from)},
                            {"timeEnd", util::format_rfc3339(until)},
                            {"searchQuery", query},
                            {"isReturnFieldInfo", false}};
  const std::string text = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  std::vector<std::string> found;
  std::string page;
  do {
    OciCall next{.service = oci::Service::kLogSearch,
                 .method = http::Method::kPost,
                 .path = "/search",
                 .query = {{"limit", "500"}},
                 .body = text,
                 .what = "searching the log",
                 .policy = "read log-content"};
    if (!page.empty()) {
      next.query.emplace_back("page", page);
    }
    WARDER_ASSIGN_OR_RETURN(OciAnswer answer, call(next));
    const auto json = nlohmann::json::parse(answer.body, nullptr, false);
    const auto results = json.is_object() ? json.find("results") : json.end();
    if (!json.is_object() || results == json.end() || !results->is_array()) {
      return Error(ErrorCode::kInvalid,
                   "searching the log: the answer holds no results; check the endpoint");
    }
    for (const auto& result : *results) {
      if (found.size() == most) {
        return Error(ErrorCode::kInvalid,
                     fmt::format("searching the log: there are more than {} results", most));
      }
      if (result.is_object() && result.contains("data")) {
        found.push_back(
            result["data"].dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
      }
    }
    if (answer.next_page == page) {
      break;
    }
    page = std::move(answer.next_page);
  } while (!page.empty());
  return found;
}

void OciSender::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  if (client_) {
    client_->stop();
  }
}

}  // namespace warder::vault
