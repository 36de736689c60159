#include "monitor/access_check.h"

#include "monitor/make_outcome.h"
#include "monitor/text.h"
#include "util/duration.h"
#include "util/strings.h"
#include "util/users.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace warder::monitor {
namespace {

// Open files that one look passes over.
constexpr std::size_t kMostOpenFiles = 200'000;
constexpr std::size_t kMostFacts = 20;

std::optional<std::int64_t> as_pid(const std::string& name) {
  std::int64_t pid = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
  return error == std::errc() && end == name.data() + name.size() ? std::optional(pid)
                                                                  : std::nullopt;
}

std::string text_of(const Opener& who, bool with_program) {
  if (!who.user) {
    return fmt::format("pid {}, which had ended,", who.pid);
  }
  return fmt::format("{} (pid {}, user {}{})", who.name, who.pid, util::user_name(*who.user),
                     with_program && !who.program.empty()
                         ? fmt::format(", {}", util::printable_again(who.program, 200))
                         : std::string());
}

// What tells one trouble from another: not the pid, which is a new one each time.
std::string key_of(const Opener& who) {
  return who.user ? fmt::format("{}|{}|{}", *who.user, who.name, who.program) : std::string();
}

// This program and those that are installed beside it (`warder-backup`).
bool is_ours(const std::string& program) {
  std::error_code error;
  static const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::filesystem::path other(program);
  return !self.empty() && other.parent_path() == self.parent_path() &&
         other.filename().string().starts_with("warder");
}

// Who has one of the files open, as far as this user may see.
struct Holders {
  std::vector<Opener> all;
  std::uint64_t unseen = 0;  // processes that could not be looked into
};

Holders holders_of(const std::vector<struct stat>& files, const std::filesystem::path& proc) {
  Holders holders;
  std::size_t looked = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator process(proc, error), end; !error && process != end;
       process.increment(error)) {
    const auto pid = as_pid(process->path().filename().string());
    if (!pid || *pid == ::getpid()) {
      continue;
    }
    std::error_code denied;
    bool holds = false;
    for (std::filesystem::directory_iterator open(process->path() / "fd", denied), last;
         !denied && open != last && !holds && looked < kMostOpenFiles; open.increment(denied)) {
      ++looked;
      struct stat info{};
      holds = ::stat(open->path().c_str(), &info) == 0 &&
              std::any_of(files.begin(), files.end(), [&](const struct stat& one) {
                return one.st_ino == info.st_ino && one.st_dev == info.st_dev;
              });
    }
    // One that has ended meanwhile has nothing open.
    holders.unseen +=
        denied == std::errc::permission_denied || denied == std::errc::operation_not_permitted ? 1
                                                                                               : 0;
    if (Opener who = holds ? opener_of(proc, *pid) : Opener(); who.user) {
      holders.all.push_back(std::move(who));
    }
  }
  return holders;
}

}  // namespace

AccessCheck::AccessCheck(const MonitorOptions& options, std::filesystem::path proc,
                         const util::Clock& clock, std::function<void()> on_opening)
    : rules_{options.database, options.access_users, options.access_programs},
      watched_(options.access_watch),
      proc_(std::move(proc)),
      clock_(clock),
      on_opening_(std::move(on_opening)) {
  listen();
}

bool AccessCheck::Rules::allow(const Opener& who) const {
  if (!who.user) {
    return false;
  }
  struct stat file{};
  const bool is_owner = ::stat(database.c_str(), &file) == 0 && *who.user == file.st_uid;
  const std::string name = util::user_name(*who.user);
  const bool user_may = is_owner || *who.user == 0 || *who.user == ::geteuid() ||
                        std::ranges::any_of(users, [&](const std::string& one) {
                          return one == name || one == std::to_string(*who.user);
                        });
  // A program that cannot be seen is judged by its user alone.
  const bool program_may = programs.empty() || who.program.empty() || is_ours(who.program) ||
                           std::ranges::find(programs, who.program) != programs.end();
  return user_may && program_may;
}

void AccessCheck::listen() {
  if (!watched_ || watch_) {
    return;
  }
  auto watch = AccessWatch::start(
      {rules_.database, [rules = rules_](const Opener& who) { return !rules.allow(who); },
       [tell = on_opening_] {
         if (tell) {
           tell();
         }
       }},
      clock_);
  watch_trouble_ = watch ? std::string() : watch.error().message();
  if (watch) {
    watch_ = std::move(*watch);
  }
}

