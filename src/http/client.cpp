#include "http/client.h"

#include "http/address_rule.h"
#include "http/failure.h"
#include "http/library.h"
#include "http/url.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <arpa/inet.h>
#include <atomic>
#include <csignal>
#include <cstring>
#include <mutex>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace warder::http {
namespace {

using util::Error;
using util::ErrorCode;
using Clock = std::chrono::steady_clock;

// Beyond all that a sane server sends; libcurl itself stops at 300 KiB of headers.
constexpr std::size_t kMostHeaders = 256;

struct FreeEasy {
  void operator()(CURL* handle) const { library()->easy_cleanup(handle); }
};
struct FreeMulti {
  void operator()(CURLM* handle) const { library()->multi_cleanup(handle); }
};
struct FreeList {
  void operator()(curl_slist* list) const { library()->slist_free_all(list); }
};

const char* method_name(Method method) {
  switch (method) {
    case Method::kGet:
      return "GET";
    case Method::kHead:
      return "HEAD";
    case Method::kPost:
      return "POST";
    case Method::kPut:
      return "PUT";
    case Method::kPatch:
      return "PATCH";
    case Method::kDelete:
      return "DELETE";
    case Method::kList:
      return "LIST";
  }
  return "GET";
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::optional<net::IpAddress> address_of(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, address, sizeof v4);
    return net::IpAddress::v4(ntohl(v4.sin_addr.s_addr));
  }
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, address, sizeof v6);
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return net::IpAddress::v6(bytes);
  }
  return std::nullopt;
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

// One exchange, without redirects: what the callbacks of libcurl work on.
struct Exchange {
  Response response;
  std::size_t body_limit = 0;
  bool body_too_long = false;
  bool headers_too_many = false;
  // Rule for the peer, and the first address that broke it.
  bool public_only = false;
  std::optional<net::IpAddress> forbidden;
};

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* user) {
  auto* const exchange = static_cast<Exchange*>(user);
  const std::size_t bytes = size * count;
  if (bytes > exchange->body_limit - exchange->response.body.size()) {
    exchange->body_too_long = true;
    return 0;
  }
  exchange->response.body.append(data, bytes);
  return bytes;
}

std::size_t on_header(char* data, std::size_t size, std::size_t count, void* user) {
  auto* const exchange = static_cast<Exchange*>(user);
  const std::size_t bytes = size * count;
  const std::string_view line(data, bytes);
  auto& headers = exchange->response.headers;
  if (line.starts_with("HTTP/")) {
    // The status line of the next answer (after a "100 Continue").
    headers.clear();
    return bytes;
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) {
    return bytes;
  }
  if (headers.size() >= kMostHeaders) {
    exchange->headers_too_many = true;
    return 0;
  }
  headers.emplace_back(util::to_lower(util::trim(line.substr(0, colon))),
                       std::string(util::trim(line.substr(colon + 1))));
  return bytes;
}

