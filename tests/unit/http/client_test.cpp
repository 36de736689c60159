#include "http/client.h"

#include "support/test_server.h"

#include <catch2/catch.hpp>
#include <fmt/core.h>

#include <cstdlib>
#include <thread>

using namespace warder;
using namespace std::chrono_literals;
using http::Client;
using http::Method;
using http::Request;
using testing::TestReply;
using testing::TestRequest;
using testing::TestServer;
using util::ErrorCode;

namespace {

Request get(std::string_view url) {
  Request request;
  request.url = url;
  return request;
}

std::string where(const TestServer& server) {
  return fmt::format("http://127.0.0.1:{}", server.port());
}

}  // namespace

TEST_CASE("a request as asked, an answer as given") {
  TestServer server([](const TestRequest&) {
    return TestReply{.status = 201, .headers = {{"X-Some", " value "}}, .body = "done"};
  });
  Client client({});
  Request request;
  request.method = Method::kPost;
  const std::string url = server.url("/path?q=1");
  request.url = url;
  request.headers = {{"Content-Type", "application/json"}, {"X-Token", "t"}};
  request.body = "{\"a\":1}";
  const auto response = client.perform(request);
  REQUIRE(response);
  CHECK(response->status == 201);
  CHECK(response->body == "done");
  CHECK(response->header("x-some") == "value");
  CHECK_FALSE(response->header("x-other"));
  CHECK(response->peer == net::IpAddress::parse("127.0.0.1"));
  const auto seen = server.requests().at(0);
  CHECK(seen.method == "POST");
  CHECK(seen.path == "/path?q=1");
  CHECK(seen.body == "{\"a\":1}");
  CHECK(seen.headers.at("content-type") == "application/json");
  CHECK(seen.headers.at("x-token") == "t");
  CHECK(seen.headers.at("user-agent") == "warder");
  CHECK(seen.headers.count("expect") == 0);
}

TEST_CASE("each method goes out under its name") {
  TestServer server([](const TestRequest&) { return TestReply{}; });
  Client client({});
  const std::string url = server.url("/");
  for (const Method method : {Method::kGet, Method::kHead, Method::kPost, Method::kPut,
                              Method::kPatch, Method::kDelete, Method::kList}) {
    Request request = get(url);
    request.method = method;
    REQUIRE(client.perform(request));
  }
  std::string methods;
  for (const TestRequest& request : server.requests()) {
    methods += request.method + " ";
  }
  CHECK(methods == "GET HEAD POST PUT PATCH DELETE LIST ");
}

TEST_CASE("an answer of any status is an answer") {
  TestServer server([](const TestRequest& request) {
    return TestReply{.status = std::stoi(request.path.substr(1))};
  });
  Client client({});
  for (const int status : {204, 301, 400, 401, 404, 429, 500, 503}) {
    const std::string url = server.url(fmt::format("/{}", status));
    CHECK(client.perform(get(url))->status == status);
  }
}

