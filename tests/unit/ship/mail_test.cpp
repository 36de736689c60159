#include "ship/mail.h"

#include "ship/mail_message.h"
#include "util/encoding.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <string>
#include <variant>

namespace {

using namespace warder;
using namespace std::chrono;

const util::WallTime kTime(sys_days(year(2026) / 11 / 2) + 12h);

ship::Message message_with(std::string text, std::string jail = "sshd") {
  ship::Message message;
  message.key = "ops-01";
  model::Event event;
  event.kind = model::EventKind::kBan;
  event.severity = model::Severity::kWarning;
  event.time = kTime;
  event.jail = std::move(jail);
  event.address = net::Prefix(net::IpAddress::parse("192.0.2.9").value_or(net::IpAddress()));
  event.message = std::move(text);
  message.what = std::move(event);
  return message;
}

std::string mail(const ship::Message& message) {
  return ship::mail_text({.from = "warder@example.org", .to = {"ops@example.org", "b@example.org"}},
                         "web-1", message, kTime);
}

std::string header(const std::string& text, const std::string& name) {
  const auto begin = text.find("\r\n" + name + ": ");
  REQUIRE(begin != std::string::npos);
  const auto start = begin + name.size() + 4;
  return text.substr(start, text.find("\r\n", start) - start);
}

// The first part, decoded.
std::string first_part(const std::string& text) {
  const std::size_t at = text.find("base64\r\n\r\n") + 10;
  std::string part = text.substr(at, text.find("\r\n--", at) - at);
  std::erase(part, '\r');
  std::erase(part, '\n');
  const auto bytes = util::from_base64(part);
  REQUIRE(bytes);
  return {bytes->begin(), bytes->end()};
}

}  // namespace

TEST_CASE("a mail's head says who, what and which incident") {
  const std::string text = mail(message_with("5 findings in 10m"));
  CHECK(
      text.starts_with("From: warder <warder@example.org>\r\n"
                       "To: <ops@example.org>,\r\n    <b@example.org>\r\n"
                       "Subject: [web-1] warning: ban 192.0.2.9 (sshd)\r\n"
                       "Date: Mon, 02 Nov 2026 12:00:00 +0000\r\n"));
  CHECK(header(text, "Auto-Submitted") == "auto-generated");
  CHECK(header(text, "References") == header(text, "In-Reply-To"));
  CHECK(header(text, "References") == header(mail(message_with("other text")), "References"));
  CHECK(header(text, "References") != header(mail(message_with("x", "caddy")), "References"));
}

TEST_CASE("text of attackers makes no header, no part and no markup") {
  const std::string text =
      mail(message_with("a\r\nBcc: evil@example.org\r\n\r\n--warder-\x01 \xFF", "j\r\nX-Evil: 1"));
  CHECK(text.find("\nBcc:") == std::string::npos);
  CHECK(text.find("\nX-Evil:") == std::string::npos);
  for (const char c : text) {
    REQUIRE((c == '\r' || c == '\n' || (c >= 0x20 && c < 0x7F)));
  }
}

TEST_CASE("a subject beyond ASCII is encoded in words of whole letters") {
  const std::string text = mail(message_with("x", std::string(60, 'x') + "ääääääääääääääääää"));
  CHECK(text.find("\r\nSubject: =?UTF-8?B?") != std::string::npos);
  CHECK(text.find("ä") == std::string::npos);
}

TEST_CASE("the text part is 72 columns wide; what is of no jail is its own heading") {
  ship::Message message;
  message.key = "ops-02";
  model::Event event;
  event.kind = model::EventKind::kBackup;
  event.severity = model::Severity::kHigh;
  event.time = kTime;
  event.message = "backup now vw: none was made: the disk";
  event.detail =
      R"({"cause": "the disk", "next": ["df -h /a/path/that/is/longer/than/the/line/would/be/and/stays/one/word"],)"
      R"( "facts": {"here": "one two three four five six seven eight nine ten eleven ä twelve 13 14",)"
      R"( "a name that is far longer than others": "x"}})";
  message.what = std::move(event);
  const std::string text = mail(message);
  CHECK(header(text, "Subject") == "[web-1] high: backup now vw: none was made");
  CHECK(first_part(text) ==
        "EVENT\n"
        "    backup now vw: none was made (high)\n"
        "\n"
        "CAUSE\n"
        "    the disk\n"
        "\n"
        "DETAILS\n"
        "    Host                     web-1\n"
        "    Time                     2026-11-02T12:00:00Z\n"
        "    Kind                     backup\n"
        "    here                     one two three four five six seven eight\n"
        "                             nine ten eleven ä twelve 13 14\n"
        "    a name that is far longer than others x\n"
        "\n"
        "NEXT STEPS\n"
        "    df -h /a/path/that/is/longer/than/the/line/would/be/and/stays/one/word\n"
        "    warder events --kind backup\n");
}

