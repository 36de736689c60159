#include "ship/mail.h"

#include "http/failure.h"
#include "http/library.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstring>
#include <utility>

namespace warder::ship {
namespace {

using util::Error;
using util::ErrorCode;
using Security = MailServer::Security;

struct FreeEasy {
  void operator()(CURL* handle) const { http::library()->easy_cleanup(handle); }
};
struct FreeList {
  void operator()(curl_slist* list) const { http::library()->slist_free_all(list); }
};

// What libcurl reads the message from.
struct Upload {
  std::string_view rest;
};

std::size_t on_read(char* buffer, std::size_t size, std::size_t count, void* user) {
  auto* const upload = static_cast<Upload*>(user);
  const std::size_t bytes = std::min(size * count, upload->rest.size());
  std::memcpy(buffer, upload->rest.data(), bytes);
  upload->rest.remove_prefix(bytes);
  return bytes;
}

int on_progress(void* user, curl_off_t /*total*/, curl_off_t /*now*/, curl_off_t /*up_total*/,
                curl_off_t /*up_now*/) {
  return static_cast<const std::atomic<bool>*>(user)->load() ? 1 : 0;
}

bool is_this_host(std::string_view host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

std::string in_url(const std::string& host) {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

class Mail : public Destination {
 public:
  Mail(MailOptions options, const util::Clock& clock)
      : options_(std::move(options)), clock_(clock) {
    http::library();  // not with the first alert
  }

  std::string_view name() const override { return options_.name; }
  std::size_t batch_limit() const override { return 1; }

  std::vector<Outcome> deliver(std::span<const Message> messages) override {
    std::vector<Outcome> outcomes;
    for (const Message& message : messages) {
      if (!outcomes.empty() && outcomes.back().kind == Outcome::Kind::kRetry) {
        outcomes.push_back(outcomes.back());
      } else {
        outcomes.push_back(send(message));
        // What was taken back before its time: with new ones, once more.
        if (outcomes.back().kind == Outcome::Kind::kRejected && options_.refused) {
          options_.refused();
          outcomes.back() = send(message);
        }
      }
    }
    return outcomes;
  }

  void cancel() override { cancelled_ = true; }

 private:
  Outcome send(const Message& message) {
    if (http::library() == nullptr) {
      return {Outcome::Kind::kRetry, {}, std::string(http::kNoLibrary)};
    }
    const std::unique_ptr<CURL, FreeEasy> handle(http::library()->easy_init());
    if (!handle) {
      throw std::bad_alloc();
    }
    CURL* const curl = handle.get();
    const MailServer& server = options_.server;
    const std::string where =
        fmt::format("{}://{}:{}", server.security == Security::kTls ? "smtps" : "smtp",
                    in_url(server.host), server.port);
    const bool logs_in = static_cast<bool>(options_.username);
    if (logs_in) {
      // Should their lease be replaced between the two, the log-in is refused and tried once more.
      for (const auto& [source, option] : {std::pair(&options_.username, CURLOPT_USERNAME),
                                           std::pair(&options_.password, CURLOPT_PASSWORD)}) {
        const auto secret = (*source)();
        if (!secret) {
          return {Outcome::Kind::kRetry, {}, secret.error().message()};
        }
        // libcurl takes a C string and copies it; the copy goes with the handle.
        std::string text(secret->view());
        http::library()->easy_setopt(curl, option, text.c_str());
        crypto::wipe(&text);
      }
    }
    const std::string body = mail_text(options_.envelope, options_.host, message, clock_.now());
    Upload upload{body};
    std::unique_ptr<curl_slist, FreeList> to;
    for (const std::string& address : options_.envelope.to) {
      curl_slist* const longer = http::library()->slist_append(to.get(), address.c_str());
      if (longer == nullptr) {
        throw std::bad_alloc();
      }
      (void)to.release();  // its head stays the head
      to.reset(longer);
    }
    http::library()->easy_setopt(curl, CURLOPT_URL, where.c_str());
    http::library()->easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    http::library()->easy_setopt(curl, CURLOPT_PROXY, "");
    http::library()->easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    http::library()->easy_setopt(
        curl, CURLOPT_USE_SSL,
        static_cast<long>(server.security == Security::kPlain && !logs_in ? CURLUSESSL_NONE
                                                                          : CURLUSESSL_ALL));
    http::library()->easy_setopt(curl, CURLOPT_SSLVERSION,
                                 static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (!options_.ca_file.empty()) {
      http::library()->easy_setopt(curl, CURLOPT_CAINFO, options_.ca_file.c_str());
      http::library()->easy_setopt(curl, CURLOPT_CAPATH, nullptr);
    }
    http::library()->easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                                 static_cast<long>(options_.connect_timeout.count()));
    http::library()->easy_setopt(curl, CURLOPT_TIMEOUT_MS,
                                 static_cast<long>(options_.timeout.count()));
    http::library()->easy_setopt(curl, CURLOPT_MAIL_FROM, options_.envelope.from.c_str());
    http::library()->easy_setopt(curl, CURLOPT_MAIL_RCPT, to.get());
    http::library()->easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    http::library()->easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
    http::library()->easy_setopt(curl, CURLOPT_READDATA, &upload);
    http::library()->easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    http::library()->easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    http::library()->easy_setopt(curl, CURLOPT_XFERINFODATA, &cancelled_);
    return judge(http::library()->easy_perform(curl), curl, where);
  }

  Outcome judge(CURLcode code, CURL* curl, const std::string& where) const {
    long reply = 0;
    http::library()->easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply);
    switch (code) {
      case CURLE_OK:
        return {};
      case CURLE_ABORTED_BY_CALLBACK:
        return {Outcome::Kind::kRetry, {}, "stopping"};
      case CURLE_LOGIN_DENIED:
        return {Outcome::Kind::kRejected,
                {},
                fmt::format("{} does not take the user name and password; check username and "
                            "password of this destination",
                            where)};
      case CURLE_USE_SSL_FAILED:
        return {
            Outcome::Kind::kRejected,
            {},
            fmt::format("{} offers no TLS (STARTTLS), and nothing is sent in the clear to another "
                        "host; use its smtps port, or a relay on this host",
                        where)};
      default:
        break;
    }
    if (reply >= 500 && reply < 600) {
      // 530 and 535 are about who we are, 550 and its relatives about this message or a recipient.
      const bool identity = reply == 530 || reply == 534 || reply == 535;
      return {
          identity ? Outcome::Kind::kRejected : Outcome::Kind::kRefused,
          {},
          fmt::format("{} answered {}: {}", where, reply,
                      identity && !options_.username
                          ? "it takes mail only over TLS or after a log-in; name it by the host "
                            "name of its certificate instead of 127.0.0.1, or set username and "
                            "password"
                      : identity ? "it wants another log-in; check username and password"
                                 : "it refuses the sender, a recipient or the content; check from "
                                   "and to of this destination")};
    }
    if (reply >= 400 && reply < 500) {
      return {Outcome::Kind::kRetry,
              {},
              fmt::format("{} answered {}: not now (greylisting, quota or load); it is tried again",
                          where, reply)};
    }
    const Error error = http::describe_failure(code, curl, where);
    return {error.code() == ErrorCode::kDenied ? Outcome::Kind::kRejected : Outcome::Kind::kRetry,
            {},
            error.message()};
  }

  const MailOptions options_;
  const util::Clock& clock_;
  std::atomic<bool> cancelled_{false};
};

}  // namespace

util::Result<MailServer> parse_mail_server(std::string_view url) {
  const Error refused(
      ErrorCode::kInvalid,
      fmt::format(
          "'{}' is no mail server; write smtp://HOST (STARTTLS, port 587), smtps://HOST (TLS, "
          "port 465) or smtp://127.0.0.1 (a relay on this host, port 25)",
          util::printable(url, 100)));
  MailServer server;
  if (url.starts_with("smtps://")) {
    server.security = Security::kTls;
    url.remove_prefix(8);
  } else if (url.starts_with("smtp://")) {
    url.remove_prefix(7);
  } else {
    return refused;
  }
  if (url.ends_with('/')) {
    url.remove_suffix(1);
  }
  std::string_view port;
  if (url.starts_with('[')) {
    const auto end = url.find(']');
    if (end == std::string_view::npos) {
      return refused;
    }
    server.host = util::to_lower(url.substr(1, end - 1));
    port = url.substr(end + 1);
  } else {
    const auto colon = std::min(url.find(':'), url.size());
    server.host = util::to_lower(url.substr(0, colon));
    port = url.substr(colon);
  }
  if (server.host.empty() || server.host.size() > 253 ||
      server.host.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-:") !=
          std::string::npos) {
    return refused;
  }
  if (server.security != Security::kTls && is_this_host(server.host)) {
    server.security = Security::kPlain;
  }
  server.port = server.security == Security::kTls     ? 465
                : server.security == Security::kPlain ? 25
                                                      : 587;
  if (!port.empty()) {
    const auto* const end = port.data() + port.size();
    const auto [stop, error] = std::from_chars(port.data() + 1, end, server.port);
    if (port.front() != ':' || error != std::errc() || stop != end || server.port == 0) {
      return refused;
    }
  }
  return server;
}

std::unique_ptr<Destination> make_mail(MailOptions options, const util::Clock& clock) {
  return std::make_unique<Mail>(std::move(options), clock);
}

}  // namespace warder::ship
