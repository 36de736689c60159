#include "vault/oci_client.h"

#include "http/url.h"
#include "oci/answer.h"
#include "oci/signature.h"
#include "util/strings.h"
#include "vault/own_error.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <utility>

namespace warder::vault {
namespace {

using util::Error;
using util::ErrorCode;

std::string_view name_of(http::Method method) {
  switch (method) {
    case http::Method::kPost:
      return "POST";
    case http::Method::kPut:
      return "PUT";
    case http::Method::kDelete:
      return "DELETE";
    default:
      return "GET";
  }
}

// What stands behind scheme, host and port.
std::string_view target_of(std::string_view url) {
  const auto slash = url.find('/', url.find("://") + 3);
  return slash == std::string_view::npos ? std::string_view("/") : url.substr(slash);
}

std::string_view host_of(std::string_view url) {
  const auto begin = url.find("://") + 3;
  return url.substr(begin, url.find('/', begin) - begin);
}

std::optional<Failure> failure_by(int status, const std::string& retry_after) {
  if (status == 429) {
    std::uint32_t seconds = 0;
    const char* const end = retry_after.data() + retry_after.size();
    const bool said =
        std::from_chars(retry_after.data(), end, seconds).ptr == end && !retry_after.empty();
    return Failure{Trouble::kThrottled,
                   said ? std::optional(std::chrono::seconds(seconds)) : std::nullopt};
  }
  if (status >= 500) {
    return Failure{Trouble::kFault};
  }
  return status == 401 || status == 403 ? std::optional(Failure{Trouble::kRefused}) : std::nullopt;
}

}  // namespace

OciClient::OciClient(oci::Credentials& credentials, oci::Endpoints endpoints,
                     http::ClientOptions options, const util::Clock& clock)
    : credentials_(credentials),
      endpoints_(std::move(endpoints)),
      clock_(clock),
      http_(std::move(options)) {}

util::Result<OciClient::Attempt> OciClient::attempt(const OciCall& call) {
  std::string url = endpoints_.base(call.service) + call.path;
  char separator = '?';
  for (const auto& [name, value] : call.query) {
    url += fmt::format("{}{}={}", separator, name, http::percent_encode(value));
    separator = '&';
  }
  if (!http::parse_target(url)) {
    return Error(ErrorCode::kInvalid,
                 fmt::format("{}: the endpoint of {} is no http or https address", call.what,
                             oci::name_of(call.service)));
  }
  const auto current = credentials_.current();
  if (!current) {
    return own_error(current.error());
  }
  const oci::Identity& identity = *current;
  WARDER_ASSIGN_OR_RETURN(const auto signed_headers,
                          oci::sign({.method = name_of(call.method),
                                     .target = target_of(url),
                                     .host = host_of(url),
                                     .body = call.body},
                                    identity.key_id, *identity.key, clock_.now()));
  http::Request request{.method = call.method, .url = url, .headers = {}, .body = call.body};
  request.headers.push_back({"accept", "application/json"});
  for (const auto& [name, value] : signed_headers) {
    request.headers.push_back({name, value});
  }
  if (!call.if_match.empty()) {
    request.headers.push_back({"if-match", call.if_match});
  }
  if (!call.retry_token.empty()) {
    request.headers.push_back({"opc-retry-token", call.retry_token});
  }
  request.response_limit = util::mebibytes(4);
  auto response = [&] {
    const std::lock_guard lock(mutex_);
    return http_.perform(request);
  }();
  if (!response) {
    const std::lock_guard lock(failure_mutex_);
    failure_ = Failure{Trouble::kUnreachable};
    // No HTTP, or more of it than can be: whoever answers so has not judged what was sent.
    const util::Error& error = response.error();
    return util::Error(error.code() == ErrorCode::kInvalid ? ErrorCode::kUnavailable : error.code(),
                       error.message())
        .with_context(call.what);
  }
  const auto header = [&](std::string_view name) {
    return std::string(response->header(name).value_or(std::string_view()));
  };
  {
    const std::lock_guard lock(failure_mutex_);
    failure_ = failure_by(response->status, header("retry-after"));
  }
  if (response->status >= 200 && response->status < 300) {
    return Attempt{OciAnswer{std::move(response->body), header("etag"), header("opc-next-page"),
                             util::printable(header("opc-request-id"), 100)}};
  }
  const std::string date = header("date");
  const std::string request_id = header("opc-request-id");
  oci::Meaning meaning = oci::describe(
      {.status = response->status, .body = response->body, .date = date, .request_id = request_id},
      call.what, credentials_.kind(), clock_.now(), call.policy);
  return Attempt{std::move(meaning.error), meaning.advice == oci::Advice::kRenew};
}

std::optional<Failure> OciClient::last_failure() const {
  const std::lock_guard lock(failure_mutex_);
  return failure_;
}

util::Result<OciAnswer> OciClient::call(const OciCall& call) {
  WARDER_ASSIGN_OR_RETURN(Attempt first, attempt(call));
  if (first.answer || !first.renew) {
    return std::move(first.answer);
  }
  const auto renewed = credentials_.renew();
  if (!renewed || !*renewed) {
    return std::move(first.answer);
  }
  WARDER_ASSIGN_OR_RETURN(Attempt second, attempt(call));
  return std::move(second.answer);
}

util::Result<std::vector<std::string>> OciClient::call_all(OciCall call, std::size_t most) {
  std::vector<std::string> elements;
  const std::size_t own_query = call.query.size();
  std::string page;
  do {
    call.query.resize(own_query);
    if (!page.empty()) {
      call.query.emplace_back("page", page);
    }
    WARDER_ASSIGN_OR_RETURN(OciAnswer answer, this->call(call));
    const auto json = nlohmann::json::parse(answer.body, nullptr, false);
    if (!json.is_array()) {
      return Error(ErrorCode::kInvalid,
                   fmt::format("{}: the answer is no list; check the endpoint of {}", call.what,
                               oci::name_of(call.service)));
    }
    for (const auto& element : json) {
      if (elements.size() == most) {
        return Error(ErrorCode::kInvalid,
                     fmt::format("{}: there are more than {}", call.what, most));
      }
      elements.push_back(element.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    }
    // A page can be empty and still have a successor; one that names itself would go on for ever.
    if (answer.next_page == page) {
      break;
    }
    page = std::move(answer.next_page);
  } while (!page.empty());
  return elements;
}

}  // namespace warder::vault
