#include "agent/ask.h"
#include "agent/backup_program.h"
#include "agent/command.h"
#include "agent/output.h"
#include "agent/paint.h"
#include "agent/wiring.h"
#include "config/diagnostics.h"
#include "config/file_reader.h"
#include "engine/stage.h"
#include "util/program.h"
#include "util/strings.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>

namespace warder::agent {
namespace {

using engine::Stage;
using engine::Verdict;
using nlohmann::json;

// Storages and the vault may be slow to answer.
constexpr std::chrono::minutes kBackupCheck{2};
constexpr std::size_t kMostBackupCheck = std::size_t{1} << 20U;

struct Words {
  std::string jail;
  bool look_only = false;
};

Verdict verdict_of(std::string_view word) {
  for (const Verdict verdict : {Verdict::kGood, Verdict::kNotice, Verdict::kBroken}) {
    if (to_string(verdict) == word) {
      return verdict;
    }
  }
  return Verdict::kSkipped;
}

void read_stages(const std::string& text, std::vector<Stage>& stages) {
  const json rows = json::parse(text, nullptr, false);
  if (!rows.is_array()) {
    return;
  }
  for (const json& row : rows) {
    stages.push_back({row.value("jail", ""), row.value("stage", ""),
                      verdict_of(row.value("verdict", "")), row.value("found", ""),
                      row.value("cause", ""), row.value("remedy", "")});
  }
}

// The configuration on disk: what is wrong with it, and whether the jail asked about is enabled.
// False without sections [backup NAME].
bool check_configuration(const Globals& globals, const Words& words, std::vector<Stage>& stages) {
  config::Diagnostics diagnostics;
  const auto loaded = load_all(globals.config.string(), {}, diagnostics);
  if (!loaded) {
    stages.push_back({"", "configuration", Verdict::kBroken, counted(diagnostics.errors(), "error"),
                      std::string(util::trim(diagnostics.to_text())),
                      "mend the places named; a running agent goes on with what it read before"});
    return false;
  }
  stages.push_back(
      {"", "configuration", Verdict::kGood,
       fmt::format("{} enabled by the files", counted(loaded->jails->jails.size() - 1, "jail")), "",
       ""});
  if (words.jail.empty()) {
    return !loaded->backups.empty();
  }
  config::DiskFiles files;
  const auto jail = engine::load_jail(files, loaded->main, {}, {words.jail, {}, {}});
  const bool enabled =
      std::any_of(loaded->jails->jails.begin(), loaded->jails->jails.end(),
                  [&](const engine::CompiledJail& one) { return one.options.name == words.jail; });
  if (jail && !enabled) {
    stages.push_back({words.jail, "enabled", Verdict::kNotice, "the files do not enable it",
                      "enabled = no, unless the vault's document `jails` says otherwise",
                      fmt::format("[{}] enabled = yes, then `warder reload`", words.jail)});
  }
  return false;  // the jail is what was asked about
}

// What the running agent says of itself. False when none answers.
bool check_agent(const Globals& globals, std::vector<Stage>& stages) {
  api::Request request;
  request.command = api::Command::kStatus;
  const auto answer = ask_agent(globals, request);
  if (!answer) {
    const bool denied = answer.error().code() == util::ErrorCode::kDenied;
    stages.push_back({"", "agent", Verdict::kBroken, "it does not answer", answer.error().message(),
                      denied ? "ask as root, or join the group of the control socket"
                             : "`systemctl status warder` and `journalctl -u warder` say why it is "
                               "not running"});
    return false;
  }
  const json status = json::parse(*answer, nullptr, false);
  const bool behind = status.value("catching_up", false);
  stages.push_back(
      {"", "agent", behind ? Verdict::kNotice : Verdict::kGood,
       fmt::format("running since {}, {} judged", short_time(status.value("started", "")),
                   counted(status.value("lines", 0ULL), "line")),
       behind ? "it is still reading what was written before it started" : "", ""});
  const json store = status.value("store", json::object());
  if (store.value("state", "") == "running" && !store.value("overloaded", false)) {
    stages.push_back({"", "store", Verdict::kGood, "the history is written", "", ""});
  } else {
    stages.push_back({"", "store", Verdict::kBroken, "the history falls behind",
                      store.value("reason", ""),
                      "see the disk: space, health, rights of the state folder"});
  }
  for (const json& one : status.value("destinations", json::array())) {
    const std::string error = one.value("last_error", "");
    const std::uint64_t pending = one.value("pending", 0ULL);
    const std::uint64_t dead = one.value("dead", 0ULL);
    const std::string name = one.value("name", "");
    const std::string found = fmt::format("{}: {} delivered, {} wait, {} dead", name,
                                          one.value("delivered", 0ULL), pending, dead);
    if (error.empty() && dead == 0) {
      stages.push_back({"", "destination", Verdict::kGood, found, "", ""});
    } else {
      stages.push_back(
          {"", "destination", Verdict::kBroken, found,
           error.empty() ? "what it refused for good is kept as dead letters" : error,
           fmt::format("mend it, then `warder alerts test {0}` and `warder alerts retry "
                       "{0}`",
                       name)});
    }
  }
  return true;
}

// What `warder backup check` finds; it is a program of its own.
void check_backups(const Globals& globals, std::vector<Stage>& stages) {
  const auto failed = [&stages](const std::string& cause) {
    stages.push_back({"", "backup", Verdict::kBroken, "the backups could not be looked at", cause,
                      "warder backup check"});
  };
  const auto program = backup_program();
  if (!program) {
    failed(program.error().message());
    return;
  }
  std::error_code error;
  const auto config = std::filesystem::absolute(globals.config, error);
  const auto end =
      util::run_program({program->string(), "--config", config.string(), "--json", "check"}, "",
                        kBackupCheck, -1, kMostBackupCheck);
  if (!end) {
    failed(end.error().message());
    return;
  }
  const json sets = json::parse(end->output, nullptr, false);
  if (!sets.is_array()) {
    failed(end->to_string(program->string(), kBackupCheck));
    return;
  }
  for (const json& set : sets) {
    for (const json& one : set.value("checks", json::array())) {
      stages.push_back({"", "backup", verdict_of(one.value("state", "")),
                        fmt::format("{}: {}", set.value("set", ""), one.value("found", "")),
                        one.value("cause", ""), one.value("remedy", "")});
    }
  }
}

// Asks for the stages of the jails; `what` names the part that is left out when that fails.
void ask_stages(const Globals& globals, const Words& words, api::Command command,
                std::string_view what, std::vector<Stage>& stages) {
  api::Request request;
  request.command = command;
  request.jail = words.jail;
  const auto answer = ask_agent(globals, request);
  if (answer) {
    read_stages(*answer, stages);
    return;
  }
  const util::ErrorCode code = answer.error().code();
  if (code == util::ErrorCode::kDenied) {
    stages.push_back({words.jail, std::string(what), Verdict::kSkipped, "not tried",
                      answer.error().message(), "run it as root"});
    return;
  }
  stages.push_back({words.jail, std::string(what), Verdict::kBroken,
                    code == util::ErrorCode::kNotFound ? "the agent does not run this jail"
                                                       : "the agent could not tell",
                    answer.error().message(),
                    code == util::ErrorCode::kNotFound
                        ? "enable it (in the files or the vault), then `warder reload`"
                        : "try again; `journalctl -u warder` says more"});
}

std::string painted(Verdict verdict, const Paint& paint) {
  switch (verdict) {
    case Verdict::kGood:
      return paint.green("good");
    case Verdict::kNotice:
      return paint.yellow("notice");
    case Verdict::kBroken:
      return paint.red("BROKEN");
    case Verdict::kSkipped:
      break;
  }
  return paint.dim("skipped");
}

std::string to_text(const std::vector<Stage>& stages, const Paint& paint) {
  std::string text;
  const std::string* jail = nullptr;
  for (const Stage& stage : stages) {
    if (jail == nullptr || *jail != stage.jail) {
      text += fmt::format("{}{}\n", jail == nullptr ? "" : "\n",
                          paint.bold(stage.jail.empty() ? "agent" : "jail " + stage.jail));
      jail = &stage.jail;
    }
    const std::string word = painted(stage.verdict, paint);
    const std::size_t width = painted(stage.verdict, Paint::none()).size();
    text += fmt::format("  {}{}  {:<13}  {}\n", word, std::string(7 - width, ' '), stage.name,
                        stage.found);
    text += advice(stage.cause, stage.remedy, 26, paint);
  }
  const auto broken = static_cast<std::uint64_t>(
      std::count_if(stages.begin(), stages.end(),
                    [](const Stage& stage) { return stage.verdict == Verdict::kBroken; }));
  return text + '\n' +
         (broken == 0 ? paint.green("nothing is broken")
                      : paint.red(fmt::format("{} broken", counted(broken, "stage")))) +
         '\n';
}

ExitStatus doctor(const Globals& globals, const Words& words) {
  std::vector<Stage> stages;
  if (check_configuration(globals, words, stages)) {
    check_backups(globals, stages);
  }
  if (check_agent(globals, stages)) {
    std::vector<Stage> of_jails;
    ask_stages(globals, words, api::Command::kDiagnose, "jail", of_jails);
    const bool runs = std::none_of(of_jails.begin(), of_jails.end(), [](const Stage& stage) {
      return stage.name == "jail" && stage.verdict == Verdict::kBroken;
    });
    if (runs && !words.look_only) {
      ask_stages(globals, words, api::Command::kProbe, "probe", of_jails);
    }
    // Each jail's stages together, in the order in which the agent named the jails.
    std::vector<std::string> jails;
    for (const Stage& stage : of_jails) {
      if (std::find(jails.begin(), jails.end(), stage.jail) == jails.end()) {
        jails.push_back(stage.jail);
      }
    }
    std::stable_sort(of_jails.begin(), of_jails.end(), [&](const Stage& a, const Stage& b) {
      return std::find(jails.begin(), jails.end(), a.jail) <
             std::find(jails.begin(), jails.end(), b.jail);
    });
    stages.insert(stages.end(), of_jails.begin(), of_jails.end());
  }
  // What concerns the agent as a whole first.
  std::stable_partition(stages.begin(), stages.end(),
                        [](const Stage& stage) { return stage.jail.empty(); });
  const bool healthy = std::none_of(stages.begin(), stages.end(), [](const Stage& stage) {
    return stage.verdict == Verdict::kBroken;
  });
  if (globals.json) {
    print(fmt::format("{{\"healthy\":{},\"stages\":{}}}\n", healthy, engine::stages_json(stages)));
  } else {
    print(to_text(stages, Paint::of_output()));
  }
  return healthy ? ExitStatus::kOk : ExitStatus::kFailed;
}

}  // namespace

Run declare_doctor(CLI::App& app) {
  auto words = std::make_shared<Words>();
  app.add_option("JAIL", words->jail, "only this jail");
  app.add_flag("--look-only", words->look_only,
               "no marked line and no probe ban of a documentation address");
  return [words](const Globals& globals) { return doctor(globals, *words); };
}

}  // namespace warder::agent
