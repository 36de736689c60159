#include "engine/replay.h"

#include "agent/command.h"
#include "agent/output.h"
#include "agent/paint.h"
#include "agent/pick_filter.h"
#include "agent/replay_report.h"
#include "agent/wiring.h"
#include "config/file_reader.h"
#include "engine/old_log.h"
#include "util/duration.h"
#include "util/glob.h"
#include "util/strings.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <memory>

namespace warder::agent {
namespace {

struct Words {
  std::string jail;
  TrialFolders folders;
  std::vector<std::string> logs;
  std::vector<std::string> against;
  std::string since;
  bool history = false;
  bool rotated = false;
};

// What --against changes.
struct Changes {
  engine::JailTrial trial;
  std::string filter;  // a filter file to judge with instead
};

util::Result<Changes> read_changes(const Words& words, config::FileReader& files) {
  Changes changes;
  changes.trial.name = words.jail;
  std::vector<std::string> settings;
  for (const std::string& word : words.against) {
    std::error_code failed;
    if (!std::filesystem::exists(word, failed)) {
      if (word.find('=') == std::string::npos) {
        return util::Error(
            util::ErrorCode::kNotFound,
            fmt::format("--against {}: there is no such file, and it is no KEY=VALUE",
                        util::printable(word)));
      }
      settings.push_back(word);
      continue;
    }
    WARDER_ASSIGN_OR_RETURN(const std::string content, files.read(word, util::mebibytes(1)));
    // A filter has a section that no jail file has.
    if (('\n' + content).find("\n[Definition]") != std::string::npos) {
      changes.filter = word;
    } else {
      changes.trial.files.push_back(word);
    }
  }
  WARDER_ASSIGN_OR_RETURN(changes.trial.keys, read_settings(settings));
  return changes;
}

util::Result<std::shared_ptr<const filter::Filter>> load_filter_file(const std::string& path) {
  const std::filesystem::path full = std::filesystem::absolute(path);
  filter::FilterRequest request;
  request.name = full.stem().string();
  request.folders = {full.parent_path()};
  request.samples = filter::SamplePolicy::kAllowNone;
  return filter::load_filter(request);
}

util::Result<std::vector<std::string>> logs_of(const Words& words,
                                               const engine::CompiledJail& jail) {
  std::vector<std::string> named = words.logs;
  bool rotated = words.rotated;
  if (named.empty()) {
    // What the jail watches, from as long ago as there is.
    rotated = true;
    for (const std::string& pattern : jail.options.logpath) {
      const std::vector<std::string> found = util::paths_matching(pattern);
      named.insert(named.end(), found.begin(), found.end());
    }
    if (named.empty()) {
      return util::Error(util::ErrorCode::kNotFound,
                         fmt::format("jail {} has no log file that is there; name logs, or use "
                                     "--history",
                                     jail.options.name));
    }
  }
  if (!rotated) {
    return named;
  }
  std::vector<std::string> logs;
  for (const std::string& log : named) {
    std::vector<std::string> left_out;
    for (std::string& path : engine::with_rotated(log, &left_out)) {
      logs.push_back(std::move(path));
    }
    for (const std::string& path : left_out) {
      fmt::print(stderr, "warder: {} is left out: only gzip is read; unpack it first\n",
                 util::printable(path));
    }
  }
  return logs;
}

util::Result<std::optional<util::WallTime>> parse_since(const std::string& word) {
  if (word.empty()) {
    return std::optional<util::WallTime>();
  }
  if (const auto time = util::parse_rfc3339(word)) {
    return std::optional(*time);
  }
  const auto age = util::parse_duration(word);
  if (!age) {
    return age.error().with_context("--since");
  }
  return std::optional<util::WallTime>(util::SystemClock().now() - *age);
}

// Hands the lines to both replays.
class Both : public source::LineHandler {
 public:
  Both(engine::Replay& before, engine::Replay* after) : before_(before), after_(after) {}
  void on_line(const model::Line& line) override {
    before_.on_line(line);
    if (after_ != nullptr) {
      after_->on_line(line);
    }
  }
  void on_notice(const source::Notice& notice) override {
    fmt::print(stderr, "warder: {}\n", notice.text);
  }

