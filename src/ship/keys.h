#pragma once

#include "config/diagnostics.h"
#include "config/keys.h"
#include "config/values.h"
#include "crypto/secret.h"
#include "ship/destination.h"
#include "ship/far_end.h"
#include "ship/forms.h"
#include "ship/json_lines.h"
#include "ship/mail.h"
#include "ship/pump.h"
#include "ship/selection.h"
#include "util/clock.h"
#include "util/result.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace warder::ship {

// What a destination is: the value of `form`. The first ones are the forms of a webhook.
enum class Means {
  kGeneric,
  kSlack,
  kDiscord,
  kNtfy,
  kTeams,
  kGotify,
  kPagerDuty,
  kAlertmanager,
  kAbuseIpDb,
  kBlocklistDe,
  kJsonLines,
  kMail,
  kCommand,
  kOciLogging,
  kOciNotifications,
  kOciMonitoring,
  kVaultTrail,
  kVaultHash,
  kFail2banLog
};

// [destination NAME], as configured. Holds no secret, only where secrets lie.
struct DestinationOptions {
  std::string name;
  Means means = Means::kGeneric;
  std::optional<config::SecretReference> url;
  std::optional<config::SecretReference> token;
  std::optional<config::SecretReference> signing_key;
  std::filesystem::path path;
  std::vector<std::string> argv;
  std::vector<std::string> unban_argv;
  JsonLinesOptions::Sync sync = JsonLinesOptions::Sync::kBatch;
  Selection selection;
  // Its quiet hours need the clocks of `quiet_zone` (empty: the system's): who makes the
  // destination sets shipper.quiet.clocks.
  ShipperOptions shipper;
  std::string quiet_zone;
  // Zero: a destination of the first line.
  std::chrono::seconds escalation_after{0};
  std::uint32_t escalation_times = 0;
  std::chrono::milliseconds timeout{15000};
  std::filesystem::path ca_file;
  std::string proxy;
  std::vector<std::string> allow_private;
  MailServer server;  // kMail only, and what follows
  MailEnvelope envelope;
  std::string username;                                // as it stands in the configuration
  std::optional<config::SecretReference> username_at;  // what that refers to, when it does
  std::optional<config::SecretReference> password;
  // In the far end's own words: OCID, mount or audit device. kOci... and kVault...; for kAbuseIpDb
  // its categories, for kBlocklistDe the sender's address.
  std::string target;

  // The form of a webhook; nothing when it is none.
  std::optional<Form> form() const;
};

const config::Table& destination_table();

// For values that were checked without an error. Adds what only several keys together can tell (no
// url, no path) to the diagnostics.
DestinationOptions destination_options(const config::Values& values,
                                       config::Diagnostics& diagnostics);

// Finds the secret behind a reference (vault::resolve with the vault bound); called on the
// shipper's thread when the secret is needed.
using SecretResolver =
    std::function<util::Result<crypto::SecretString>(const config::SecretReference& reference)>;

// Told that a receiver refused what lies behind a reference and ends with its lease
// (vault::Provider::doubt with the vault bound); called on the shipper's thread. The next resolve
// gives what still stands.
using SecretDoubt = std::function<void(const config::SecretReference& reference)>;

// Who holds the accounts makes these; a connection of its own for each destination.
struct FarEnds {
  std::function<std::unique_ptr<Cloud>()> cloud;
  std::function<std::unique_ptr<Trail>()> trail;
};

// The destination itself. `host`: what this machine calls itself. `clock` must outlive it.
std::unique_ptr<Destination> make_destination(const DestinationOptions& options, std::string host,
                                              SecretResolver resolve, SecretDoubt doubt,
                                              const FarEnds& far_ends, const util::Clock& clock);

}  // namespace warder::ship
