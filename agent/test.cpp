#include "agent/command.h"
#include "agent/output.h"
#include "agent/wiring.h"
#include "config/reference.h"
#include "filter/matcher.h"
#include "source/stdin_source.h"
#include "util/descriptor.h"
#include "util/strings.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <map>
#include <memory>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace warder::agent {
namespace {

using nlohmann::json;

struct Words {
  std::string filter;
  std::string log;
  bool findings = false;
  bool missed = false;
};

// Runs a whole log through a filter and keeps what the report needs.
class Trial : public source::LineHandler, public filter::MatchHandler {
 public:
  Trial(filter::Matcher& matcher, const Words& words) : matcher_(matcher), words_(words) {}

  void on_line(const model::Line& line) override {
    ++lines;
    found_ = false;
    matcher_.match(line, clock_.now(), *this);
    if (!found_ && words_.missed) {
      print(fmt::format("missed   {}\n", util::printable(line.text)));
    }
  }
  void on_notice(const source::Notice& notice) override { print(fmt::format("{}\n", notice.text)); }
  void on_finding(std::size_t, model::Finding&& finding) override {
    found_ = true;
    ++findings;
    ++addresses[finding.address];
    if (words_.findings) {
      print(fmt::format("finding  {}  {}  pattern {}  {}\n", util::format_rfc3339(finding.time),
                        finding.address.to_string(), finding.pattern + 1,
                        util::printable(finding.text, 200)));
    }
  }
  void on_notice(std::size_t, const filter::Notice&) override {}

  std::uint64_t lines = 0;
  std::uint64_t findings = 0;
  std::map<net::Prefix, std::uint64_t> addresses;

