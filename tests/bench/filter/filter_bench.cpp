// Lines of a text log a second of processor time, with 1, 10 and 100 filters, on a usual mix and on
// lines that an attacker shapes. Where fail2ban-regex is installed, the same log is given to it
// with its own sshd filter. Prints figures; nothing here passes or fails.
#include "config/file_reader.h"
#include "filter/filter.h"
#include "filter/filter_file.h"
#include "filter/lint.h"
#include "filter/matcher.h"
#include "filter/text_filter.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <sys/times.h>
#include <unistd.h>
#include <utility>
#include <vector>

using namespace warder;
using namespace warder::filter;

namespace {

class Count : public MatchHandler {
 public:
  void on_finding(std::size_t, model::Finding&&) override { ++findings; }
  void on_notice(std::size_t, const Notice&) override { ++notices; }
  std::uint64_t findings = 0;
  std::uint64_t notices = 0;
};

std::shared_ptr<const Filter> sshd(const std::string& mode) {
  FilterRequest request;
  request.name = "sshd";
  request.parameters = {{"mode", mode}};
  request.folders = {std::filesystem::path(WARDER_SOURCE_DIR) / "filters"};
  return load_filter(request).value();
}

// A filter of another program, as different from the others as programs are.
std::shared_ptr<const Filter> other(std::size_t number) {
  Definition definition;
  definition.name = fmt::format("other{}", number);
  auto& options = definition.sections["Definition"];
  options["prefregex"].value =
      fmt::format(R"(^\s*\S+ service{}\[\d+\]: (?:warning: )?<F-CONTENT>.+</F-CONTENT>$)", number);
  options["failregex"].value = fmt::format(
      "^authentication failure for <F-USER>.*</F-USER> from <HOST>$\n"
      "^bad login{0}: <F-USER>\\S+</F-USER>, client <HOST>, method \\w+$\n"
      "^rejected <HOST>: code {0}\\d*$\n"
      "^too many errors after [A-Z]+ from \\S*\\[<HOST>\\]$",
      number);
  Problems problems;
  auto text = TextFilter::compile(definition, {}, problems);
  if (text == nullptr) {
    throw std::runtime_error(problems.to_error().message());
  }
  return std::make_shared<const Filter>(Filter::Parts{definition.name, {}, {}}, std::move(text));
}

std::vector<std::shared_ptr<const Filter>> filters(std::size_t count, const std::string& mode) {
  std::vector<std::shared_ptr<const Filter>> all{sshd(mode)};
  while (all.size() < count) {
    all.push_back(other(all.size()));
  }
  return all;
}

// auth.log of a host with users, jobs and some attackers: one line in ten is a finding.
std::vector<std::string> usual_mix(std::size_t lines) {
  std::vector<std::string> log;
  log.reserve(lines + 20);
  for (std::size_t i = 0; log.size() < lines; ++i) {
    const std::string date =
        fmt::format("Nov  2 {:02}:{:02}:{:02}", 8 + i / 3600 % 12, i / 60 % 60, i % 60);
    const std::size_t pid = 1000 + i % 30000;
    const std::string bad = fmt::format("192.0.2.{}", i % 250 + 1);
    const std::string good = fmt::format("198.51.100.{}", i % 250 + 1);
    const auto add = [&](const std::string& text) { log.push_back(date + " web " + text); };
    add(fmt::format(
        "CRON[{}]: pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)", pid));
    add(fmt::format("CRON[{}]: pam_unix(cron:session): session closed for user root", pid));
    add(
        fmt::format("sshd[{}]: Accepted publickey for deploy from {} port 50022 ssh2: ED25519 "
                    "SHA256:3dVS+1iYXo3zIPU8G1Fx6jBkdO1HzH2qTEGn0b4lC5w",
                    pid + 1, good));
    add(
        fmt::format("sshd[{}]: pam_unix(sshd:session): session opened for user deploy(uid=1000) by "
                    "(uid=0)",
                    pid + 1));
    add(fmt::format("systemd-logind[700]: New session {} of user deploy.", i));
    add("sudo:   deploy : TTY=pts/0 ; PWD=/home/deploy ; USER=root ; COMMAND=/usr/bin/systemctl "
        "reload caddy");
    add(fmt::format("sshd[{}]: Received disconnect from {} port 50022:11: disconnected by user",
                    pid + 1, good));
    add(fmt::format("sshd[{}]: Disconnected from user deploy {} port 50022", pid + 1, good));
    add(fmt::format("sshd[{}]: pam_unix(sshd:session): session closed for user deploy", pid + 1));
    add(fmt::format("systemd-logind[700]: Removed session {}.", i));
    add(fmt::format("sshd[{}]: Invalid user admin{} from {} port 40022", pid + 2, i, bad));
    add(fmt::format("sshd[{}]: pam_unix(sshd:auth): check pass; user unknown", pid + 2));
    add(
        fmt::format("sshd[{}]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 "
                    "tty=ssh ruser= rhost={}",
                    pid + 2, bad));
    add(fmt::format("sshd[{}]: Failed password for invalid user admin{} from {} port 40022 ssh2",
                    pid + 2, i, bad));
    add(fmt::format("sshd[{}]: Connection closed by invalid user admin{} {} port 40022 [preauth]",
                    pid + 2, i, bad));
    add(fmt::format("sshd[{}]: Failed password for root from {} port 40023 ssh2", pid + 3, bad));
  }
  return log;
}

std::string repeated(const std::string& what, std::size_t bytes) {
  std::string text;
  while (text.size() < bytes) {
    text += what;
  }
  return text;
}

// What a client can put into the name it signs in with: each line is looked at as closely as can
// be.
std::vector<std::string> hostile_mix(std::size_t lines) {
  const std::string name = repeated(": a", 100);
  const std::string copy = repeated(" from 198.51.100.9 port 22 ssh2", 93);
  std::vector<std::string> log;
  for (std::size_t i = 0; log.size() < lines; ++i) {
    const std::string head = fmt::format("Nov  2 11:58:01 web sshd[{}]: ", 1000 + i % 30000);
    const std::string bad = fmt::format("192.0.2.{} port 40022", i % 250 + 1);
    log.push_back(head + "Failed password for invalid user " + name + " from " + bad + " ssh2");
    log.push_back(head + "Invalid user " + copy + " from " + bad);
    log.push_back(head + "Connection closed by invalid user " + copy + " " + bad + " [preauth]");
    log.push_back(head + "Failed password for " + name + copy + " from " + bad + " ssh2 no end");
  }
  return log;
}

// Of this process: what else the machine does must not show in the figures.
double processor_seconds() {
  timespec spent{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
  return static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) / 1e9;
}

// The same of children that have ended.
double children_seconds() {
  tms spent{};
  times(&spent);
  return static_cast<double>(spent.tms_cutime + spent.tms_cstime) /
         static_cast<double>(sysconf(_SC_CLK_TCK));
}

struct Rate {
  double lines;
  double megabytes;
  std::uint64_t findings;
};

Rate measure(const std::vector<std::shared_ptr<const Filter>>& set,
             const std::vector<std::string>& log) {
  auto matcher = Matcher::build(set, {}).value();
  Count count;
  const auto now = util::SystemClock().now();
  std::size_t lines = 0;
  std::size_t bytes = 0;
  std::uint64_t offset = 0;
  const auto pass = [&] {
    for (const std::string& text : log) {
      model::Line line;
      line.text = text;
      line.offset = offset++;
      matcher->match(line, now, count);
      ++lines;
      bytes += text.size() + 1;
    }
  };
  pass();  // builds the automaton, as the first second of a running agent does
  lines = bytes = 0;
  count.findings = 0;
  const double begin = processor_seconds();
  double spent = 0;
  do {
    pass();
    spent = processor_seconds() - begin;
  } while (spent < 1.5);
  return {static_cast<double>(lines) / spent, static_cast<double>(bytes) / spent / 1e6,
          count.findings * 100 / lines};
}

void report(const char* what, std::size_t filter_count, const std::string& mode,
            const std::vector<std::string>& log) {
  const Rate rate = measure(filters(filter_count, mode), log);
  fmt::print("{:34} {:>3} filters, sshd {:10} {:>9.0f} lines/s {:>7.1f} MB/s, findings {} %\n",
             what, filter_count, mode, rate.lines, rate.megabytes, rate.findings);
  std::fflush(stdout);
}

// A filter that looks for failures over several lines of a directory server, as the stock slapd
// does.
std::shared_ptr<const Filter> over_lines(const std::string& end) {
  Definition definition;
  definition.name = "directory";
  auto& options = definition.sections["Definition"];
  options["failregex"].value =
      R"(^(?P<prefix>\s*\S+ slapd\[\d+\]: )conn=(?P<id>\d+) fd=\d+ ACCEPT from IP=<HOST>:\d+ .*)"
      R"(<SKIPLINES>(?P=prefix)conn=(?P=id) op=\d+ RESULT tag=\d+ err=49 text=\w*$)" +
      end;
  options["maxlines"].value = "20";
  Problems problems;
  auto text = TextFilter::compile(definition, {}, problems);
  if (text == nullptr) {
    throw std::runtime_error(problems.to_error().message());
  }
  return std::make_shared<const Filter>(Filter::Parts{definition.name, {}, {}}, std::move(text));
}

// The log of a directory server; one bind in two hundred fails.
std::vector<std::string> directory_mix(std::size_t lines) {
  std::vector<std::string> log;
  for (std::size_t i = 0; log.size() < lines; ++i) {
    const auto add = [&](const std::string& text) {
      log.push_back(fmt::format("Nov  2 {:02}:{:02}:{:02} ldap slapd[812]: conn={} {}",
                                8 + i / 3600 % 12, i / 60 % 60, i % 60, 1000 + i, text));
    };
    add(fmt::format("fd=14 ACCEPT from IP=192.0.2.{}:{} (IP=0.0.0.0:389)", i % 250 + 1,
                    20000 + i % 40000));
    add(R"(op=0 BIND dn="uid=someone,ou=people,dc=example,dc=org" method=128)");
    add(fmt::format("op=0 RESULT tag=97 err={} text=", i % 200 == 0 ? 49 : 0));
    add("op=1 SRCH base=ou=people,dc=example,dc=org scope=2 deref=0 filter=uid=someone");
    add("op=1 SEARCH RESULT tag=101 err=0 nentries=1 text=");
    add("op=2 UNBIND");
    add("fd=14 closed");
  }
  return log;
}

void report_windows() {
  const std::vector<std::string> log = directory_mix(7000);
  // The end of all text is never asked for; but for it, nothing says which lines matter.
  for (const auto& [what, end] : {std::pair("windows of 20, sieve", ""),
                                  std::pair("windows of 20, searched each line", R"((?:\Z)?)"
                                                                                 "?")}) {
    const Rate rate = measure({over_lines(end)}, log);
    fmt::print("{:34} {:>9.0f} lines/s, findings {} %\n", what, rate.lines, rate.findings);
    std::fflush(stdout);
  }
}

double resident_megabytes() {
  std::ifstream statm("/proc/self/statm");
  double size = 0;
  double resident = 0;
  statm >> size >> resident;
  return resident * 4096 / 1e6;
}

// The same log through fail2ban's own checker, with its own sshd filter.
void report_peer(const std::vector<std::string>& log) {
  const char* filter = "/etc/fail2ban/filter.d/sshd.conf";
  if (std::system("command -v fail2ban-regex >/dev/null") != 0 ||
      !std::filesystem::exists(filter)) {
    fmt::print("fail2ban-regex is not installed: not measured\n");
    return;
  }
  std::string name = (std::filesystem::temp_directory_path() / "warder-bench.XXXXXX").string();
  const int file = mkstemp(name.data());
  if (file < 0) {
    return;
  }
  {
    std::ofstream out(name);
    for (const std::string& line : log) {
      out << line << '\n';
    }
  }
  const auto run = [&](const std::string& source) {
    const double begin = children_seconds();
    const std::string command =
        fmt::format("fail2ban-regex --no-check-all '{}' '{}' >/dev/null", source, filter);
    if (std::system(command.c_str()) != 0) {
      fmt::print("fail2ban-regex failed\n");
    }
    return children_seconds() - begin;
  };
  const double start = run("x");
  const double spent = run(name) - start;
  fmt::print("{:34} {:>9.0f} lines/s (its start of {:.2f} s left out)\n",
             "fail2ban-regex, usual mix", static_cast<double>(log.size()) / spent, start);
  std::filesystem::remove(name);
}

double processor_ms() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

// Every filter that ships, as the agent would load it with all jails enabled.
void report_loading() {
  const auto folder = std::filesystem::path(WARDER_SOURCE_DIR) / "filters";
  std::size_t count = 0;
  double all = 0;
  double lint = 0;
  warder::config::DiskFiles files;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    if (file.path().extension() != ".conf") {
      continue;
    }
    FilterRequest request;
    request.name = file.path().stem().string();
    request.folders = {folder};
    if (request.name == "mariadb") {
      request.parameters = {{"forged-lines", "accepted"}};
    }
    const double begin = processor_ms();
    const auto filter = load_filter(request, files).value();
    const double loaded = processor_ms();
    const Definition definition = read_filter_file(request, files).value();
    const double before_lint = processor_ms();
    (void)lint_filter(filter, definition, Origin::kOwn);
    lint += processor_ms() - before_lint;
    all += loaded - begin;
    ++count;
  }
  fmt::print("loading all {} shipped filters: {:.1f} ms of processor time, {:.1f} of it the lint\n",
             count, all, lint);
}

}  // namespace

