#include "ship/command.h"

#include "ship/forms.h"
#include "util/descriptor.h"
#include "util/result.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <string_view>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace warder::ship {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr int kRefusedStatus = 65;  // EX_DATAERR
constexpr milliseconds kGrace{2000};
constexpr std::size_t kMostTold = 400;  // bytes of standard error

util::Error failed(std::string_view what, int error) {
  return util::errno_error(std::string(what), error);
}

// A program that reads nothing closes its end: that is no reason to die with SIGPIPE.
class NoPipeSignal {
 public:
  NoPipeSignal() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &old_);
  }
  ~NoPipeSignal() {
    const timespec at_once{};
    while (sigtimedwait(&pipe_, nullptr, &at_once) > 0) {
    }
    pthread_sigmask(SIG_SETMASK, &old_, nullptr);
  }
  NoPipeSignal(const NoPipeSignal&) = delete;
  NoPipeSignal& operator=(const NoPipeSignal&) = delete;

 private:
  sigset_t pipe_{};
  sigset_t old_{};
};

struct Pipe {
  util::Descriptor read;
  util::Descriptor write;
};

util::Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return failed("pipe", errno);
  }
  return Pipe{util::Descriptor(ends[0]), util::Descriptor(ends[1])};
}

// posix_spawn's two objects, which must be destroyed.
class SpawnPlan {
 public:
  SpawnPlan() {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
  }
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  // 0 or an errno.
  int run(const std::vector<std::string>& argv, int in, int err, pid_t* pid) {
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    std::vector<char*> words;
    for (const std::string& word : argv) {
      words.push_back(const_cast<char*>(word.c_str()));
    }
    words.push_back(nullptr);
    char* const environment[] = {nullptr};
    const int steps[] = {
        posix_spawnattr_setsigmask(&attributes_, &none),
        posix_spawnattr_setsigdefault(&attributes_, &all),
        posix_spawnattr_setflags(
            &attributes_, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF),
        posix_spawn_file_actions_adddup2(&actions_, in, STDIN_FILENO),
        posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, "/dev/null", O_WRONLY, 0),
        posix_spawn_file_actions_adddup2(&actions_, err, STDERR_FILENO),
        posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1),
        posix_spawn_file_actions_addchdir_np(&actions_, "/"),
    };
    for (const int step : steps) {
      if (step != 0) {
        return step;
      }
    }
    return posix_spawn(pid, argv.front().c_str(), &actions_, &attributes_, words.data(),
                       environment);
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

// One run of the program.
class Child {
 public:
  ~Child() {
    if (pid_ > 0) {
      ::kill(-pid_, SIGKILL);
      reap();
    }
  }

  util::Status start(const std::vector<std::string>& argv) {
    WARDER_ASSIGN_OR_RETURN(Pipe in, make_pipe());
    WARDER_ASSIGN_OR_RETURN(Pipe err, make_pipe());
    SpawnPlan plan;
    // The ends given to the program lie above the standard numbers, so that no dup2 hits another.
    if (const int error = plan.run(argv, in.read.get(), err.write.get(), &pid_); error != 0) {
      pid_ = 0;
      return failed(fmt::format("starting {}", util::printable(argv.front())), error);
    }
    ended_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    if (!ended_) {
      return failed("pidfd_open", errno);
    }
    in_ = std::move(in.write);
    err_ = std::move(err.read);
    ::fcntl(in_.get(), F_SETFL, O_NONBLOCK);
    ::fcntl(err_.get(), F_SETFL, O_NONBLOCK);
    return {};
  }

  // Feeds it and listens until it has ended, `until`, or `cancel` becomes readable.
  enum class Waited { kEnded, kTimeout, kCancelled };
  Waited wait(std::string_view input, SteadyClock::time_point until, int cancel) {
    while (true) {
      if (input.empty()) {
        in_.reset();
      }
      std::array<pollfd, 4> fds{{{ended_.get(), POLLIN, 0},
                                 {cancel, POLLIN, 0},
                                 {in_.get(), POLLOUT, 0},
                                 {err_.get(), POLLIN, 0}}};
      const auto left = std::chrono::ceil<milliseconds>(until - SteadyClock::now());
      if (left.count() <= 0) {
        return Waited::kTimeout;
      }
      if (::poll(fds.data(), fds.size(), static_cast<int>(left.count())) < 0 && errno != EINTR) {
        return Waited::kTimeout;
      }
      listen();
      if (fds[2].revents != 0) {
        feed(&input);
      }
      if (fds[0].revents != 0) {
        return Waited::kEnded;
      }
      if (fds[1].revents != 0) {
        return Waited::kCancelled;
      }
    }
  }