 private:
  filter::Matcher& matcher_;
  const Words& words_;
  util::SystemClock clock_;
  bool found_ = false;
};

util::Status read_log(const std::string& path, Trial& trial) {
  util::Descriptor fd(path == "-" ? ::dup(STDIN_FILENO)
                                  : ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) {
    return util::errno_error(path, errno);
  }
  struct stat info{};
  if (::fstat(fd.get(), &info) == 0 && S_ISDIR(info.st_mode)) {
    return util::Error(util::ErrorCode::kInvalid,
                       fmt::format("{} is a folder; name a log in it", path));
  }
  const util::SystemClock clock;
  source::StdinSource source({}, std::move(fd), clock);
  while (true) {
    const source::Pumped pumped = source.pump(trial, util::mebibytes(1));
    if (pumped.finished) {
      return {};
    }
    if (!pumped.more) {
      pollfd waiting{source.poll_fd(), POLLIN, 0};
      ::poll(&waiting, 1, -1);
    }
  }
}

std::vector<std::pair<std::uint64_t, std::string>> most_blamed(const Trial& trial) {
  std::vector<std::pair<std::uint64_t, std::string>> rows;
  for (const auto& [address, count] : trial.addresses) {
    rows.emplace_back(count, address.to_string());
  }
  std::sort(rows.begin(), rows.end(), std::greater<>());
  rows.resize(std::min<std::size_t>(rows.size(), 10));
  return rows;
}

std::string report_text(const filter::Filter& filter, const filter::Counters& counters,
                        const Trial& trial) {
  std::string text = fmt::format("{}, {} of {}, {} ignored\n\n", counted(trial.lines, "line"),
                                 counted(trial.findings, "finding"),
                                 counted(trial.addresses.size(), "address"), counters.ignored);
  TextTable patterns({"HITS", "WHERE", "PATTERN"});
  for (std::size_t i = 0; i < filter.patterns().size(); ++i) {
    const filter::Pattern& pattern = filter.patterns()[i];
    // A condition may go over several lines of its file.
    std::string one_line = pattern.text;
    std::replace(one_line.begin(), one_line.end(), '\n', ' ');
    patterns.add({std::to_string(i < counters.patterns.size() ? counters.patterns[i] : 0),
                  fmt::format("{}:{}", pattern.place.file, pattern.place.line),
                  util::printable_again(one_line, 160)});
  }
  text += patterns.to_text();
  TextTable notices({"COUNT", "NOTICED"});
  for (std::size_t i = 0; i < filter::kNoticeKinds; ++i) {
    if (counters.notices[i] > 0) {
      notices.add({std::to_string(counters.notices[i]),
                   std::string(to_string(static_cast<filter::NoticeKind>(i)))});
    }
  }
  if (!notices.empty()) {
    text += '\n' + notices.to_text();
  }
  TextTable blamed({"FINDINGS", "ADDRESS"});
  for (const auto& [count, address] : most_blamed(trial)) {
    blamed.add({std::to_string(count), address});
  }
  if (!blamed.empty()) {
    text += '\n' + blamed.to_text();
  }
  return text;
}

std::string report_json(const filter::Filter& filter, const filter::Counters& counters,
                        const Trial& trial) {
  json patterns = json::array();
  for (std::size_t i = 0; i < filter.patterns().size(); ++i) {
    const filter::Pattern& pattern = filter.patterns()[i];
    patterns.push_back({{"file", pattern.place.file},
                        {"line", pattern.place.line},
                        {"pattern", pattern.text},
                        {"hits", i < counters.patterns.size() ? counters.patterns[i] : 0}});
  }
  json notices = json::object();
  for (std::size_t i = 0; i < filter::kNoticeKinds; ++i) {
    if (counters.notices[i] > 0) {
      notices[std::string(to_string(static_cast<filter::NoticeKind>(i)))] = counters.notices[i];
    }
  }
  json addresses = json::array();
  for (const auto& [count, address] : most_blamed(trial)) {
    addresses.push_back({{"address", address}, {"findings", count}});
  }
  const json document{{"filter", filter.name()},    {"lines", trial.lines},
                      {"findings", trial.findings}, {"ignored", counters.ignored},
                      {"patterns", patterns},       {"notices", notices},
                      {"most_blamed", addresses},   {"addresses", trial.addresses.size()}};
  return document.dump(-1, ' ', false, json::error_handler_t::replace) + '\n';
}

util::Result<std::shared_ptr<const filter::Filter>> load(const Globals& globals,
                                                         const std::string& word) {
  WARDER_ASSIGN_OR_RETURN(const config::Reference reference, config::parse_reference(word));
  filter::FilterRequest request;
  request.parameters = {reference.parameters.begin(), reference.parameters.end()};
  const std::filesystem::path path(reference.name);
  if (path.has_parent_path()) {
    request.name = path.stem().string();
    request.folders = {path.parent_path()};
  } else {
    request.name = reference.name;
    WARDER_ASSIGN_OR_RETURN(request.folders, filter_folders(globals));
  }
  // A filter that is being written may have no samples yet.
  request.samples = filter::SamplePolicy::kAllowNone;
  return filter::load_filter(request);
}

}  // namespace

Run declare_test(CLI::App& app) {
  auto words = std::make_shared<Words>();
  app.add_option("FILTER", words->filter, "name, name[parameter=value] or path of a filter")
      ->required();
  app.add_option("LOG", words->log, "a log, or - for standard input")->required();
  app.add_flag("--findings", words->findings, "print each finding");
  app.add_flag("--missed", words->missed, "print each line that gave none");
  return [words](const Globals& globals) {
    const auto filter = load(globals, words->filter);
    if (!filter) {
      complain(filter.error());
      return ExitStatus::kConfiguration;
    }
    auto matcher = filter::Matcher::build({*filter}, {});
    if (!matcher) {
      return complain(matcher.error());
    }
    // A log is written earlier than it is tried.
    (*matcher)->set_reading(filter::Reading::kCatchUp);
    Trial trial(**matcher, *words);
    if (const util::Status read = read_log(words->log, trial); !read) {
      return complain(read.error());
    }
    const filter::Counters& counters = (*matcher)->counters(0);
    print(globals.json ? report_json(**filter, counters, trial)
                       : report_text(**filter, counters, trial));
    return ExitStatus::kOk;
  };
}

}  // namespace warder::agent