TEST_CASE("failures name host and cause, never the path") {
  using Fault = TestReply::Fault;
  Fault fault = Fault::kNone;
  std::string body = "0123456789";
  TestServer server([&](const TestRequest&) { return TestReply{.body = body, .fault = fault}; });
  Client client({});
  const std::string url = server.url("/canary-token?key=canary");
  const auto text = [&](Request request) {
    const auto response = client.perform(request);
    REQUIRE_FALSE(response);
    CHECK(response.error().message().find("canary") == std::string::npos);
    return fmt::format("{}: {}", util::to_string(response.error().code()),
                       response.error().message());
  };
  SECTION("the server closes") {
    fault = Fault::kClose;
    CHECK(text(get(url)) == "unavailable: " + where(server) +
                                ": the connection ended before the answer was complete");
  }
  SECTION("the server resets") {
    fault = Fault::kReset;
    CHECK(text(get(url)) == "unavailable: " + where(server) +
                                ": the connection ended before the answer was complete");
  }
  SECTION("reset in the body") {
    fault = Fault::kMidBody;
    CHECK(text(get(url)) == "unavailable: " + where(server) +
                                ": the connection ended before the answer was complete");
  }
  SECTION("no answer") {
    fault = Fault::kHang;
    Request request = get(url);
    request.timeout = 50ms;
    CHECK(text(request) == "timeout: " + where(server) + ": no answer within the time limit");
  }
  SECTION("no HTTP") {
    fault = Fault::kRaw;
    body = "HTTP/9.9 what\r\n\r\n";
    CHECK(text(get(url)) == "invalid: " + where(server) + ": the answer is no HTTP");
    body = "SSH-2.0-OpenSSH_9.2\r\n\r\n";
    CHECK(text(get(url)) == "invalid: " + where(server) + ": the answer is no HTTP");
  }
  SECTION("too long") {
    Request request = get(url);
    request.response_limit = util::ByteCount{9};
    CHECK(text(request) == "invalid: " + where(server) + ": the answer is longer than 9 bytes");
    request.response_limit = util::ByteCount{10};
    CHECK(client.perform(request)->body == body);
  }
  SECTION("too many headers") {
    fault = Fault::kRaw;
    body = "HTTP/1.1 200 OK\r\n";
    for (int i = 0; i < 300; ++i) {
      body += fmt::format("x-{}: y\r\n", i);
    }
    body += "\r\n";
    CHECK(text(get(url)) == "invalid: " + where(server) + ": the answer has more than 256 headers");
  }
}

TEST_CASE("nobody listens") {
  std::string url;
  std::string host;
  {
    TestServer server([](const TestRequest&) { return TestReply{}; });
    url = server.url("/canary");
    host = where(server);
  }
  Client client({});
  CHECK(client.perform(get(url)).error().message() ==
        host +
            ": Connection refused; nothing listens there: check address and port, and whether the "
            "server runs");
  // RFC 6761: this name never exists.
  CHECK(client.perform(get("http://canary-host.invalid/x")).error().message() ==
        "http://canary-host.invalid: its name cannot be resolved; check the name and this "
        "machine's name servers");
}

TEST_CASE("addresses and headers that cannot be are refused") {
  Client client({});
  for (const std::string_view bad :
       {"", "x", "file:///etc/passwd", "ftp://h/x", "http://", "https://user:canary@host/",
        "http://host/\ncanary", "gopher://h/"}) {
    const auto refused = client.perform(get(bad));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message() ==
          "(unreadable address): is no http or https address, or has a user name in it");
  }
  Request request = get("http://127.0.0.1:1/");
  request.headers = {{"X-A", "a\r\nX-B: b"}};
  CHECK(client.perform(request).error().message() ==
        "a header of the request holds a control character");
}

TEST_CASE("redirects are answers unless allowed, and lose the headers at another host") {
  TestServer other([](const TestRequest&) { return TestReply{.body = "other"}; });
  std::string location;
  TestServer server([&](const TestRequest& request) {
    if (request.path == "/end") {
      return TestReply{.body = "end"};
    }
    return TestReply{.status = 307, .headers = {{"Location", location}}};
  });
  Client client({});
  const std::string url = server.url("/start");
  Request request = get(url);
  request.headers = {{"X-Token", "secret"}};
  location = "/end";
  CHECK(client.perform(request)->status == 307);
  request.redirects = 2;
  CHECK(client.perform(request)->body == "end");
  CHECK(server.requests().back().headers.at("x-token") == "secret");
  location = other.url("/");
  CHECK(client.perform(request)->body == "other");
  CHECK(other.requests().at(0).headers.count("x-token") == 0);
  location = "/start";
  CHECK(client.perform(request).error().message() ==
        where(server) + ": was redirected more than 2 times");
  location = "file:///etc/passwd";
  CHECK(client.perform(request).error().message() ==
        where(server) + ": redirects to an address that is not https, which is not followed");
}

