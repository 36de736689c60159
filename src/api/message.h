#pragma once

#include "net/address.h"
#include "util/result.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace warder::api {

// What the control socket can be asked. README.md in this folder describes the bytes.
enum class Command : std::uint8_t {
  kStatus,         // figures of the agent, its jails, sources, firewall, store and destinations
  kBans,           // active bans, of one jail when `jail` is set
  kExplain,        // all that is known about `address`
  kBan,            // ban `address` in `jail` for `duration` (the jail's bantime when not set)
  kUnban,          // lift every ban of `address`, only of `jail` when set
  kReload,         // read the configuration again; a bad one is refused and changes nothing
  kTestAlert,      // send a test alert to every destination, or to `destination`; one as `kind` has
  kRetryDead,      // put the dead letters of `destination` back into its outbox
  kDiagnose,       // how each stage of the way of `jail`'s lines is; of all jails when not set
  kAcceptSchema,   // the schema that the monitor `jail` finds is its baseline from now on
  kProbe,          // send a marked line through copies of them, and a probe ban through the kernel
  kReport,         // put `text` into the history: `kind` (or security), `severity`, incident `key`
  kConfiguration,  // what runs, as far as it is no default
  kIncidents,      // open incidents; those that have ended when `text` is "ended"
  kAcknowledge,    // the incident `key` (its number or name) is known to who asks; `text` is a note
  kExplainKey,     // all that is known about `key`, by which jails that alert count
  kAcceptFiles,    // what differs in [files `jail`], at `text` and below when set, is its baseline
  kScanFiles,      // all content of [files `jail`] is compared now
  kBaselineFiles,  // a new baseline of [files `jail`] is made of what is there
};

enum class Role : std::uint8_t { kReadOnly, kAdmin };

// The least role that may use the command.
Role required_role(Command command);
std::string_view to_string(Command command);

// A question, checked: decode_request() refuses what is not exactly of this shape.
struct Request {
  Command command = Command::kStatus;
  std::string jail;
  std::string destination;
  std::string key;  // "role web-1"
  std::optional<net::Prefix> address;
  // Zero or more; -1 s is permanent.
  std::optional<std::chrono::seconds> duration;
  // At most this many rows; 0 means no limit.
  std::uint32_t limit = 0;
  // kReport: valid UTF-8, at most kLongestText bytes; who says so; "info" to "critical".
  std::string text = {};
  std::string by = {};
  std::string severity = {};
  std::string kind = {};   // "backup"
  std::string state = {};  // kReport: "good" when the incident `key` is over
  // Who asks, as the kernel says: set by the server, never read from the wire.
  std::optional<uid_t> uid = {};

  static constexpr std::size_t kLongestText = 12'000;
};

// The answer: an error, or a JSON document whose shape depends on the command.
struct Response {
  std::optional<util::Error> error;
  std::string body;
};

std::string encode(const Request& request);
// kInvalid names what is wrong: not JSON, unknown command or field, field missing or out of range.
util::Result<Request> decode_request(std::string_view text);

std::string encode(const Response& response);
util::Result<Response> decode_response(std::string_view text);

}  // namespace warder::api