// Asked before each connection is made, with the very address that it goes to.
curl_socket_t on_open_socket(void* user, curlsocktype /*purpose*/, curl_sockaddr* address) {
  auto* const exchange = static_cast<Exchange*>(user);
  if (exchange->public_only) {
    const auto peer = address_of(&address->addr);
    if (!peer || not_public(*peer)) {
      if (!exchange->forbidden && peer) {
        exchange->forbidden = peer;
      }
      return CURL_SOCKET_BAD;
    }
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

}  // namespace

std::optional<std::string_view> Response::header(std::string_view name) const {
  for (const auto& [known, value] : headers) {
    if (known == name) {
      return value;
    }
  }
  return std::nullopt;
}

class Client::Impl {
 public:
  explicit Impl(ClientOptions options) : options_(std::move(options)) {
    if (library() != nullptr) {
      multi_.reset(library()->multi_init());
      easy_.reset(library()->easy_init());
    }
    for (std::string& host : options_.allowed_hosts) {
      host = util::to_lower(host);
    }
  }

  util::Result<Response> perform(const Request& request) {
    if (library() == nullptr) {
      return Error(ErrorCode::kUnavailable, std::string(kNoLibrary));
    }
    if (!multi_ || !easy_) {
      return Error(ErrorCode::kInternal, "libcurl could not be set up");
    }
    for (const Header& header : request.headers) {
      if (header.name.empty() || has_control(header.name) || has_control(header.value)) {
        return Error(ErrorCode::kInvalid, "a header of the request holds a control character");
      }
    }
    const auto first = parse_target(request.url);
    if (!first) {
      return Error(ErrorCode::kInvalid,
                   "(unreadable address): is no http or https address, or "
                   "has a user name in it");
    }
    const Clock::time_point deadline = Clock::now() + request.timeout;
    std::string url(request.url);
    Target target = *first;
    for (unsigned hop = 0;; ++hop) {
      auto response = exchange(request, url, target, target == *first, deadline);
      if (!response || request.redirects == 0 || !is_redirect(response->status)) {
        return response;
      }
      char* location = nullptr;
      library()->easy_getinfo(easy_.get(), CURLINFO_REDIRECT_URL, &location);
      if (location == nullptr) {
        return response;
      }
      if (hop >= request.redirects) {
        return Error(ErrorCode::kInvalid, fmt::format("{}: was redirected more than {} times",
                                                      first->to_string(), request.redirects));
      }
      url = location;
      const auto next = parse_target(url);
      if (!next || (target.scheme == "https" && next->scheme != "https")) {
        return Error(ErrorCode::kInvalid,
                     fmt::format("{}: redirects to an address that is not https, which is not "
                                 "followed",
                                 target.to_string()));
      }
      target = *next;
    }
  }

  void cancel() {
    cancelled_ = true;
    if (multi_) {
      library()->multi_wakeup(multi_.get());
    }
  }

 private:
  util::Result<Response> exchange(const Request& request, const std::string& url,
                                  const Target& target, bool own_host, Clock::time_point deadline) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    if (left <= std::chrono::milliseconds(0)) {
      return Error(ErrorCode::kTimeout, target.to_string() + ": no answer within the time limit");
    }
    Exchange state;
    state.body_limit = request.response_limit.value;
    state.public_only = options_.reach == Reach::kPublic && options_.proxy.empty() &&
                        std::find(options_.allowed_hosts.begin(), options_.allowed_hosts.end(),
                                  target.host) == options_.allowed_hosts.end();
    std::unique_ptr<curl_slist, FreeList> headers;
    if (!set_options(request, url, own_host, left, &state, &headers)) {
      return Error(ErrorCode::kInternal, target.to_string() + ": libcurl refused its options");
    }
    const auto code = run();
    if (!code) {
      return Error(ErrorCode::kUnavailable,
                   target.to_string() + ": the request was cancelled because the agent stops");
    }
    if (*code == CURLE_OK) {
      return finish(&state);
    }
    if (state.forbidden) {
      return Error(
          ErrorCode::kDenied,
          fmt::format("{}: goes to {}, a {} address, where no webhook is sent to; if this is "
                      "wanted, name the host in allow_private",
                      target.to_string(), state.forbidden->to_string(),
                      not_public(*state.forbidden).value_or("reserved")));
    }
    if (state.body_too_long) {
      return Error(ErrorCode::kInvalid,
                   fmt::format("{}: the answer is longer than {} bytes", target.to_string(),
                               request.response_limit.value));
    }
    if (state.headers_too_many) {
      return Error(ErrorCode::kInvalid, fmt::format("{}: the answer has more than {} headers",
                                                    target.to_string(), kMostHeaders));
    }
    return describe_failure(*code, easy_.get(), target.to_string());
  }

  Response finish(Exchange* state) {
    long status = 0;
    library()->easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    state->response.status = static_cast<int>(status);
    char* peer = nullptr;
    library()->easy_getinfo(easy_.get(), CURLINFO_PRIMARY_IP, &peer);
    if (peer != nullptr) {
      state->response.peer = net::IpAddress::parse(peer);
    }
    return std::move(state->response);
  }

  bool set_options(const Request& request, const std::string& url, bool own_host,
                   std::chrono::milliseconds left, Exchange* state,
                   std::unique_ptr<curl_slist, FreeList>* headers) {
    CURL* const easy = easy_.get();
    library()->easy_reset(easy);
    bool good = true;
    const auto set = [&](CURLoption option, auto value) {
      good = good && library()->easy_setopt(easy, option, value) == CURLE_OK;
    };
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(CURLOPT_NOSIGNAL, 1L);
    // A name look-up that hangs must not hold up the end of the agent.
    set(CURLOPT_QUICK_EXIT, 1L);
    // Not even the environment's proxy or the user's .netrc.
    set(CURLOPT_PROXY, options_.proxy.c_str());
    set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    set(CURLOPT_USERAGENT, options_.user_agent.c_str());
    set(CURLOPT_CONNECTTIMEOUT_MS,
        static_cast<long>(std::min(request.connect_timeout, left).count()));
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(left.count()));
    if (!options_.ca_file.empty() || !options_.ca_folder.empty()) {
      const auto path_or_none = [](const std::filesystem::path& path) {
        return path.empty() ? static_cast<const char*>(nullptr) : path.c_str();
      };
      set(CURLOPT_CAINFO, path_or_none(options_.ca_file));
      set(CURLOPT_CAPATH, path_or_none(options_.ca_folder));
    }
    if (!options_.client_certificate.empty()) {
      set(CURLOPT_SSLCERT, options_.client_certificate.c_str());
      set(CURLOPT_SSLKEY, options_.client_key.c_str());
    }
    if (options_.verify == Verify::kNo) {
      set(CURLOPT_SSL_VERIFYPEER, 0L);
      set(CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (!options_.unix_socket.empty()) {
      set(CURLOPT_UNIX_SOCKET_PATH, options_.unix_socket.c_str());
    }
    set(CURLOPT_FRESH_CONNECT, request.once ? 1L : 0L);
    set(CURLOPT_OPENSOCKETFUNCTION, &on_open_socket);
    set(CURLOPT_OPENSOCKETDATA, static_cast<void*>(state));
    set(CURLOPT_WRITEFUNCTION, &on_body);
    set(CURLOPT_WRITEDATA, static_cast<void*>(state));
    set(CURLOPT_HEADERFUNCTION, &on_header);
    set(CURLOPT_HEADERDATA, static_cast<void*>(state));
    set_method(request, set);
    // libcurl's own ideas: waiting for "100 Continue" costs a second with servers that know none.
    append(headers, "Expect", "");
    if (own_host) {
      for (const Header& header : request.headers) {
        append(headers, header.name, header.value);
      }
    }
    set(CURLOPT_HTTPHEADER, headers->get());
    return good;
  }

  template <typename Set>
  static void set_method(const Request& request, const Set& set) {
    if (request.method == Method::kHead) {
      set(CURLOPT_NOBODY, 1L);
      return;
    }
    if (request.method == Method::kGet) {
      return;
    }
    if (!request.body.empty() || request.method == Method::kPost ||
        request.method == Method::kPut || request.method == Method::kPatch) {
      set(CURLOPT_POST, 1L);
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
      set(CURLOPT_POSTFIELDS, request.body.empty() ? "" : request.body.data());
    }
    set(CURLOPT_CUSTOMREQUEST, method_name(request.method));
  }

  static void append(std::unique_ptr<curl_slist, FreeList>* list, std::string_view name,
                     std::string_view value) {
    // "Name:" takes a header of libcurl's away; "Name;" is its spelling of an empty one.
    const std::string line = fmt::format("{}: {}", name, value);
    if (curl_slist* const longer = library()->slist_append(list->get(), line.c_str())) {
      (void)list->release();
      list->reset(longer);
    }
  }

  // Runs easy_ to its end; empty when cancelled.
  std::optional<CURLcode> run() {
    CURLM* const multi = multi_.get();
    if (library()->multi_add_handle(multi, easy_.get()) != CURLM_OK) {
      return CURLE_FAILED_INIT;
    }
    std::optional<CURLcode> result;
    int running = 1;
    while (running > 0 && !cancelled_) {
      if (library()->multi_perform(multi, &running) != CURLM_OK) {
        result = CURLE_FAILED_INIT;
        break;
      }
      if (running > 0 && !cancelled_) {
        library()->multi_poll(multi, nullptr, 0, 1000, nullptr);
      }
    }
    int left = 0;
    while (const CURLMsg* const message = library()->multi_info_read(multi, &left)) {
      if (message->msg == CURLMSG_DONE) {
        result = message->data.result;
      }
    }
    library()->multi_remove_handle(multi, easy_.get());
    return result;
  }

  ClientOptions options_;
  // Destroyed in reverse order: the easy handle is never in the multi handle then.
  std::unique_ptr<CURLM, FreeMulti> multi_;
  std::unique_ptr<CURL, FreeEasy> easy_;
  std::atomic<bool> cancelled_{false};
};

Client::Client(ClientOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

util::Result<Response> Client::perform(const Request& request) { return impl_->perform(request); }

void Client::cancel() { impl_->cancel(); }

}  // namespace warder::http
