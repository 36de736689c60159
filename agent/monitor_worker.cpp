#include "agent/command.h"
#include "agent/output.h"
#include "agent/wiring.h"
#include "monitor/database_check.h"
#include "store/checkpoint.h"
#include "store/verify.h"
#include "util/file.h"
#include "util/program.h"
#include "util/strings.h"
#include "util/thread_priority.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <algorithm>
#include <csignal>
#include <memory>
#include <unistd.h>

namespace warder::agent {
namespace {

constexpr std::size_t kLongestRequest = 4U << 20U;

monitor::Outcome check_history(const Globals& globals, const monitor::DatabaseRequest& request) {
  monitor::Outcome outcome;
  outcome.check = monitor::Check::kHistory;
  store::VerifyOptions options;
  if (const auto file = verifier_key_path(globals)) {
    const auto text = util::read_file(*file, util::kibibytes(4));
    const auto key = text ? store::parse_verifier_key(util::trim(*text))
                          : util::Result<store::VerifierKey>(text.error());
    if (key) {
      options.key = key->key;
    }
  }
  const auto report = store::verify(request.database, options);
  if (!report) {
    outcome.state = monitor::Outcome::State::kUnknown;
    outcome.mark = "unread";
    outcome.text = report.error().message();
    outcome.cause = "the history cannot be read";
    outcome.next = "warder verify";
    return outcome;
  }
  outcome.text = fmt::format("{} events and {} checkpoints give the hashes they were stored with",
                             report->events_checked, report->checkpoints_checked);
  if (!report->good()) {
    outcome.state = monitor::Outcome::State::kBad;
    outcome.text = report->faults.front().text;
    outcome.mark = fmt::format("{} {}", to_string(report->faults.front().kind),
                               report->faults.front().first.value_or(0));
    outcome.cause = "somebody edited the history, or its disk is failing";
    outcome.next = "warder verify";
  }
  return outcome;
}

ExitStatus work(const Globals& globals, pid_t agent) {
  // It never competes with the agent or with the service it looks at.
  util::end_with_parent(agent, SIGKILL);
  util::lower_thread_priority(util::DiskPriority::kIdle);
  const auto text = read_standard_input(kLongestRequest);
  if (!text) {
    return complain(text.error());
  }
  auto request = monitor::parse_request(*text);
  if (!request) {
    return complain(request.error());
  }
  const bool history = std::erase(request->checks, monitor::Check::kHistory) > 0;
  std::vector<monitor::Outcome> outcomes;
  if (!request->checks.empty()) {
    outcomes = monitor::check_database(*request);
  }
  if (history) {
    outcomes.push_back(check_history(globals, *request));
  }
  print(monitor::outcomes_json(outcomes));
  return ExitStatus::kOk;
}

}  // namespace

Run declare_monitor_worker(CLI::App& app) {
  app.group("");  // not in the help: nobody runs it by hand
  const auto agent = std::make_shared<pid_t>();
  app.add_option("AGENT", *agent, "the process it ends with")->required();
  return [agent](const Globals& globals) { return work(globals, *agent); };
}

}  // namespace warder::agent
