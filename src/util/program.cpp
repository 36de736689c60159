#include "util/program.h"

#include "util/descriptor.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <string_view>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace warder::util {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr milliseconds kGrace{2000};
constexpr std::size_t kMostTold = 400;  // bytes of standard error

Error failed(std::string_view what, int error) { return errno_error(std::string(what), error); }

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
  Descriptor read;
  Descriptor write;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return failed("pipe", errno);
  }
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
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

  // 0 or an errno. `out` of -1: /dev/null.
  int run(const std::vector<std::string>& argv, int in, int out, int err, pid_t* pid) {
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
        out < 0
            ? posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
            : posix_spawn_file_actions_adddup2(&actions_, out, STDOUT_FILENO),
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

  explicit Child(std::size_t most_output) : most_output_(most_output) {}

  Status start(const std::vector<std::string>& argv) {
    WARDER_ASSIGN_OR_RETURN(Pipe in, make_pipe());
    Pipe out;
    if (most_output_ > 0) {
      WARDER_ASSIGN_OR_RETURN(out, make_pipe());
    }
    WARDER_ASSIGN_OR_RETURN(Pipe err, make_pipe());
    SpawnPlan plan;
    // The ends given to the program lie above the standard numbers, so that no dup2 hits another.
    if (const int error = plan.run(argv, in.read.get(), out.write.get(), err.write.get(), &pid_);
        error != 0) {
      pid_ = 0;
      return failed(fmt::format("starting {}", printable(argv.front())), error);
    }
    ended_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    if (!ended_) {
      return failed("pidfd_open", errno);
    }
    in_ = std::move(in.write);
    err_ = std::move(err.read);
    ::fcntl(in_.get(), F_SETFL, O_NONBLOCK);
    ::fcntl(err_.get(), F_SETFL, O_NONBLOCK);
    if (out.read) {
      out_ = std::move(out.read);
      ::fcntl(out_.get(), F_SETFL, O_NONBLOCK);
    }
    return {};
  }

  // Feeds it and listens until it has ended, `until`, or `cancel` becomes readable.
  enum class Waited : std::uint8_t { kEnded, kTimeout, kCancelled };
  Waited wait(std::string_view input, SteadyClock::time_point until, int cancel) {
    while (true) {
      if (input.empty()) {
        in_.reset();
      }
      std::array<pollfd, 5> fds{{{ended_.get(), POLLIN, 0},
                                 {cancel, POLLIN, 0},
                                 {in_.get(), POLLOUT, 0},
                                 {err_.get(), POLLIN, 0},
                                 {out_.get(), POLLIN, 0}}};
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
  std::string& output() { return output_; }
  bool output_is_cut() const { return cut_; }

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
    read_into(err_, kMostTold, &told_);
    cut_ = read_into(out_, most_output_, &output_) || cut_;
  }

  // What it wrote so far; true when some of it was beyond `most` and is dropped.
  static bool read_into(Descriptor& from, std::size_t most, std::string* kept) {
    std::array<char, 4096> buffer;
    bool cut = false;
    while (from) {
      const ssize_t got = ::read(from.get(), buffer.data(), buffer.size());
      if (got == 0) {
        from.reset();
      }
      if (got <= 0) {
        break;
      }
      const std::size_t room = most - std::min(most, kept->size());
      cut = cut || static_cast<std::size_t>(got) > room;
      kept->append(buffer.data(), std::min(room, static_cast<std::size_t>(got)));
    }
    return cut;
  }

  pid_t pid_ = 0;
  Descriptor ended_;
  Descriptor in_;
  Descriptor err_;
  Descriptor out_;
  const std::size_t most_output_;
  std::string told_;
  std::string output_;
  bool cut_ = false;
};

}  // namespace

std::optional<std::string> unsafe_program(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) {
    return errno_error(printable(path), errno).message();
  }
  if (!S_ISREG(info.st_mode) || (info.st_mode & (S_IWGRP | S_IWOTH)) != 0 ||
      (info.st_uid != 0 && info.st_uid != ::geteuid())) {
    return fmt::format(
        "{} is not run: it must be a file of root or of the agent's user that "
        "nobody else may write (chmod go-w)",
        printable(path));
  }
  return std::nullopt;
}

Result<ProgramEnd> run_program(const std::vector<std::string>& argv, std::string_view input,
                               milliseconds timeout, int cancel, std::size_t most_output) {
  if (auto why = unsafe_program(argv.front())) {
    return Error(ErrorCode::kInvalid, std::move(*why));
  }
  const NoPipeSignal no_signal;
  Child child(most_output);
  WARDER_RETURN_IF_ERROR(child.start(argv));
  ProgramEnd end;
  switch (child.wait(input, SteadyClock::now() + timeout, cancel)) {
    case Child::Waited::kTimeout:
      child.end();
      end.how = ProgramEnd::How::kTimeout;
      break;
    case Child::Waited::kCancelled:
      child.end();
      end.how = ProgramEnd::How::kCancelled;
      break;
    case Child::Waited::kEnded: {
      const int status = child.finish();
      end.how = WIFEXITED(status) ? ProgramEnd::How::kExited : ProgramEnd::How::kSignal;
      end.value = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
      break;
    }
  }
  end.output = std::move(child.output());
  end.output_is_cut = child.output_is_cut();
  end.told = printable(trim(child.told()), kMostTold);
  return end;
}

void end_with_parent(pid_t parent, int signal) {
  ::prctl(PR_SET_PDEATHSIG, signal);
  if (::getppid() != parent) {
    ::raise(signal);
  }
}

std::string ProgramEnd::to_string(std::string_view program, milliseconds timeout) const {
  std::string what;
  switch (how) {
    case How::kExited:
      what = fmt::format("ended with status {}", value);
      break;
    case How::kSignal:
      what = fmt::format("was ended by signal {}", value);
      break;
    case How::kTimeout:
      what = fmt::format("did not end within {} ms", timeout.count());
      break;
    case How::kCancelled:
      return "ended with the agent";
  }
  return fmt::format("{} {}{}{}", printable(program), what, told.empty() ? "" : ": ", told);
}

}  // namespace warder::util