void AccessCheck::take_openings() {
  if (!watch_) {
    return;
  }
  AccessWatch::Taken taken = watch_->take();
  uncounted_ += taken.lost;
  for (AccessWatch::Seen& seen : taken.openings) {
    const std::string key = key_of(seen.who);
    if (opened_.size() >= kMostTold && !opened_.contains(key)) {
      ++uncounted_;
      continue;
    }
    Opened& one = opened_[key];
    one.last = std::move(seen);
    ++one.times;
  }
  const util::WallTime now = clock_.now();
  std::erase_if(opened_, [&](const auto& one) { return now - one.second.last.when > kKept; });
  if (opened_.empty() && taken.lost == 0) {
    uncounted_ = 0;
  }
}

Outcome AccessCheck::make() {
  listen();
  take_openings();
  struct stat file{};
  if (::stat(rules_.database.c_str(), &file) != 0) {
    return unreachable(rules_.database, errno);
  }
  std::vector<std::string> wrong;
  std::vector<struct stat> files;
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
    struct stat info{};
    const std::string path = rules_.database.string() + suffix;
    if (::stat(path.c_str(), &info) != 0) {
      continue;
    }
    files.push_back(info);
    if ((info.st_mode & (S_IROTH | S_IWOTH)) != 0) {
      wrong.push_back(fmt::format("{} may be {} by every user",
                                  util::printable(std::filesystem::path(path).filename().string()),
                                  (info.st_mode & S_IWOTH) != 0 ? "written" : "read"));
    }
  }
  const bool open_to_all = !wrong.empty();
  std::string marks = joined(wrong, wrong.size());
  const Holders holders = holders_of(files, proc_);
  std::vector<std::string> programs;
  for (const Opener& who : holders.all) {
    const auto known = opened_.find(key_of(who));
    if (rules_.allow(who) || (known != opened_.end() && known->second.last.who.pid == who.pid)) {
      continue;
    }
    programs.push_back(fmt::format("{} has it open", text_of(who, !rules_.programs.empty())));
  }
  std::ranges::sort(programs);
  for (const std::string& program : programs) {
    marks += "\n" + program;
  }
  for (const auto& [key, one] : opened_) {
    programs.push_back(fmt::format("{} opened it{} at {}", text_of(one.last.who, true),
                                   one.times == 1 ? "" : fmt::format(" {} times, last", one.times),
                                   util::format_rfc3339(one.last.when)));
    marks += "\n" + key;
  }
  if (uncounted_ > 0) {
    programs.push_back(fmt::format("{} more openings", uncounted_));
    marks += "\nmore";
  }
  wrong.insert(wrong.end(), programs.begin(), programs.end());
  Outcome outcome;
  outcome.facts =
      facts_text({{"wrong", std::vector<std::string>(
                                wrong.begin(), wrong.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                                   wrong.size(), kMostFacts)))},
                  {"processes_not_seen", holders.unseen},
                  {"openings_seen", watch_ != nullptr}});
  if (wrong.empty() && !watch_trouble_.empty()) {
    Outcome blind = unknown(fmt::format("openings are not seen: {}", watch_trouble_),
                            "access_watch = yes, and the kernel does not allow it",
                            "warder check --schema      # [monitor NAME] access_watch");
    blind.facts = std::move(outcome.facts);
    return blind;
  }
  if (wrong.empty()) {
    outcome.text =
        holders.unseen == 0
            ? fmt::format("nobody has it open who may not{}",
                          watch_ ? ", and nobody opened it within the last hour" : "")
            : fmt::format(
                  "nobody is seen who may not have it open; {} other processes cannot be looked "
                  "into without CAP_SYS_PTRACE{}",
                  holders.unseen,
                  watch_ ? ", but who opens it is seen, and nobody did within the last hour" : "");
    return outcome;
  }
  outcome.state = Outcome::State::kBad;
  outcome.text = util::printable_again(joined(wrong, 5), Outcome::kLongestText);
  outcome.mark = mark_of(marks);
  outcome.cause = open_to_all ? "the file's rights let others in"
                              : "a program that is not in access_users or access_programs";
  const std::string path = shell_word(rules_.database.string());
  outcome.next = open_to_all ? fmt::format("chmod o-rwx {}*", path) : fmt::format("lsof {}", path);
  return outcome;
}

}  // namespace warder::monitor
