#include "agent/backup_sets.h"
#include "agent/output.h"
#include "agent/status_of.h"
#include "agent/vault_needs.h"
#include "agent/vault_words.h"
#include "agent/wiring.h"
#include "config/secret_reference.h"
#include "vault/keys.h"
#include "vault/rotation_schedule.h"
#include "vault/server_options.h"
#include "vault/server_policy.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <set>

namespace warder::agent {
namespace {

using nlohmann::json;

// More than this and signatures, tokens and certificates begin to fail in confusing ways.
constexpr std::chrono::seconds kMostClockDifference{30};
// A passphrase that guards every backup.
constexpr std::size_t kShortestPassphrase = 16;

// One line for each thing that was tried.
class Report {
 public:
  void good(std::string_view what, std::string_view text) { add(what, true, text); }
  void bad(std::string_view what, std::string_view text, ExitStatus status = ExitStatus::kFailed) {
    add(what, false, text);
    status_ = status_ == ExitStatus::kOk ? status : status_;
  }
  // Neither: it cannot be found out here.
  void unknown(std::string_view what, std::string_view text) { add(what, json(), text); }
  ExitStatus finish(const Globals& globals) const {
    if (globals.json) {
      print(rows_.dump(-1, ' ', false, json::error_handler_t::replace) + '\n');
      return status_;
    }
    for (const json& row : rows_) {
      const json& good = row["good"];
      print(fmt::format("{:<5} {:<12} {}\n",
                        good.is_null()     ? "?"
                        : good.get<bool>() ? "good"
                                           : "BAD",
                        row["what"].get<std::string>(), row["text"].get<std::string>()));
    }
    return status_;
  }

 private:
  void add(std::string_view what, json good, std::string_view text) {
    rows_.push_back({{"what", what}, {"good", std::move(good)}, {"text", text}});
  }

