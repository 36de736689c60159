#pragma once

#include "ship/destination.h"
#include "ship/mail_message.h"
#include "ship/webhook.h"
#include "util/clock.h"
#include "util/result.h"

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

namespace warder::ship {

// A mail server: what "smtp://mail.example.org:587" or "smtps://..." says.
struct MailServer {
  enum class Security {
    kStartTls,  // smtp: the connection must become TLS before anything is said; port 587
    kTls,       // smtps: TLS from the first byte; port 465
    // smtp to this host itself (127.0.0.1, ::1, localhost): a local relay; port 25. With a user
    // name the connection must become TLS here, too.
    kPlain,
  };
  std::string host;
  std::uint16_t port = 0;
  Security security = Security::kStartTls;
};

// kInvalid for anything else, a user name in it included.
util::Result<MailServer> parse_mail_server(std::string_view url);

struct MailOptions {
  std::string name;  // of the destination
  std::string host;  // this machine
  MailServer server;
  MailEnvelope envelope;
  // Both empty: no authentication. Asked for when they are needed, wiped after.
  SecretSource username;
  SecretSource password;
  // Called when the server did not take them. May be empty.
  std::function<void()> refused;
  std::filesystem::path ca_file;
  std::chrono::milliseconds connect_timeout{5000};
  std::chrono::milliseconds timeout{30000};
};

// Sends each message as a mail of its own (SMTP, RFC 5321, through libcurl). Certificates are
// always checked; without TLS nothing is sent to another host. A 4xx answer is retried, a 5xx to
// this message refuses it, a refused log-in or sender rejects (name and password are read again).
std::unique_ptr<Destination> make_mail(MailOptions options, const util::Clock& clock);

}  // namespace warder::ship
