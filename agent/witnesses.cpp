#include "agent/witnesses.h"

#include "agent/wiring.h"
#include "ship/vault_trail.h"
#include "ship/witness_notes.h"
#include "vault/keys.h"
#include "vault/oci_sender.h"
#include "vault/server_trail.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <utility>

namespace warder::agent {
namespace {

using Outside = store::VerifyOptions::Outside;
using util::Error;
using util::ErrorCode;

// The newest ones; each is a question of its own.
constexpr std::size_t kMostRead = 5000;

Error none_there(std::string_view where) {
  return Error(ErrorCode::kNotFound,
               fmt::format("{}: no checkpoint is kept there; a destination with witness = yes "
                           "sends one for each checkpoint_interval of [store]",
                           where));
}

// What the configuration says of the far end.
struct Place {
  vault::VaultOptions vault;
  std::string target;
  std::string host;
};

util::Result<Place> find_place(const Globals& globals, const WitnessWords& words, ship::Means means,
                               std::string_view form, const std::string& named) {
  WARDER_ASSIGN_OR_RETURN(const engine::MainConfiguration main, read_main(globals));
  Place place{vault_options_of(main), named, words.host.empty() ? main.agent.name : words.host};
  if (!place.target.empty()) {
    return place;
  }
  // The destination may stand in the vault's documents.
  const util::SystemClock clock;
  engine::VaultDocuments documents;
  if (auto vault = vault::open_vault(place.vault, vault::Copies::kNone, clock)) {
    if (auto fetched = fetch_documents([&](std::string_view name) { return (*vault)->get(name); },
                                       main.agent.name)) {
      documents = std::move(*fetched);
    }
  }
  config::Diagnostics diagnostics;
  const auto loaded = load_all(globals.config.string(), documents, diagnostics);
  for (const auto& [options, text] :
       loaded ? loaded->destinations : std::vector<Loaded::Destination>()) {
    if (options.means == means) {
      place.target = options.target;
      return place;
    }
  }
  return Error(ErrorCode::kNotFound,
               fmt::format("no destination of form {} is configured; name it with {}", form,
                           means == ship::Means::kVaultTrail ? "--trail MOUNT" : "--log OCID"));
}

util::Result<std::vector<Outside>> in_vault(const Globals& globals, const WitnessWords& words) {
  WARDER_ASSIGN_OR_RETURN(const Place place, find_place(globals, words, ship::Means::kVaultTrail,
                                                        "vault-trail", words.trail));
  const util::SystemClock clock;
  vault::ServerTrail trail(place.vault, nullptr, clock);
  const std::string folder = ship::trail_checkpoints(place.host);
  WARDER_ASSIGN_OR_RETURN(std::vector<std::string> names, trail.list(place.target, folder));
  if (names.empty()) {
    return none_there(fmt::format("vault {}/{}", place.target, folder));
  }
  // By size: the newest last.
  std::sort(names.begin(), names.end());
  if (names.size() > kMostRead) {
    names.erase(names.begin(), names.end() - kMostRead);
  }
  std::vector<Outside> found;
  for (const std::string& name : names) {
    const std::string path = fmt::format("{}/{}", folder, name);
    WARDER_ASSIGN_OR_RETURN(const std::string detail, trail.field(place.target, path, "detail"));
    found.push_back({fmt::format("the vault's {}/{}", place.target, path),
                     ship::note_in_json(detail).value_or(std::string())});
  }
  return found;
}

util::Result<std::vector<Outside>> in_oci(const Globals& globals, const WitnessWords& words) {
  WARDER_ASSIGN_OR_RETURN(const Place place, find_place(globals, words, ship::Means::kOciLogging,
                                                        "oci-logging", words.log));
  const config::Values& values = place.vault.oci;
  if (!values.has("oci_compartment")) {
    return Error(ErrorCode::kConfiguration,
                 "the search needs the compartment of the log: set oci_compartment in [vault]");
  }
  const util::SystemClock clock;
  vault::OciSender cloud(values, place.vault.environment, clock);
  const std::string query = fmt::format(
      "search \"{}\" | where type = 'warder.store' and source = '{}' and "
      "oracle.logid = '{}' | sort by datetime asc",
      values.string("oci_compartment"), place.host, place.target);
  // In stretches that the service takes in one search.
  constexpr std::chrono::hours kStretch{24 * 14};
  const util::WallTime end = clock.now() + std::chrono::minutes(10);
  std::vector<Outside> found;
  for (util::WallTime from = end - std::chrono::hours(24 * words.days); from < end;
       from += kStretch) {
    WARDER_ASSIGN_OR_RETURN(
        const std::vector<std::string> entries,
        cloud.search_logs(query, from, std::min(end, from + kStretch), kMostRead));
    for (const std::string& entry : entries) {
      if (auto note = ship::note_in_json(entry)) {
        found.push_back({"the checkpoint in OCI Logging", std::move(*note)});
      }
    }
  }
  if (found.empty()) {
    return none_there(place.target);
  }
  return found;
}

util::Result<std::vector<Outside>> in_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return util::errno_error(path, errno);
  }
  ship::NoteReader reader;
  for (std::string line; std::getline(file, line);) {
    reader.line(line);
  }
  std::vector<Outside> found;
  for (std::string& note : reader.finish()) {
    found.push_back({"the checkpoint kept outside", std::move(note)});
  }
  if (found.empty()) {
    return none_there(path);
  }
  return found;
}

}  // namespace

util::Result<std::vector<Outside>> gather_witnesses(const Globals& globals,
                                                    const WitnessWords& words) {
  if (words.against == "vault") {
    return in_vault(globals, words);
  }
  if (words.against == "oci") {
    return in_oci(globals, words);
  }
  return in_file(words.against);
}

}  // namespace warder::agent