TEST_CASE("what a jail that alerts has counted is the heading, its key a detail") {
  ship::Message message = message_with("", "vault-seal");
  message.key = "ops-03";
  model::Event& event = std::get<model::Event>(message.what);
  event.kind = model::EventKind::kAlert;
  event.severity = model::Severity::kCritical;
  const std::string accessor = "accessor hmac-sha256:" + std::string(64, '2');
  event.message = accessor + ": update sys/seal root - -";
  event.detail = R"({"key": ")" + accessor + R"(", "log": "/var/log/openbao/audit.log"})";
  const std::string text = mail(message);
  CHECK(header(text, "Subject") == "[web-1] critical: vault-seal: update sys/seal root");
  CHECK(first_part(text) ==
        "EVENT\n"
        "    vault-seal: update sys/seal root (critical)\n"
        "\n"
        "DETAILS\n"
        "    Host     web-1\n"
        "    Time     2026-11-02T12:00:00Z\n"
        "    Kind     alert\n"
        "    Jail     vault-seal\n"
        "    Address  192.0.2.9\n"
        "    Key      accessor\n"
        "             hmac-sha256:" +
            std::string(64, '2') +
            "\n"
            "    Log      /var/log/openbao/audit.log\n"
            "\n"
            "NEXT STEPS\n"
            "    warder events --jail vault-seal\n"
            "    warder alerts list      # then: warder alerts ack NUMBER\n");
  // What is longer than a heading stands below it, too.
  event.message = accessor + ": " + std::string(200, 'x');
  CHECK(first_part(mail(message)).find("\nCAUSE\n    " + std::string(200, 'x') + "\n") !=
        std::string::npos);
  // Without a key it is as of any jail.
  event.detail.clear();
  CHECK(header(mail(message), "Subject") == "[web-1] critical: alert 192.0.2.9 (vault-seal)");
}

TEST_CASE("mail addresses and servers are checked") {
  CHECK(ship::check_mail_address("ops+x@example.org"));
  CHECK(ship::check_mail_address("a@b@c").error().message() ==
        "'a@b@c' is no mail address: it has two '@'");
  CHECK_FALSE(ship::check_mail_address("ops"));
  CHECK_FALSE(ship::check_mail_address("a b@example.org"));
  CHECK_FALSE(ship::check_mail_address("<a@example.org>"));
  using Security = ship::MailServer::Security;
  const auto check = [](const char* url, const char* host, int port, Security security) {
    INFO(url);
    const auto server = ship::parse_mail_server(url);
    REQUIRE(server);
    CHECK(server->host == host);
    CHECK(server->port == port);
    CHECK(server->security == security);
  };
  check("smtp://Mail.example.org", "mail.example.org", 587, Security::kStartTls);
  check("smtps://mail.example.org/", "mail.example.org", 465, Security::kTls);
  check("smtps://127.0.0.1:4465", "127.0.0.1", 4465, Security::kTls);
  check("smtp://127.0.0.1", "127.0.0.1", 25, Security::kPlain);
  check("smtp://[::1]:2525", "::1", 2525, Security::kPlain);
  for (const char* wrong :
       {"", "mail.example.org", "http://x", "smtp://", "smtp://u:p@x", "smtp://x:0",
        "smtp://x:99999", "smtp://x:1x", "smtp://x/y", "smtp://[::1"}) {
    INFO(wrong);
    CHECK_FALSE(ship::parse_mail_server(wrong));
  }
}
