#include "agent/ask.h"
#include "agent/command.h"
#include "agent/file_guarding.h"
#include "agent/output.h"
#include "agent/paint.h"
#include "agent/wiring.h"
#include "files/comparison.h"
#include "files/guard.h"
#include "files/packages.h"
#include "util/encoding.h"
#include "util/pace.h"
#include "util/strings.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <memory>

namespace warder::agent {
namespace {

using files::Difference;
using nlohmann::json;

struct Words {
  std::string name;
  std::string path;
  bool quick = false;
};

struct Read {
  std::vector<files::FilesOptions> sections;
  files::FilesHooks hooks;
};

util::Result<Read> read_sections(const Globals& globals) {
  config::Diagnostics diagnostics;
  auto loaded = load_all(globals.config.string(), {}, diagnostics);
  if (!loaded) {
    return util::Error(util::ErrorCode::kInvalid,
                       fmt::format("the configuration has errors:\n{}", diagnostics.to_text()));
  }
  auto hooks = file_readers(loaded->main);
  if (!hooks) {
    return hooks.error().with_context("no agent has run here yet, or its files cannot be read");
  }
  return Read{loaded->jails->guarded_files, std::move(*hooks)};
}

util::Result<files::FilesOptions> section_of(const Read& read, const std::string& name) {
  for (const files::FilesOptions& options : read.sections) {
    if (options.name == name) {
      return options;
    }
  }
  return util::Error(util::ErrorCode::kNotFound,
                     fmt::format("no section [files {}] is enabled; warder files list",
                                 util::printable(name, 64)));
}

std::string dump(const json& document) {
  return document.dump(-1, ' ', false, json::error_handler_t::replace) + '\n';
}

std::string time_of(util::WallTime time) {
  return time == util::WallTime() ? "" : util::format_rfc3339(time);
}

ExitStatus list(const Globals& globals) {
  const auto read = read_sections(globals);
  if (!read) {
    return complain(read.error());
  }
  json rows = json::array();
  TextTable table({"FILES", "STATE", "SINCE", "LAST SCAN", "DIFFER", "WATCHED BY", "FOUND"});
  for (const files::FilesOptions& options : read->sections) {
    files::FilesState state = files::stored_state(read->hooks, options.name);
    const auto stored = files::stored_baseline(read->hooks, options.name);
    if (!stored) {
      state.state = files::FilesState::State::kUnknown;
      state.text = stored.error().message();
    }
    const util::WallTime last = std::max(state.full, state.quick);
    table.add({options.name, std::string(to_string(state.state)), short_time(time_of(state.since)),
               short_time(time_of(last)), std::to_string(state.differences), state.watch,
               state.text});
    json row{{"files", options.name},
             {"state", to_string(state.state)},
             {"since", time_of(state.since)},
             {"full", time_of(state.full)},
             {"quick", time_of(state.quick)},
             {"entries", state.entries},
             {"differences", state.differences},
             {"watch", state.watch},
             {"text", state.text}};
    if (const files::Baseline* const baseline = files::pointer_to(stored)) {
      row["baseline"] = {{"made", time_of(baseline->manifest().made)},
                         {"generation", baseline->manifest().generation},
                         {"entries", baseline->manifest().entries},
                         {"bytes", baseline->manifest().bytes},
                         {"root", util::to_hex(baseline->root())}};
    }
    rows.push_back(std::move(row));
  }
  if (globals.json) {
    print(dump({{"files", rows}}));
  } else {
    print(table.empty() ? "no section [files NAME] is enabled\n" : table.to_text());
  }
  return ExitStatus::kOk;
}

json row_of(const Difference& one, const files::FilesOptions& options) {
  json row{{"path", files::shown_path(one.path)},
           {"change", to_string(one.kind())},
           {"text", one.to_text(options.fields)},
           {"severity", model::to_string(severity_of(one, options.severity))}};
  if (!one.package.empty()) {
    row["package"] = one.package;
  }
  if (!one.by.empty()) {
    row["by"] = one.by;
  }
  return row;
}

// Without the word and the path that stand in columns of their own.
std::string what_of(const Difference& one, const files::FilesOptions& options) {
  std::string what;
  if (one.before && one.after) {
    what = one.changes(options.fields).to_text();
  } else if (one.after) {
    what = describe(*one.after);
  } else if (one.before) {
    what = "was " + describe(*one.before);
  }
  return one.by.empty() ? what : fmt::format("{}; by {}", what, one.by);
}

ExitStatus show(const Globals& globals, const Words& words) {
  const auto read = read_sections(globals);
  if (!read) {
    return complain(read.error());
  }
  const auto options = section_of(*read, words.name);
  if (!options) {
    return complain(options.error());
  }
  const auto told = files::stored_differences(read->hooks, words.name);
  if (!told) {
    return complain(told.error());
  }
  const files::FilesState state = files::stored_state(read->hooks, words.name);
  json rows = json::array();
  TextTable table({"CHANGE", "PATH", "WHAT"});
  for (const Difference& one : *told) {
    if (!words.path.empty() && !files::is_within(one.path, words.path) &&
        !files::is_within(files::shown_path(one.path), words.path)) {
      continue;
    }
    rows.push_back(row_of(one, *options));
    table.add({std::string(to_string(one.kind())), util::printable(one.path, 400),
               what_of(one, *options)});
  }
  if (globals.json) {
    print(dump({{"files", words.name},
                {"state", to_string(state.state)},
                {"differences", state.differences},
                {"listed", rows}}));
    return ExitStatus::kOk;
  }
  if (table.empty()) {
    print(fmt::format("nothing that was told differs from the baseline ({})\n",
                      state.text.empty() ? "no scan yet" : state.text));
    return ExitStatus::kOk;
  }
  print(table.to_text());
  if (state.differences > told->size()) {
    print(fmt::format("and {} more that are counted only\n", state.differences - told->size()));
  }
  print(fmt::format("\nNEXT STEPS  if it was you: warder files accept {0} [PATH]\n", words.name));
  return ExitStatus::kOk;
}

// Compares now, as this user; records nothing.
ExitStatus check(const Globals& globals, const Words& words) {
  const auto read = read_sections(globals);
  if (!read) {
    return complain(read.error());
  }
  const auto options = section_of(*read, words.name);
  if (!options) {
    return complain(options.error());
  }
  const auto stored = files::stored_baseline(read->hooks, words.name);
  if (!stored) {
    return complain(stored.error());
  }
  const files::Baseline* const baseline = files::pointer_to(stored);
  if (baseline == nullptr) {
    return complain(util::Error(
        util::ErrorCode::kNotFound,
        fmt::format("there is no baseline of '{}' yet: the agent makes it when it has run once",
                    words.name)));
  }
  if (!words.path.empty() && !options->scope.covers(words.path)) {
    return complain(util::Error(util::ErrorCode::kNotFound,
                                fmt::format("{} is not among the paths of [files {}]",
                                            util::printable(words.path), words.name)));
  }
  const util::SystemClock clock;
  Progress progress(words.name);
  std::uint64_t looked_at = 0;
  const std::uint64_t all = words.path.empty() ? baseline->manifest().entries : 0;
  util::Pace pace(util::ByteCount{0}, clock, [&](std::chrono::microseconds) {
    progress.show(looked_at, all);
    return true;
  });
  files::Walk walk(options->scope, {.largest_file = options->largest_file}, pace);
  std::vector<Difference> found;
  std::uint64_t differences = 0;
  files::Comparison comparison(
      baseline, options->scope,
      {options->fields, words.quick ? files::Thoroughness::kQuick : files::Thoroughness::kFull, {}},
      [&](Difference difference) -> util::Status {
        looked_at = walk.counts().entries;
        if (++differences <= files::Findings::kMostListed) {
          found.push_back(std::move(difference));
        }
        return {};
      },
      nullptr);
  const auto compare = [&]() -> util::Status {
    if (!words.path.empty()) {
      WARDER_RETURN_IF_ERROR(comparison.begin(words.path, files::Walk::Depth::kAll));
      WARDER_RETURN_IF_ERROR(walk.run(words.path, files::Walk::Depth::kAll, comparison));
      return comparison.end();
    }
    WARDER_ASSIGN_OR_RETURN(const std::vector<std::string> roots, options->scope.roots());
    WARDER_RETURN_IF_ERROR(comparison.begin_all());
    for (const std::string& root : roots) {
      WARDER_RETURN_IF_ERROR(walk.run(root, files::Walk::Depth::kAll, comparison));
    }
    return comparison.end();
  };
  if (const util::Status compared = compare(); !compared) {
    return complain(compared.error());
  }
  if (options->expects_packages && !found.empty()) {
    if (const util::Status explained =
            files::Packages(options->root).explain(found, options->fields, pace);
        !explained) {
      return complain(explained.error());
    }
  }
  std::uint64_t expected = 0;
  json rows = json::array();
  TextTable table({"CHANGE", "PATH", "WHAT", "EXPECTED"});
  for (const Difference& one : found) {
    expected += one.package.empty() ? 0 : 1;
    rows.push_back(row_of(one, *options));
    table.add({std::string(to_string(one.kind())), util::printable(one.path, 400),
               what_of(one, *options), one.package});
  }
  const files::WalkCounts& counts = walk.counts();
  const bool good = differences == expected;
  if (globals.json) {
    print(dump({{"files", words.name},
                {"good", good},
                {"entries", counts.entries},
                {"bytes", counts.bytes_read},
                {"denied", counts.denied},
                {"too_large", counts.too_large},
                {"unsteady", counts.unsteady},
                {"differences", differences},
                {"expected", expected},
                {"listed", rows}}));
    return good ? ExitStatus::kOk : ExitStatus::kFailed;
  }
  if (!table.empty()) {
    print(table.to_text() + '\n');
  }
  if (differences > found.size()) {
    print(fmt::format("and {} more\n", differences - found.size()));
  }
  print(fmt::format(
      "{} files and folders compared with the baseline of {}, {} MiB read{}\n", counts.entries,
      short_time(time_of(baseline->manifest().made)), counts.bytes_read >> 20U,
      counts.denied == 0 ? "" : fmt::format(", {} could not be read by this user", counts.denied)));
  if (good) {
    print(expected == 0 ? "all as in the baseline\n"
                        : fmt::format("{} all of packages\n", counted(expected, "change")));
    return ExitStatus::kOk;
  }
  print(fmt::format(
      "\nERROR       {} not as in the baseline\nCAUSE       somebody changed {}, and no package "
      "explains it\nNEXT STEPS  if it was you: warder files accept {} (takes what the agent has "
      "told: warder files show {})\n",
      counted(differences - expected, "path"), differences - expected == 1 ? "it" : "them",
      words.name, words.name));
  return ExitStatus::kFailed;
}

ExitStatus ask(const Globals& globals, api::Command command, const Words& words) {
  api::Request request;
  request.command = command;
  request.jail = words.name;
  // A request is text.
  request.text =
      util::to_valid_utf8(words.path) == words.path ? words.path : files::shown_path(words.path);
  return ask_and_print(globals, request, [&](const json& document) {
    switch (command) {
      case api::Command::kAcceptFiles:
        return fmt::format("{} of what the agent has told into the baseline of {}\n",
                           counted(document.value("accepted", std::uint64_t{0}), "change"),
                           words.name);
      case api::Command::kScanFiles:
        return fmt::format("all content of {} is compared now; warder files list\n", words.name);
      default:
        return fmt::format("a new baseline of {} is made of what is there; warder files list\n",
                           words.name);
    }
  });
}

}  // namespace

Run declare_files(CLI::App& app) {
  app.require_subcommand(1);
  auto given = std::make_shared<Words>();
  const auto with_name = [&](const char* word, const char* text) {
    CLI::App* const sub = app.add_subcommand(word, text);
    sub->add_option("NAME", given->name, "the section [files NAME]")->required();
    return sub;
  };
  CLI::App* const list_words =
      app.add_subcommand("list", "every section: its state, when it was scanned, what was found");
  CLI::App* const show_words = with_name("show", "what differs from the baseline, as it was told");
  show_words->add_option("PATH", given->path, "only this and what is below");
  CLI::App* const check_words =
      with_name("check", "compare with the baseline now, by this user; records nothing");
  check_words->add_option("PATH", given->path, "only this and what is below");
  check_words->add_flag("--quick", given->quick,
                        "read content only where size, times or inode are others");
  CLI::App* const scan_words = with_name("scan", "have the agent compare all content now");
  CLI::App* const accept_words =
      with_name("accept", "take what was told for right, as far as it is still so");
  accept_words->add_option("PATH", given->path, "only this and what is below");
  with_name("baseline", "have the agent make a new baseline of everything that is there");
  return [=](const Globals& globals) {
    if (list_words->parsed()) {
      return list(globals);
    }
    if (show_words->parsed()) {
      return show(globals, *given);
    }
    if (check_words->parsed()) {
      return check(globals, *given);
    }
    return ask(globals,
               scan_words->parsed()     ? api::Command::kScanFiles
               : accept_words->parsed() ? api::Command::kAcceptFiles
                                        : api::Command::kBaselineFiles,
               *given);
  };
}

}  // namespace warder::agent