int main() {
  report_loading();
  report_windows();
  const std::vector<std::string> usual = usual_mix(20000);
  const std::vector<std::string> hostile = hostile_mix(4000);
  const std::string head = "Nov  2 11:58:01 web sshd[4242]: ";
  const std::vector<std::string> long_lines{
      head + "Failed password for " + repeated(": a", 1 << 20), head + repeated(": a", 1 << 20),
      repeated(": a", 1 << 20)};
  const std::vector<std::string> long_match{
      head + "Failed password for " + repeated(": a", 1 << 20) + " from 192.0.2.1 port 22 ssh2"};

  const auto begin = std::chrono::steady_clock::now();
  const auto filter = sshd("aggressive");
  fmt::print(
      "loading sshd with its {} samples: {:.1f} ms\n", filter->samples().size(),
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
  for (const std::size_t count : {1, 10, 100}) {
    report("usual mix", count, "normal", usual);
    report("hostile names", count, "normal", hostile);
  }
  report("usual mix", 1, "aggressive", usual);
  report("hostile names", 1, "aggressive", hostile);
  report("lines of 1 MB, no match", 1, "normal", long_lines);
  report("lines of 1 MB, a match", 1, "normal", long_match);
  fmt::print("resident memory at the end: {:.0f} MB\n", resident_megabytes());
  report_peer(usual);
  return 0;
}