 private:
  engine::Replay& before_;
  engine::Replay* after_;
};

ExitStatus replay(const Globals& globals, const Words& words) {
  const util::SystemClock clock;
  const auto main = read_main_for_trial(globals, words.folders);
  if (!main) {
    complain(main.error());
    return ExitStatus::kConfiguration;
  }
  config::DiskFiles files;
  auto changes = read_changes(words, files);
  if (!changes) {
    complain(changes.error());
    return ExitStatus::kUsage;
  }
  const auto since = parse_since(words.since);
  if (!since) {
    complain(since.error());
    return ExitStatus::kUsage;
  }
  if (words.history && (!changes->filter.empty() || changes->trial.keys.contains("filter"))) {
    complain(util::Error(util::ErrorCode::kInvalid,
                         "the history holds findings, not lines: a changed filter can only be "
                         "replayed over logs"));
    return ExitStatus::kUsage;
  }
  const auto told_configuration = [](const util::Error& error) {
    const ExitStatus status = complain(error);
    return status == ExitStatus::kNotFound ? status : ExitStatus::kConfiguration;
  };
  const auto before_jail = engine::load_jail(files, *main, {}, {words.jail, {}, {}});
  if (!before_jail) {
    return told_configuration(before_jail.error());
  }
  filter::MatcherOptions matcher;
  matcher.trusted_proxies = main->agent.trusted_proxies;
  auto before = engine::Replay::create(*before_jail, matcher, main->agent.never_ban, clock.now());
  if (!before) {
    return told_configuration(before.error());
  }
  std::unique_ptr<engine::Replay> after;
  std::uint32_t maxretry = before_jail->options.maxretry;
  if (!words.against.empty()) {
    auto after_jail = engine::load_jail(files, *main, {}, changes->trial);
    if (!after_jail) {
      return told_configuration(after_jail.error());
    }
    if (!changes->filter.empty()) {
      auto changed = load_filter_file(changes->filter);
      if (!changed) {
        return told_configuration(changed.error());
      }
      after_jail->filter = std::move(*changed);
    }
    auto made = engine::Replay::create(*after_jail, matcher, main->agent.never_ban, clock.now());
    if (!made) {
      return told_configuration(made.error());
    }
    after = std::move(*made);
    maxretry = after_jail->options.maxretry;
  }
  if (words.history) {
    auto reader = store::Reader::open(database_of(*main));
    if (!reader) {
      return complain(reader.error());
    }
    store::EventFilter findings;
    findings.jail = words.jail;
    findings.kind = model::EventKind::kFinding;
    findings.since = *since;
    findings.order = store::EventFilter::Order::kOldestFirst;
    findings.limit = std::size_t{1} << 40U;
    const util::Status read = reader->events(findings, [&](const store::StoredEvent& event) {
      (*before)->on_stored(event);
      if (after) {
        after->on_stored(event);
      }
      return true;
    });
    if (!read) {
      return complain(read.error());
    }
  } else {
    auto logs = logs_of(words, *before_jail);
    if (!logs) {
      return complain(logs.error());
    }
    Both both(**before, after.get());
    for (const std::string& log : *logs) {
      (*before)->begin_log(log);
      if (after) {
        after->begin_log(log);
      }
      Progress progress(log);
      engine::OldLogOptions options;
      options.progress = [&](std::uint64_t done, std::uint64_t all) { progress.show(done, all); };
      if (const util::Status read = engine::read_old_log(log, options, clock, both); !read) {
        return complain(read.error());
      }
    }
  }
  const ReplayView view{words.jail, maxretry, (*before)->report(),
                        after ? &after->report() : nullptr};
  print(globals.json ? replay_json(view) : replay_text(view, Paint::of_output()));
  return ExitStatus::kOk;
}

}  // namespace

Run declare_replay(CLI::App& app) {
  auto words = std::make_shared<Words>();
  app.add_option("JAIL", words->jail, "a jail of the configuration, enabled or not")->required();
  app.add_option("LOG", words->logs,
                 "logs in the order they were written (.gz too), - for standard input; the jail's "
                 "own with all that was rotated when left out");
  app.add_option("--filters", words->folders.filters, "a folder of filters, before the configured");
  app.add_option("--jails", words->folders.jails, "a folder of jails, in place of the configured");
  app.add_option("--against", words->against,
                 "what is changed: a jail file, a filter file, or KEY=VALUE (maxretry=3)")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_flag("--rotated", words->rotated, "take what was rotated away of each LOG before it");
  app.add_flag("--history", words->history, "replay the stored findings instead of logs");
  app.add_option("--since", words->since, "with --history: an age (7d) or a time (RFC 3339)");
  return [words](const Globals& globals) { return replay(globals, *words); };
}

}  // namespace warder::agent
