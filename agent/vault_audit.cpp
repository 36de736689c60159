#include "agent/output.h"
#include "agent/vault_words.h"
#include "agent/wiring.h"
#include "util/strings.h"
#include "vault/keys.h"
#include "vault/oci_audit.h"
#include "vault/oci_vault.h"
#include "vault/secret_json.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <optional>
#include <utility>

namespace warder::agent {
namespace {

using crypto::SecretString;
using nlohmann::json;
using util::Error;
using util::ErrorCode;

// The times of a version and of the event that tells of it differ by what the service needs.
constexpr std::chrono::seconds kSameDeed{60};
// Of a compartment where much happens; the newest days can be asked for alone.
constexpr std::size_t kMostDeeds = 100'000;

// A version that was written; or, with version 0, something else that was done to the document.
struct Change {
  vault::VersionInfo info;
  std::string document;
  std::string what;
  std::string address = {};  // from where, when that is known
};

// The versions of a document since `from`; with `key` only those that changed that member.
util::Status collect_changes(vault::Provider& provider, const std::string& document,
                             const std::string& key, util::WallTime from,
                             std::vector<Change>* changes) {
  WARDER_ASSIGN_OR_RETURN(const std::vector<vault::VersionInfo> versions,
                          provider.history(document));
  std::optional<crypto::SecretString> newer;
  for (std::size_t i = 0; i < versions.size() && versions[i].time >= from; ++i) {
    std::string what = versions[i].readable ? "written" : "deleted since";
    if (!key.empty()) {
      const auto value_in = [&](std::size_t at) -> std::optional<SecretString> {
        if (at >= versions.size() || !versions[at].readable) {
          return std::nullopt;
        }
        const auto content = provider.get(document, versions[at].version);
        if (!content) {
          return std::nullopt;
        }
        auto value = vault::document_member(content->content, key);
        return value ? std::optional(std::move(*value)) : std::nullopt;
      };
      const auto now = value_in(i);
      const auto before = value_in(i + 1);
      if (now.has_value() == before.has_value() && (!now || *now == *before)) {
        continue;
      }
      what = !before ? "set" : (now ? "changed" : "removed");
    }
    changes->push_back({versions[i], document, what});
  }
  return {};
}

util::Result<std::vector<Change>> changes_since(vault::Provider& provider, const std::string& key,
                                                util::WallTime from) {
  std::vector<Change> changes;
  if (key.empty()) {
    WARDER_ASSIGN_OR_RETURN(const auto documents, provider.list());
    for (const vault::DocumentInfo& info : documents) {
      WARDER_RETURN_IF_ERROR(collect_changes(provider, info.name, "", from, &changes));
    }
    return changes;
  }
  if (vault::check_name(key)) {
    const util::Status whole = collect_changes(provider, key, "", from, &changes);
    if (whole || whole.error().code() != ErrorCode::kNotFound) {
      return whole ? util::Result<std::vector<Change>>(std::move(changes)) : whole.error();
    }
  }
  // A member: DOCUMENT/KEY, or KEY of the document settings.
  const std::size_t slash = key.rfind('/');
  const std::string document =
      slash == std::string::npos ? std::string("settings") : key.substr(0, slash);
  const std::string name = slash == std::string::npos ? key : key.substr(slash + 1);
  WARDER_RETURN_IF_ERROR(collect_changes(provider, document, name, from, &changes));
  return changes;
}

// Takes what OCI's audit events tell of secrets: who wrote a version, from where, and what else was
// done to a document. Values of [vault] name secrets and documents.
class OciDeeds {
 public:
  OciDeeds(const vault::VaultOptions& options, std::string key)
      : prefix_(options.oci.string("oci_prefix")), key_(std::move(key)) {
    const auto variable = options.environment("OCISECRET_OCID");
    settings_ = variable ? *variable
                         : (options.oci.has("oci_settings_secret")
                                ? options.oci.string("oci_settings_secret")
                                : std::string());
  }

  // False when there are too many.
  bool take(const vault::OciAuditEvent& event) {
    vault::OciDeed deed = vault::read_oci_deed(event);
    const bool writes = deed.name == "CreateSecret" || deed.name == "UpdateSecret";
    const bool changes =
        writes || deed.name == "RotateSecret" || deed.name == "ChangeSecretCompartment" ||
        deed.name.starts_with("ScheduleSecret") || deed.name.starts_with("CancelSecret");
    std::string document = document_of(deed);
    if (!changes || document.empty() || !wanted(document) || !deed.status.starts_with('2')) {
      return true;
    }
    deeds_.push_back({std::move(deed), std::move(document), writes});
    return deeds_.size() < kMostDeeds;
  }