  json rows_ = json::array();
  ExitStatus status_ = ExitStatus::kOk;
};

using References = std::vector<config::SecretReference>;

// Where passphrases of backups lie in the vault: what the sections [backup NAME] say, on a machine
// without any those that hosts have put into the vault for such a machine. Nothing: there are no
// backups at all.
util::Result<std::optional<References>> passphrases_of(vault::Provider& provider,
                                                       const Globals& globals) {
  config::Diagnostics diagnostics;
  std::vector<backup::SetOptions> sets;
  if (const auto main = read_main(globals)) {
    sets = backup_sets(*main, diagnostics);
  }
  if (sets.empty()) {
    const auto document = provider.get(backup::kRecoveryDocument);
    if (document) {
      WARDER_ASSIGN_OR_RETURN(const std::vector<backup::Recovery> hosts,
                              backup::read_recoveries(document->content.view()));
      for (const backup::Recovery& host : hosts) {
        WARDER_ASSIGN_OR_RETURN(RecoveredSets recovered, recovered_sets(host, {}));
        std::ranges::move(recovered.sets, std::back_inserter(sets));
      }
    } else if (document.error().code() != util::ErrorCode::kNotFound) {
      return document.error();
    }
  }
  if (sets.empty()) {
    return std::optional<References>();
  }
  References all;
  for (const backup::SetOptions& set : sets) {
    const auto& reference = set.passphrase;
    if (reference && reference->kind == config::SecretReference::Kind::kVault &&
        std::ranges::find(all, *reference) == all.end()) {
      all.push_back(*reference);
    }
  }
  return std::optional(std::move(all));
}

// False: it is not there.
bool test_passphrase(vault::Provider& provider, const std::string& document, std::string_view key,
                     Report* report) {
  const auto found = provider.get(document);
  if (!found) {
    report->bad("passphrase", found.error().message(), status_of(found.error()));
    return true;
  }
  const auto passphrase = vault::document_member(found->content, key);
  if (!passphrase) {
    return false;
  }
  if (passphrase->size() >= kShortestPassphrase) {
    report->good("passphrase", fmt::format("{}/{} is there and long enough", document, key));
  } else {
    report->bad("passphrase",
                fmt::format("{}/{} has fewer than {} characters; replace it with: warder vault "
                            "rotate {}/{}",
                            document, key, kShortestPassphrase, document, key));
  }
  return true;
}

void test_documents(vault::Provider& provider, const Globals& globals, const VaultWords& words,
                    Report* report) {
  const auto object = [&](std::string_view name) {
    const auto document = provider.get(name);
    if (!document) {
      report->bad(name, document.error().message(), status_of(document.error()));
      return;
    }
    const auto parsed = vault::SecretJson::parse(document->content.view());
    if (!parsed || !parsed->value().is_object() || parsed->value().empty()) {
      report->bad(name, "is no JSON object with members; write it anew");
      return;
    }
    report->good(name,
                 fmt::format("version {}, {} members", document->version, parsed->value().size()));
  };
  if (words.sqlite_config) {
    object("security");
    object("performance");
    object("backup");
  }
  if (!words.backup_passphrase) {
    return;
  }
  const auto references = passphrases_of(provider, globals);
  if (!references) {
    report->bad(backup::kRecoveryDocument, references.error().message(),
                status_of(references.error()));
    return;
  }
  const auto& named = *references;
  if (!named) {  // as the scripts name it
    if (!test_passphrase(provider, "settings", "backup_passphrase", report) &&
        !test_passphrase(provider, "settings", "BACKUP_PASSPHRASE", report)) {
      report->bad("passphrase", "the document settings has no backup_passphrase",
                  ExitStatus::kNotFound);
    }
    return;
  }
  if (named->empty()) {
    report->good("passphrase", "no [backup NAME] has its passphrase in a document of the vault");
  }
  for (const config::SecretReference& reference : *named) {
    if (!test_passphrase(provider, reference.document, reference.name, report)) {
      report->bad("passphrase",
                  fmt::format("the document {} has no {}, which [backup NAME] passphrase asks for",
                              reference.document, reference.name),
                  ExitStatus::kNotFound);
    }
  }
}

struct Rights {
  std::vector<vault::Right> needed;
  std::vector<vault::RightProblem> problems;
};

util::Result<Rights> compare_rights(const Globals& globals, const vault::VaultOptions& options,
                                    vault::ServerVault& server, const VaultWords& words) {
  WARDER_ASSIGN_OR_RETURN(const vault::ServerVault::Place place, server.place());
  vault::PolicyPlan plan = needs_at_the_vault(globals, options, words);
  plan.mount = place.mount;
  plan.prefix = place.prefix;
  plan.kv_version = place.kv_version;
  if (options.rotate) {
    std::uint64_t version = 0;
    WARDER_ASSIGN_OR_RETURN(const auto plans, vault::read_rotations(server, &version));
    std::set<std::string> documents;
    for (const vault::RotationEntry& entry : plans) {
      documents.insert(entry.document);
    }
    plan.rotated = {documents.begin(), documents.end()};
  }
  Rights rights{vault::agent_rights(plan), {}};
  vault::Call call;
  call.method = http::Method::kPost;
  call.path = "sys/capabilities-self";
  call.body = vault::SecretJson(json{{"paths", vault::probed_paths(rights.needed, plan)}}).dump();
  call.repeatable = true;
  const vault::Answer answer = server.ask(std::move(call));
  if (answer.meaning == vault::Meaning::kNeverExisted) {
    return util::Error(util::ErrorCode::kNotFound,
                       "this server tells nobody which rights he has (it has no "
                       "sys/capabilities-self); try them: warder vault get jails");
  }
  if (!answer.ok()) {
    return answer.error();
  }
  rights.problems = vault::compare_rights(rights.needed, plan, answer.data());
  return rights;
}

// What a policy must say for what is missing.
std::string missing_policy(const Rights& rights) {
  std::vector<vault::Right> missing;
  for (const vault::Right& right : rights.needed) {
    if (std::ranges::any_of(rights.problems, [&](const vault::RightProblem& problem) {
          return problem.kind == vault::RightProblem::Kind::kMissing && problem.path == right.path;
        })) {
      missing.push_back(right);
    }
  }
  return missing.empty() ? "" : "\nAdd to its policy:\n\n" + vault::policy_text(missing);
}

void test_server(const Globals& globals, const vault::VaultOptions& options,
                 vault::ServerVault& server, const VaultWords& words, Report* report) {
  const auto difference = server.clock_difference();
  if (difference && std::abs(difference->count()) > kMostClockDifference.count()) {
    report->bad("clock", fmt::format("the vault's clock is {} s {} ours; set the one that is wrong "
                                     "(timedatectl)",
                                     std::abs(difference->count()),
                                     difference->count() > 0 ? "ahead of" : "behind"));
  } else if (difference) {
    report->good("clock", fmt::format("{} s apart", std::abs(difference->count())));
  }
  const auto place = server.place();
  if (!place) {
    report->bad("login", place.error().message(), status_of(place.error()));
    return;
  }
  const auto expires = server.session_expires();
  report->good("login",
               fmt::format("{}{}", server.identity(),
                           expires ? ", until " + short_time(util::format_rfc3339(*expires))
                                   : std::string(", without an end")));
  report->good("place",
               fmt::format("{}{}{}, KV version {}", place->mount, place->prefix.empty() ? "" : "/",
                           place->prefix, place->kv_version));
  const auto rights = compare_rights(globals, options, server, words);
  if (!rights && rights.error().code() == util::ErrorCode::kNotFound) {
    report->unknown("rights", rights.error().message());
    return;
  }
  if (!rights) {
    report->bad("rights", rights.error().message(), status_of(rights.error()));
    return;
  }
  bool missing = false;
  for (const vault::RightProblem& problem : rights->problems) {
    if (problem.kind == vault::RightProblem::Kind::kMissing) {
      missing = true;
      report->bad("rights", fmt::format("{} {}", problem.path, problem.text), ExitStatus::kDenied);
    }
  }
  if (!missing) {
    report->good("rights", rights->problems.empty()
                               ? "exactly what is needed"
                               : "all that is needed, and more; see: warder vault policies check");
  }
}

}  // namespace

ExitStatus test_vault(const Globals& globals, const VaultWords& words) {
  const auto options = configured_vault(globals);
  if (!options) {
    return complain(options.error());
  }
  const util::SystemClock clock;
  Report report;
  std::unique_ptr<vault::Provider> file;
  std::unique_ptr<vault::ServerVault> server;
  if (options->kind == vault::ProviderKind::kServer) {
    auto opened = vault::open_server_vault(*options, vault::Copies::kNone, clock);
    if (!opened) {
      return complain(opened.error());
    }
    server = std::move(*opened);
  } else {
    auto opened = vault::open_vault(*options, vault::Copies::kNone, clock);
    if (!opened) {
      return complain(opened.error());
    }
    file = std::move(*opened);
  }
  vault::Provider& provider = server ? static_cast<vault::Provider&>(*server) : *file;
  const auto health = provider.health();
  if (!health || !health->ready) {
    report.bad("vault", health ? health->text : health.error().message(),
               health ? ExitStatus::kNoAgent : status_of(health.error()));
    return report.finish(globals);
  }
  report.good("vault", health->text);
  if (server) {
    test_server(globals, *options, *server, words, &report);
  }
  test_documents(provider, globals, words, &report);
  return report.finish(globals);
}

ExitStatus check_policies(const Globals& globals, const VaultWords& words) {
  const auto options = configured_vault(globals);
  if (!options) {
    return complain(options.error());
  }
  if (options->kind == vault::ProviderKind::kOci) {
    print(
        "the policies of OCI cannot be asked for by the identity they are for; `warder vault test` "
        "tries what is needed\n");
    return ExitStatus::kOk;
  }
  if (options->kind != vault::ProviderKind::kServer) {
    print("the embedded vault has no policies: who can read its key can do everything\n");
    return ExitStatus::kOk;
  }
  const util::SystemClock clock;
  auto server = vault::open_server_vault(*options, vault::Copies::kNone, clock);
  if (!server) {
    return complain(server.error());
  }
  const auto rights = compare_rights(globals, *options, **server, words);
  if (!rights) {
    return complain(rights.error());
  }
  const std::vector<vault::RightProblem>& problems = rights->problems;
  json rows = json::array();
  TextTable table({"RIGHTS", "PATH", "WHAT"});
  for (const vault::RightProblem& problem : problems) {
    const bool missing = problem.kind == vault::RightProblem::Kind::kMissing;
    rows.push_back({{"kind", missing ? "missing" : "too much"},
                    {"path", problem.path},
                    {"text", problem.text}});
    table.add({missing ? "missing" : "too much", problem.path, problem.text});
  }
  print(globals.json ? rows.dump() + '\n'
        : problems.empty()
            ? fmt::format("{} has exactly the rights an agent needs\n", (*server)->identity())
            : fmt::format("{}\n{}{}", (*server)->identity(), table.to_text(),
                          missing_policy(*rights)));
  if (vault::watched_audit_devices(options->server).empty()) {
    // Not among what is to be copied into a policy.
    fmt::print(stderr,
               "warder: whether somebody removes the vault's audit devices or makes them anew is "
               "not looked at: name them in [vault] audit_devices, and this tells which right that "
               "takes\n");
  }
  return problems.empty() ? ExitStatus::kOk : ExitStatus::kFailed;
}

}  // namespace warder::agent