  // Ends the whole group; the program itself is given kGrace to tidy up.
  void end() {
    ::kill(-pid_, SIGTERM);
    pollfd ended{ended_.get(), POLLIN, 0};
    while (::poll(&ended, 1, static_cast<int>(kGrace.count())) < 0 && errno == EINTR) {
    }
    ::kill(-pid_, SIGKILL);
    reap();
  }

  // Of a program that has ended: its wait status.
  int finish() {
    listen();
    ::kill(-pid_, SIGKILL);  // what it left behind; the group lives as long as it is not reaped
    return reap();
  }

  const std::string& told() const { return told_; }

 private:
  int reap() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
    return status;
  }

  void feed(std::string_view* input) {
    const ssize_t written = ::write(in_.get(), input->data(), input->size());
    if (written > 0) {
      input->remove_prefix(static_cast<std::size_t>(written));
    } else if (written < 0 && errno != EAGAIN && errno != EINTR) {
      *input = {};  // it does not want to know
    }
  }

  void listen() {
    std::array<char, 4096> buffer;
    while (err_) {
      const ssize_t got = ::read(err_.get(), buffer.data(), buffer.size());
      if (got == 0) {
        err_.reset();
      }
      if (got <= 0) {
        return;
      }
      const std::size_t room = kMostTold - std::min(kMostTold, told_.size());
      told_.append(buffer.data(), std::min(room, static_cast<std::size_t>(got)));
    }
  }

  pid_t pid_ = 0;
  util::Descriptor ended_;
  util::Descriptor in_;
  util::Descriptor err_;
  std::string told_;
};

class Command : public Destination {
 public:
  explicit Command(CommandOptions options)
      : options_(std::move(options)), cancelled_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  std::string_view name() const override { return options_.name; }
  std::size_t batch_limit() const override { return 1; }

  std::vector<Outcome> deliver(std::span<const Message> messages) override {
    std::vector<Outcome> outcomes;
    for (const Message& message : messages) {
      outcomes.push_back(outcomes.empty() || outcomes.back().kind != Outcome::Kind::kRetry
                             ? run(message)
                             : outcomes.back());
    }
    return outcomes;
  }

  void cancel() override {
    const std::uint64_t one = 1;
    // Cannot fail: the counter is far from its limit.
    [[maybe_unused]] const ssize_t written = ::write(cancelled_.get(), &one, sizeof one);
  }

 private:
  static Outcome retry(std::string reason) {
    return {Outcome::Kind::kRetry, {}, std::move(reason)};
  }

  // Whoever may write the program decides what the agent does.
  std::optional<std::string> unsafe() const {
    struct stat info{};
    const std::string& program = options_.argv.front();
    if (::stat(program.c_str(), &info) != 0) {
      return util::errno_error(util::printable(program), errno).message();
    }
    if (!S_ISREG(info.st_mode) || (info.st_mode & (S_IWGRP | S_IWOTH)) != 0 ||
        (info.st_uid != 0 && info.st_uid != ::geteuid())) {
      return fmt::format(
          "{} is not run: it must be a file of root or of the agent's user that "
          "nobody else may write (chmod go-w)",
          util::printable(program));
    }
    return std::nullopt;
  }

  Outcome run(const Message& message) {
    if (auto why = unsafe()) {
      return retry(std::move(*why));
    }
    const NoPipeSignal no_signal;
    const std::string input = json_line(Sender{options_.host, options_.name}, message) + '\n';
    Child child;
    if (const util::Status started = child.start(options_.argv); !started) {
      return retry(started.error().message());
    }
    switch (child.wait(input, SteadyClock::now() + options_.timeout, cancelled_.get())) {
      case Child::Waited::kTimeout:
        child.end();
        return retry(
            told(fmt::format("did not end within {} ms", options_.timeout.count()), child));
      case Child::Waited::kCancelled:
        child.end();
        return retry("ended with the agent");
      case Child::Waited::kEnded:
        break;
    }
    const int status = child.finish();
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
      return {};
    }
    if (WIFEXITED(status)) {
      const int code = WEXITSTATUS(status);
      Outcome outcome = retry(told(fmt::format("ended with status {}", code), child));
      if (code == kRefusedStatus) {
        outcome.kind = Outcome::Kind::kRefused;
      }
      return outcome;
    }
    return retry(told(fmt::format("was ended by signal {}", WTERMSIG(status)), child));
  }

  std::string told(std::string what, const Child& child) const {
    const std::string_view said = util::trim(child.told());
    return fmt::format("{} {}{}{}", util::printable(options_.argv.front()), what,
                       said.empty() ? "" : ": ", util::printable(said, kMostTold));
  }

  const CommandOptions options_;
  const util::Descriptor cancelled_;
};

}  // namespace

std::unique_ptr<Destination> make_command(CommandOptions options) {
  return std::make_unique<Command>(std::move(options));
}

}  // namespace warder::ship