  void join(std::vector<Change>* changes) {
    for (Change& change : *changes) {
      Deed* nearest = nullptr;
      for (Deed& one : deeds_) {
        if (one.writes && !one.told && one.document == change.document &&
            distance(one, change) <= kSameDeed &&
            (nearest == nullptr || distance(one, change) < distance(*nearest, change))) {
          nearest = &one;
        }
      }
      if (nearest != nullptr) {
        nearest->told = true;
        change.info.author = nearest->deed.by;
        change.address = nearest->deed.address;
      }
    }
    for (const Deed& one : deeds_) {
      // Of a member only the versions tell whether a write changed it.
      if (one.told || (one.writes && key_ != one.document && !key_.empty())) {
        continue;
      }
      Change change{.info = {}, .document = one.document, .what = one.deed.name};
      change.info.time = one.deed.time;
      change.info.author = one.deed.by;
      change.address = one.deed.address;
      changes->push_back(std::move(change));
    }
    std::ranges::stable_sort(
        *changes, [](const Change& a, const Change& b) { return a.info.time > b.info.time; });
  }

 private:
  struct Deed {
    vault::OciDeed deed;
    std::string document;
    bool writes = false;
    bool told = false;
  };

  static std::chrono::microseconds distance(const Deed& one, const Change& change) {
    return std::chrono::abs(one.deed.time - change.info.time);
  }
  std::string document_of(const vault::OciDeed& deed) const {
    if (!settings_.empty() && deed.id == settings_) {
      return "settings";
    }
    return vault::document_of_secret(prefix_, deed.resource).value_or("");
  }
  bool wanted(const std::string& document) const {
    return key_.empty() || key_ == document || key_.starts_with(document + "/") ||
           (document == "settings" && key_.find('/') == std::string::npos);
  }

  const std::string prefix_;
  const std::string key_;
  std::string settings_;
  std::vector<Deed> deeds_;
};

util::Status add_oci_deeds(const vault::VaultOptions& options, const std::string& key,
                           util::WallTime from, const util::Clock& clock,
                           std::vector<Change>* changes) {
  if (!options.oci.has("oci_compartment")) {
    return Error(ErrorCode::kConfiguration,
                 "who wrote a version is told by the audit events of the secrets' compartment: set "
                 "oci_compartment (an OCID) in [vault]");
  }
  using std::chrono::floor;
  using std::chrono::minutes;
  vault::OciSender sender(options.oci, options.environment, clock);
  OciDeeds deeds(options, key);
  bool all = true;
  WARDER_RETURN_IF_ERROR(vault::list_oci_events(sender, options.oci.string("oci_compartment"),
                                                floor<minutes>(from), floor<minutes>(clock.now()),
                                                [&](const vault::OciAuditEvent& event) {
                                                  all = deeds.take(event);
                                                  return all;
                                                }));
  deeds.join(changes);
  return all ? util::Status()
             : Error(ErrorCode::kInvalid,
                     fmt::format("more than {} changes; ask for fewer --days", kMostDeeds));
}

}  // namespace

ExitStatus audit_vault(const Globals& globals, const VaultWords& words) {
  const util::SystemClock clock;
  const auto options = configured_vault(globals);
  if (!options) {
    return complain(options.error());
  }
  auto provider = vault::open_vault(*options, vault::Copies::kNone, clock);
  if (!provider) {
    return complain(provider.error());
  }
  const util::WallTime from = clock.now() - std::chrono::hours(24) * words.days;
  auto changes = changes_since(**provider, words.key, from);
  const bool oci = options->kind == vault::ProviderKind::kOci;
  // A secret that is gone has no versions, but its end was recorded.
  if (!changes && !(oci && changes.error().code() == ErrorCode::kNotFound)) {
    return complain(changes.error());
  }
  std::vector<Change> told = changes ? std::move(*changes) : std::vector<Change>();
  ExitStatus status = ExitStatus::kOk;
  if (oci) {
    if (const util::Status added = add_oci_deeds(*options, words.key, from, clock, &told); !added) {
      // What the vault itself tells is told all the same.
      status = complain(added.error());
    } else if (!changes && told.empty()) {
      return complain(changes.error());
    }
  }
  TextTable table({"WRITTEN", "DOCUMENT", "VERSION", "WHAT", "BY", "FROM", "WHY"});
  json rows = json::array();
  for (const Change& change : told) {
    const std::string time = util::format_rfc3339(change.info.time);
    const std::string author = util::printable(change.info.author);
    const std::string address = util::printable(change.address);
    rows.push_back({{"time", time},
                    {"document", change.document},
                    {"version", change.info.version},
                    {"what", change.what},
                    {"author", author},
                    {"address", address},
                    {"comment", change.info.comment}});
    table.add({short_time(time), change.document,
               change.info.version == 0 ? "-" : std::to_string(change.info.version), change.what,
               author, address, change.info.comment});
  }
  print(globals.json    ? rows.dump() + '\n'
        : table.empty() ? fmt::format("nothing was changed within {} days\n", words.days)
                        : table.to_text());
  return status;
}

}  // namespace warder::agent
