#include "agent/command.h"
#include "agent/daemon.h"
#include "agent/service.h"
#include "log/log.h"

#include <CLI/CLI.hpp>

namespace warder::agent {
namespace {

ExitStatus run(const Globals& globals) {
  log::set_up(log::Level::kInfo, log::Style::kAuto);
  // Before any thread starts, so that all of them leave the signals to the one that waits for them.
  SignalThread::block();
  auto daemon = Daemon::start(globals);
  if (!daemon) {
    const ExitStatus status = complain(daemon.error());
    return daemon.error().code() == util::ErrorCode::kInvalid ? ExitStatus::kConfiguration : status;
  }
  Daemon& agent = **daemon;
  const SignalThread signals([&agent] { agent.stop(); },
                             [&agent] {
                               if (const auto reloaded = agent.reload(); !reloaded) {
                                 log::error("reload: {}", reloaded.error().message());
                               }
                             });
  notify_ready("watching");
  log::notice("watching");
  agent.run();
  notify_stopping();
  log::notice("stopping; bans stay in the kernel until they end");
  return ExitStatus::kOk;
}

}  // namespace

Run declare_run(CLI::App&) { return run; }

}  // namespace warder::agent
