#include "engine/side_questions.h"

#include "engine/host_names.h"
#include "ship/command_words.h"
#include "util/program.h"

#include <algorithm>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utility>

namespace warder::engine {
namespace {

constexpr std::chrono::minutes kNamesKept{5};
constexpr std::size_t kMostAddresses = 16;
constexpr std::chrono::milliseconds kProgramLimit{10'000};

SideQuestions::Ignore run(const std::vector<std::string>& argv, int cancel) {
  const auto end = util::run_program(argv, {}, kProgramLimit, cancel);
  if (!end) {
    return {false, end.error().message()};
  }
  if (end->succeeded()) {
    return {true, {}};
  }
  const bool no = end->how == util::ProgramEnd::How::kExited && end->value == 1;
  return {false, no ? std::string() : end->to_string(argv.front(), kProgramLimit)};
}

}  // namespace

SideQuestions::SideQuestions(LookUp look_up, Deliver deliver, const util::Clock& clock)
    : look_up_(std::move(look_up)),
      cancel_(std::make_shared<util::Descriptor>(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))),
      names_({}, deliver, clock, bound_resolver_of_this_thread),
      commands_({.questions = 1'000, .askers = 10'000, .kept = 100}, deliver, clock, [] {}) {}

SideQuestions::~SideQuestions() {
  const std::uint64_t one = 1;
  // Cannot fail: the counter is far from its limit.
  [[maybe_unused]] const ssize_t written = ::write(cancel_->get(), &one, sizeof one);
}

bool SideQuestions::look_up(const std::string& name, std::function<void(const Names&)> then) {
  return names_.ask(
      name, kNamesKept,
      [look_up = look_up_, name]() -> Names {
        Names found = look_up(name);
        if (found && found->size() > kMostAddresses) {
          found->resize(kMostAddresses);
        }
        return found;
      },
      std::move(then));
}

bool SideQuestions::ask_command(const jail::JailOptions& jail, const net::Prefix& address,
                                std::function<void(const Ignore&)> then) {
  model::Event finding;
  finding.kind = model::EventKind::kFinding;
  finding.jail = jail.name;
  finding.address = address;
  auto argv = ship::fill_command_words(jail.ignorecommand, finding);
  if (!argv) {  // checked when the jail was compiled
    then({false, argv.error().message()});
    return true;
  }
  std::string key;
  for (const std::string& word : *argv) {
    key += word + '\0';
  }
  commands_.keep_at_least(jail.ignorecache_count);
  return commands_.ask(
      key, jail.ignorecache_time,
      [argv = std::move(*argv), cancel = cancel_] { return run(argv, cancel->get()); },
      std::move(then));
}

}  // namespace warder::engine
