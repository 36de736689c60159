#include "agent/command.h"
#include "agent/output.h"
#include "agent/paint.h"
#include "agent/pick_filter.h"
#include "agent/trial_report.h"
#include "engine/old_log.h"
#include "engine/trial.h"
#include "source/journal_source.h"
#include "util/strings.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <memory>

namespace warder::agent {
namespace {

using engine::LineFate;

struct Words {
  std::string filter;
  TrialFolders folders;
  std::vector<std::string> logs;
  std::string datepattern;
  std::string zone;
  std::string encoding = "auto";
  std::string maxlines;
  std::string usedns = "no";
  std::string mode;
  std::vector<std::string> parameters;
  std::string out;
  bool invert = false;
  bool findings = false;
  bool matched = false;
  bool missed = false;
  bool ignored = false;
};

// What the options ask to be printed of each line.
void print_line(const Words& words, const engine::TriedLine& line) {
  if (!words.out.empty()) {
    if (line.finding != nullptr) {
      print(finding_as(words.out, *line.finding) + '\n');
    }
    return;
  }
  if (words.invert) {
    if (line.fate == LineFate::kMissed) {
      print(fmt::format("{}\n", util::printable(line.text, filter::kLongestText)));
    }
    return;
  }
  if (words.findings && line.finding != nullptr) {
    const model::Finding& finding = *line.finding;
    print(fmt::format("finding  {}  {}  pattern {}  {}\n", util::format_rfc3339(finding.time),
                      finding.address.to_string(), finding.pattern + 1,
                      util::printable(finding.text, 200)));
  }
  const bool wanted = (words.missed && line.fate == LineFate::kMissed) ||
                      (words.ignored && line.fate == LineFate::kIgnored) ||
                      (words.matched && line.fate != LineFate::kMissed);
  if (wanted && !(words.findings && line.finding != nullptr)) {
    print(fmt::format("{:<8} {}\n", to_string(line.fate), util::printable(line.text)));
  }
}

// The bytes of these are what the filters are compiled for; RE2 runs on bytes.
bool is_bytewise(std::string encoding) {
  encoding = util::to_lower(encoding);
  return encoding == "auto" || encoding == "utf-8" || encoding == "utf8" || encoding == "ascii" ||
         encoding == "latin-1" || encoding == "latin1" || encoding.starts_with("iso-8859-") ||
         encoding.starts_with("windows-125") || encoding.starts_with("cp125");
}

// Empty when the words can be done.
std::string objection(const Words& words) {
  if (!is_bytewise(words.encoding)) {
    return fmt::format(
        "logs in {0} are not read as they are: give the log as UTF-8, `iconv -f {0} -t UTF-8 LOG | "
        "warder test FILTER -`",
        util::printable(words.encoding, 40));
  }
  if (words.usedns != "no") {
    return fmt::format(
        "--usedns {}: names are never looked up, an attacker who owns a name would choose whom to "
        "ban; the only value is no",
        util::printable(words.usedns, 40));
  }
  return {};
}

util::Status read_journal(const std::string& match, const util::Clock& clock,
                          engine::Trial& trial) {
  source::JournalOptions options;
  options.match = match;
  options.look_back = std::chrono::hours(24 * 365 * 10);
  WARDER_ASSIGN_OR_RETURN(
      auto journal, source::JournalSource::open(
                        std::move(options), [](std::string_view) { return std::nullopt; }, clock));
  while (journal->pump(trial, util::mebibytes(1)).more) {
  }
  return {};
}

// The match of "journal[MATCH]"; nothing for anything else.
std::optional<std::string> journal_match(const std::string& log) {
  for (const std::string_view name : {"journal", "systemd-journal"}) {
    if (log == name) {
      return std::string();
    }
    if (log.starts_with(std::string(name) + '[') && log.ends_with(']')) {
      return log.substr(name.size() + 1, log.size() - name.size() - 2);
    }
  }
  return std::nullopt;
}

util::Status read_one(const std::string& log, const util::Clock& clock, engine::Trial& trial) {
  if (const auto match = journal_match(log)) {
    return read_journal(*match, clock, trial);
  }
  std::error_code failed;
  if (log != "-" && !std::filesystem::exists(log, failed) && log.find(' ') != std::string::npos) {
    // A line of a log, given as it is.
    model::Line line;
    line.text = log;
    line.length = log.size();
    line.received = clock.now();
    trial.on_line(line);
    return {};
  }
  Progress progress(log);
  engine::OldLogOptions options;
  options.progress = [&](std::uint64_t done, std::uint64_t all) { progress.show(done, all); };
  return engine::read_old_log(log, options, clock, trial);
}

ExitStatus test(const Globals& globals, const Words& words) {
  if (const std::string no = objection(words); !no.empty()) {
    return complain(util::Error(util::ErrorCode::kInvalid, no)), ExitStatus::kUsage;
  }
  auto parameters = read_settings(words.parameters);
  if (!parameters) {
    return complain(parameters.error()), ExitStatus::kUsage;
  }
  if (!words.mode.empty()) {
    (*parameters)["mode"] = words.mode;
  }
  std::map<std::string, std::string> options;
  if (!words.datepattern.empty()) {
    options["datepattern"] = words.datepattern;
  }
  if (!words.maxlines.empty()) {
    options["maxlines"] = words.maxlines;
  }
  if (!words.zone.empty()) {
    ::setenv("TZ", words.zone.c_str(), 1);
    ::tzset();
  }
  const auto picked = pick_filter(globals, words.folders, words.filter, *parameters, options);
  if (!picked) {
    complain(picked.error());
    return ExitStatus::kConfiguration;
  }
  const util::SystemClock clock;
  auto trial =
      engine::Trial::create(picked->filter, picked->matcher, clock,
                            [&](const engine::TriedLine& line) { print_line(words, line); });
  if (!trial) {
    return complain(trial.error());
  }
  std::vector<std::string> logs = words.logs;
  if (logs.empty()) {
    const auto& named = picked->jail;
    if (!named) {
      return complain(util::Error(util::ErrorCode::kInvalid,
                                  "name a log: a file, - for standard input, journal[MATCH], or a "
                                  "line in quotes")),
             ExitStatus::kUsage;
    }
    const jail::JailOptions& jail = named->options;
    logs = jail.logpath;
    if (engine::reads_journal(jail)) {
      logs = {fmt::format("journal[{}]", engine::journal_match(jail))};
    }
  }
  for (const std::string& log : logs) {
    if (const util::Status read = read_one(log, clock, **trial); !read) {
      return complain(read.error());
    }
  }
  if (!words.out.empty() || words.invert) {
    return ExitStatus::kOk;
  }
  const engine::TrialReport report = (*trial)->finish();
  print(globals.json ? trial_json(*picked->filter, report)
                     : trial_text(*picked->filter, report, Paint::of_output()));
  return ExitStatus::kOk;
}

}  // namespace

Run declare_test(CLI::App& app) {
  auto words = std::make_shared<Words>();
  app.add_option("FILTER", words->filter,
                 "a jail, a filter's name with [parameter=value], a path of a filter, or a regular "
                 "expression with <HOST>")
      ->required();
  app.add_option("LOG", words->logs,
                 "logs (.gz too), - for standard input, journal[MATCH], or a line in quotes; a "
                 "jail's own when left out");
  app.add_option("--filters", words->folders.filters, "a folder of filters, before the configured");
  app.add_option("--jails", words->folders.jails, "a folder of jails, in place of the configured");
  app.add_option("-d,--datepattern", words->datepattern, "in place of the filter's");
  app.add_option("--TZ,--timezone", words->zone,
                 "zone of dates that name none, e.g. Europe/Berlin");
  app.add_option("-e,--encoding", words->encoding, "of the log: auto, utf-8, latin-1")
      ->capture_default_str();
  app.add_option("-L,--maxlines", words->maxlines, "in place of the filter's");
  app.add_option("--usedns", words->usedns, "no: names are never looked up")->capture_default_str();
  app.add_option("--mode", words->mode, "the filter's parameter `mode`");
  app.add_option("-p,--parameter", words->parameters, "KEY=VALUE, a parameter of the filter");
  app.add_option("-o,--out", words->out,
                 "print only this of each finding: id, ip, msg, row, a capture, or a template "
                 "like '<ip> <F-USER>'");
  app.add_flag("-i,--invert", words->invert, "print only the lines that nothing matched");
  app.add_flag("--findings", words->findings, "print each finding");
  app.add_flag("--matched,--print-matched,--print-all-matched", words->matched,
               "print each line that matched");
  app.add_flag("--missed,--print-missed,--print-all-missed", words->missed,
               "print each line that gave none");
  app.add_flag("--ignored,--print-ignored,--print-all-ignored", words->ignored,
               "print each line that ignoreregex excepts");
  return [words](const Globals& globals) { return test(globals, *words); };
}

}  // namespace warder::agent
