// The client against real TLS servers with certificates made here, good and bad.
#include "http/client.h"
#include "support/temporary_folder.h"
#include "support/test_server.h"
#include "support/test_tls.h"

#include <catch2/catch.hpp>
#include <fmt/core.h>

using namespace warder;
using testing::Certificate;
using testing::CertificateOptions;
using testing::make_certificate;
using testing::TestReply;
using testing::TestRequest;
using testing::TestServer;
using util::ErrorCode;

namespace {

struct Fixture {
  testing::TemporaryFolder folder;
  Certificate authority = make_certificate({.authority = true});
  std::string ca_file = folder.write("ca.pem", authority.pem()).string();

  // What the client says to a server with that certificate; "200" when it is content.
  std::string ask(const TestServer::Wrap& wrap, std::string ca) const {
    TestServer server([](const TestRequest&) { return TestReply{}; }, wrap);
    http::ClientOptions options;
    options.ca_file = std::move(ca);
    http::Client client(options);
    const std::string url = server.url("/canary", "https", "localhost");
    http::Request request;
    request.url = url;
    const auto response = client.perform(request);
    if (response) {
      return std::to_string(response->status);
    }
    CHECK(server.requests().empty());
    const std::string where = fmt::format("https://localhost:{}: ", server.port());
    REQUIRE(response.error().message().starts_with(where));
    return response.error().message().substr(where.size());
  }
  std::string ask(const CertificateOptions& certificate) const {
    const Certificate made = make_certificate(certificate, &authority);
    return ask(testing::tls(made), ca_file);
  }
};

}  // namespace

TEST_CASE("a certificate of the named authority is trusted") {
  const Fixture f;
  CHECK(f.ask(CertificateOptions{}) == "200");
  const Certificate made = make_certificate({}, &f.authority);
  CHECK(f.ask(testing::tls(made, TLS1_2_VERSION), f.ca_file) == "200");
}

TEST_CASE("bad certificates are refused and the text names the cause") {
  const Fixture f;
  CHECK(f.ask({.from = -7200, .until = -3600}) ==
        "its certificate has expired; renew it (or check the clock of this machine)");
  CHECK(f.ask({.from = 3600, .until = 7200}) ==
        "its certificate is not valid yet; check the clock of this machine and the certificate");
  CHECK(f.ask({.name = "DNS:other.example"}) ==
        "its certificate is for another name; use the name that is in the certificate");
  CHECK(f.ask({.rsa_bits = 1024}) ==
        "its certificate has a key that is too weak; it needs a new one");
  const Certificate alone = make_certificate({});
  CHECK(f.ask(testing::tls(alone), f.ca_file) ==
        "its certificate is signed by itself; name it in ca_file if it is yours");
  const Certificate stranger = make_certificate({.authority = true});
  const Certificate signed_by_stranger = make_certificate({}, &stranger);
  CHECK(f.ask(testing::tls(signed_by_stranger), f.ca_file) ==
        "its certificate comes from an unknown authority; name the authority's certificate in "
        "ca_file if it is yours");
  // The system's authorities do not know ours either.
  const Certificate made = make_certificate({}, &f.authority);
  CHECK(f.ask(testing::tls(made), "") ==
        "its certificate comes from an unknown authority; name the authority's certificate in "
        "ca_file if it is yours");
}

TEST_CASE("old protocols and servers without TLS are refused") {
  const Fixture f;
  const std::string refused =
      "no TLS connection: the server offers no TLS 1.2 or newer, or is no TLS server (the address "
      "of "
      "one without TLS begins with http://)";
  const Certificate made = make_certificate({}, &f.authority);
  CHECK(f.ask(testing::tls(made, TLS1_1_VERSION), f.ca_file) == refused);
  CHECK(f.ask(
            [](int fd) -> std::unique_ptr<testing::Stream> {
              (void)!::write(fd, "220 smtp\r\n", 10);
              return nullptr;
            },
            f.ca_file) == refused);
}

TEST_CASE("a ca_file that is none is named") {
  const Fixture f;
  const Certificate made = make_certificate({}, &f.authority);
  const std::string refused = "the file named in ca_file cannot be read or holds no certificate";
  CHECK(f.ask(testing::tls(made), (f.folder / "missing.pem").string()) == refused);
  CHECK(f.ask(testing::tls(made), f.folder.write("empty.pem", "x").string()) == refused);
}