TEST_CASE("a webhook goes to public addresses only, whatever the name says") {
  TestServer server([](const TestRequest&) { return TestReply{}; });
  http::ClientOptions options;
  options.reach = http::Reach::kPublic;
  Client client(options);
  const std::string url = server.url("/canary");
  const auto refused = client.perform(get(url));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == ErrorCode::kDenied);
  CHECK(refused.error().message() ==
        where(server) +
            ": goes to 127.0.0.1, a loopback address, where no webhook is sent to; if "
            "this is wanted, name the host in allow_private");
  // By name: what counts is the address that the connection goes to.
  const std::string named = server.url("/", "http", "localhost");
  CHECK(client.perform(get(named)).error().code() == ErrorCode::kDenied);
  CHECK(client.perform(get("http://169.254.169.254/latest")).error().message() ==
        "http://169.254.169.254: goes to 169.254.169.254, a cloud metadata address, where no "
        "webhook is sent to; if this is wanted, name the host in allow_private");
  CHECK(server.requests().empty());
  options.allowed_hosts = {"LOCALHOST"};
  Client allowed(options);
  CHECK(allowed.perform(get(named))->status == 200);
  CHECK(allowed.perform(get(url)).error().code() == ErrorCode::kDenied);
}

TEST_CASE("a redirect cannot lead a webhook inside") {
  TestServer inside([](const TestRequest&) { return TestReply{.body = "inside"}; });
  TestServer server([&](const TestRequest&) {
    return TestReply{.status = 302, .headers = {{"Location", inside.url("/")}}};
  });
  http::ClientOptions options;
  options.reach = http::Reach::kPublic;
  options.allowed_hosts = {"localhost"};
  Client client(options);
  const std::string url = server.url("/", "http", "localhost");
  Request request = get(url);
  request.redirects = 5;
  CHECK(client.perform(request).error().message() ==
        where(inside) +
            ": goes to 127.0.0.1, a loopback address, where no webhook is sent to; if "
            "this is wanted, name the host in allow_private");
  CHECK(inside.requests().empty());
}

TEST_CASE("the proxy of the environment is not used") {
  TestServer server([](const TestRequest&) { return TestReply{.body = "direct"}; });
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);
  ::setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
  Client client({});
  const std::string url = server.url("/");
  CHECK(client.perform(get(url))->body == "direct");
  ::unsetenv("http_proxy");
  ::unsetenv("ALL_PROXY");
  http::ClientOptions options;
  options.proxy = server.url("");
  Client proxied(options);
  CHECK(proxied.perform(get("http://example.invalid/x"))->body == "direct");
  CHECK(server.requests().back().path == "http://example.invalid/x");
}

TEST_CASE("shutdown ends a request that hangs") {
  TestServer server([](const TestRequest&) { return TestReply{.fault = TestReply::Fault::kHang}; });
  Client client({});
  const std::string url = server.url("/");
  Request request = get(url);
  request.timeout = 1h;
  std::thread stopper([&] {
    server.wait_for_requests(1);
    client.cancel();
  });
  const auto response = client.perform(request);
  stopper.join();
  REQUIRE_FALSE(response);
  CHECK(response.error().message() ==
        where(server) + ": the request was cancelled because the agent stops");
  CHECK_FALSE(client.perform(request));
  CHECK(server.requests().size() == 1);
}

TEST_CASE("a masked address shows where, not what") {
  CHECK(http::masked_url("https://hooks.slack.com/services/T0/B0/canary") ==
        "https://hooks.slack.com/...");
  CHECK(http::masked_url("http://[2001:db8::1]:8080/canary") == "http://[2001:db8::1]:8080/...");
  CHECK(http::masked_url("canary") == "(unreadable address)");
  CHECK(http::masked_url("https://user:canary@host/") == "(unreadable address)");
}
