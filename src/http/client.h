#pragma once

#include "net/address.h"
#include "util/bytes.h"
#include "util/result.h"

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace warder::http {

enum class Method { kGet, kHead, kPost, kPut, kPatch, kDelete, kList };

// A header of a request. Views, so that a secret value is not copied about.
struct Header {
  std::string_view name;
  std::string_view value;
};

// One request. All views must stay valid during Client::perform().
struct Request {
  Method method = Method::kGet;
  // https:// or http://. Treated as a secret: errors show only its host.
  std::string_view url;
  // A name or value with a control character is refused (kInvalid).
  std::vector<Header> headers;
  std::string_view body;
  std::chrono::milliseconds connect_timeout{5000};
  // Of the whole exchange, redirects included.
  std::chrono::milliseconds timeout{15000};
  // A longer body is refused (kInvalid).
  util::ByteCount response_limit = util::mebibytes(1);
  // 0: a redirect is an ordinary answer. Otherwise that many are followed, only to https (or http
  // to http), each address checked anew; headers of the request go along only to the same host
  // and port.
  unsigned redirects = 0;
  // On a connection of its own: libcurl repeats a request by itself when a kept connection turns
  // out to be dead, which a write that must not happen twice cannot bear.
  bool once = false;
};

struct Response {
  int status = 0;
  // Names in lower case, in order of arrival, of the last answer.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  // The peer the answer came from.
  std::optional<net::IpAddress> peer;

  // The first header of that (lower-case) name.
  std::optional<std::string_view> header(std::string_view name) const;
};

// Which peers may be talked to. It is the address of the connection that counts, not what a name
// resolved to earlier, so a name that changes between two look-ups gains nothing.
enum class Reach {
  kAny,     // an address that the operator wrote: a vault, a proxy
  kPublic,  // a webhook: private, loopback, link-local and metadata addresses are refused
};

// Whether the server's certificate and name are checked. kNo is for a server on this very machine
// and for an operator who insists (vault/server_options.h says when).
enum class Verify { kYes, kNo };

struct ClientOptions {
  // PEM file with the authorities to trust instead of the system's. Empty: the system's.
  std::filesystem::path ca_file;
  // Folder of such files under their hashed names (openssl-rehash(1)). Given with or without
  // ca_file, the system's authorities do not count either.
  std::filesystem::path ca_folder = {};
  // PEM files of a certificate and its key that this side shows. Both or none.
  std::filesystem::path client_certificate = {};
  std::filesystem::path client_key = {};
  Verify verify = Verify::kYes;
  // A Unix socket to connect to instead of the URL's host and port.
  std::filesystem::path unix_socket = {};
  // "http://proxy:3128". Empty: none; the environment is not looked at. Behind a proxy the address
  // rule cannot be kept by us (the proxy connects) and is not applied.
  std::string proxy;
  Reach reach = Reach::kAny;
  // Hosts (as in the URL, any case) that Reach::kPublic does not apply to: "allowed by name".
  std::vector<std::string> allowed_hosts;
  std::string user_agent = "warder";
};

// A blocking HTTP client with kept connections (HTTP/1.1, TLS 1.2 or newer, certificate and name
// always checked). One thread at a time; cancel() from any thread. The first client makes the
// process ignore SIGPIPE, unless it handles it.
//
// An answer of any status is a Response. Errors: kTimeout, kUnavailable (no such host, refused,
// reset, cancelled), kDenied (certificate, forbidden address), kInvalid (URL, header, over-long
// answer), kInternal. Texts name the host, the cause and what to do; never path, query, headers.
class Client {
 public:
  explicit Client(ClientOptions options);
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  util::Result<Response> perform(const Request& request);

  // Ends a running perform() and every later one with kUnavailable, at once. For shutdown.
  void cancel();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// "https://host:port/..." without user, path and query, fit for a log; "(unreadable address)" when
// it is no URL.
std::string masked_url(std::string_view url);

}  // namespace warder::http
