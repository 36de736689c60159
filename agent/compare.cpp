#include "migrate/compare.h"

#include "agent/command.h"
#include "agent/fail2ban_log.h"
#include "agent/output.h"
#include "agent/wiring.h"
#include "fail2ban/database.h"
#include "store/reader.h"
#include "util/duration.h"
#include "util/strings.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <thread>
#include <utility>

namespace warder::agent {
namespace {

using migrate::Agreement;
using nlohmann::json;
using std::chrono::seconds;

constexpr std::chrono::milliseconds kLook{500};
constexpr std::size_t kMostLines = 10;
constexpr std::size_t kEventsARound = 10'000;

struct Words {
  std::string log;
  std::string database;
  std::string since = "1d";
  std::string tolerance = "2s";
  std::string patience = "1m";
  std::vector<std::string> jails;
  bool follow = false;
};

volatile std::sig_atomic_t g_stop = 0;
void on_signal(int) { g_stop = 1; }

// Tells differences as they are found and the sums at the end.
class Comparing {
 public:
  Comparing(const Globals& globals, const Words& words, store::Reader reader, util::WallTime since,
            migrate::CompareOptions options)
      : globals_(globals),
        words_(words),
        reader_(std::move(reader)),
        since_(since),
        comparator_(options, [this](const migrate::Comparison& one) { on_comparison(one); }) {}

  util::Status run() {
    if (words_.follow) {
      comparator_.advance(clock_.now());
    }
    std::optional<Fail2banLog> log;
    if (!words_.log.empty()) {
      log.emplace(words_.log, since_, [this](Fail2banBan&& ban) {
        if (wanted(ban.jail)) {
          comparator_.fail2ban({std::move(ban.jail), ban.address, ban.time, {}, ban.earliest});
        }
      });
      WARDER_RETURN_IF_ERROR(log->read());
    } else {
      WARDER_RETURN_IF_ERROR(read_database());
    }
    WARDER_RETURN_IF_ERROR(read_events());
    while (words_.follow && g_stop == 0) {
      WARDER_RETURN_IF_ERROR(tell_pending());
      std::this_thread::sleep_for(kLook);
      if (log) {
        WARDER_RETURN_IF_ERROR(log->read());
      }
      WARDER_RETURN_IF_ERROR(read_events());
      comparator_.advance(clock_.now());
    }
    comparator_.finish();
    WARDER_RETURN_IF_ERROR(tell_pending());
    print(summary());
    return {};
  }

  bool differs() const {
    const migrate::CompareCounts total = comparator_.total();
    return total.other_time + total.only_fail2ban + total.only_warder + total.forgotten > 0;
  }

 private:
  bool wanted(const std::string& jail) const {
    return words_.jails.empty() ||
           std::find(words_.jails.begin(), words_.jails.end(), jail) != words_.jails.end();
  }

  util::Status read_database() {
    WARDER_ASSIGN_OR_RETURN(const fail2ban::Stored stored,
                            fail2ban::read_database(words_.database));
    for (const fail2ban::StoredBan& ban : stored.history) {
      const auto address = net::Prefix::parse(ban.address);
      const util::WallTime time{seconds(ban.start)};
      if (address && time >= since_ && wanted(ban.jail)) {
        comparator_.fail2ban({ban.jail, *address, time, ban.matches});
      }
    }
    return {};
  }

  util::Status read_events() {
    for (const model::EventKind kind : {model::EventKind::kBan, model::EventKind::kWouldBan}) {
      std::optional<std::uint64_t>& after = after_[kind];
      std::size_t got = kEventsARound;
      while (got == kEventsARound) {
        store::EventFilter filter;
        filter.since = since_;
        filter.kind = kind;
        filter.after = after;
        filter.order = store::EventFilter::Order::kOldestFirst;
        filter.limit = kEventsARound;
        got = 0;
        WARDER_RETURN_IF_ERROR(reader_.events(filter, [&](const store::StoredEvent& stored) {
          ++got;
          after = stored.sequence;
          const model::Event& event = stored.event;
          // What was taken over from fail2ban would agree with itself.
          if (event.address && wanted(event.jail) &&
              event.detail.find("\"imported\"") == std::string::npos) {
            comparator_.warder({event.jail, *event.address, event.time, {}});
          }
          return true;
        }));
      }
    }
    return {};
  }

  void on_comparison(const migrate::Comparison& one) {
    if (one.agreement != Agreement::kEqual) {
      pending_.push_back(one);
    }
  }

  // What the agent found of the address: the lines behind a ban, or why there is none.
  util::Result<std::vector<std::string>> lines_behind(const migrate::Comparison& one) {
    std::vector<std::string> lines;
    const util::WallTime last =
        std::max(one.fail2ban.value_or(util::WallTime{}), one.warder.value_or(util::WallTime{}));
    store::EventFilter filter;
    filter.until = last + seconds(1);
    filter.jail = one.jail;
    filter.within = one.address;
    filter.kind = model::EventKind::kFinding;
    filter.limit = kMostLines;
    WARDER_RETURN_IF_ERROR(reader_.events(filter, [&](const store::StoredEvent& stored) {
      lines.insert(lines.begin(), fmt::format("{} {}", util::format_rfc3339(stored.event.time),
                                              stored.event.message));
      return true;
    }));
    if (lines.empty()) {
      lines = one.lines;
    }
    return lines;
  }

  util::Status tell_pending() {
    for (const migrate::Comparison& one : pending_) {
      WARDER_ASSIGN_OR_RETURN(const std::vector<std::string> lines, lines_behind(one));
      print(globals_.json ? json_of(one, lines) : text_of(one, lines));
    }
    pending_.clear();
    return {};
  }

  static std::string text_of(const migrate::Comparison& one,
                             const std::vector<std::string>& lines) {
    std::string text = fmt::format("{}: jail {}, {}: ", migrate::to_string(one.agreement),
                                   util::printable(one.jail), one.address.to_string());
    if (one.fail2ban) {
      text += fmt::format("fail2ban {}", util::format_rfc3339(*one.fail2ban));
    }
    if (one.warder) {
      text +=
          fmt::format("{}warder {}", one.fail2ban ? ", " : "", util::format_rfc3339(*one.warder));
    }
    text += '\n';
    for (const std::string& line : lines) {
      text += fmt::format("  {}\n", line);
    }
    if (lines.empty()) {
      text += "  the agent found no line of this address\n";
    }
    return text;
  }

  static std::string json_of(const migrate::Comparison& one,
                             const std::vector<std::string>& lines) {
    json object{{"agreement", migrate::to_string(one.agreement)},
                {"jail", util::printable(one.jail)},
                {"address", one.address.to_string()},
                {"lines", lines}};
    if (one.fail2ban) {
      object["fail2ban"] = util::format_rfc3339(*one.fail2ban);
    }
    if (one.warder) {
      object["warder"] = util::format_rfc3339(*one.warder);
    }
    return object.dump() + '\n';
  }

  std::string summary() const {
    if (globals_.json) {
      json jails = json::object();
      for (const auto& [jail, counts] : comparator_.jails()) {
        jails[util::printable(jail)] = counts_json(counts);
      }
      return json{{"summary", {{"total", counts_json(comparator_.total())}, {"jails", jails}}}}
                 .dump() +
             '\n';
    }
    TextTable table({"jail", "equal", "other time", "only fail2ban", "only warder"});
    for (const auto& [jail, counts] : comparator_.jails()) {
      table.add({util::printable(jail), std::to_string(counts.equal),
                 std::to_string(counts.other_time), std::to_string(counts.only_fail2ban),
                 std::to_string(counts.only_warder)});
    }
    std::string text = table.empty() ? "neither side banned anybody\n" : table.to_text();
    if (const std::uint64_t forgotten = comparator_.total().forgotten; forgotten > 0) {
      text +=
          fmt::format("{} bans were not compared: too many waited for the other side\n", forgotten);
    }
    return text;
  }

  static json counts_json(const migrate::CompareCounts& counts) {
    return {{"equal", counts.equal},
            {"other_time", counts.other_time},
            {"only_fail2ban", counts.only_fail2ban},
            {"only_warder", counts.only_warder},
            {"not_compared", counts.forgotten}};
  }

  const Globals& globals_;
  const Words& words_;
  const util::SystemClock clock_;
  store::Reader reader_;
  const util::WallTime since_;
  migrate::Comparator comparator_;
  std::map<model::EventKind, std::optional<std::uint64_t>> after_;
  std::vector<migrate::Comparison> pending_;
};

util::Result<util::WallTime> since_of(const Words& words) {
  if (const auto time = util::parse_rfc3339(words.since)) {
    return *time;
  }
  auto age = util::parse_duration(words.since);
  if (!age) {
    return age.error().with_context("--since");
  }
  return util::SystemClock().now() - *age;
}

util::Result<seconds> seconds_of(std::string_view option, const std::string& text) {
  auto time = util::parse_duration(text);
  if (!time) {
    return time.error().with_context(option);
  }
  if (*time < seconds(0)) {
    return util::Error(util::ErrorCode::kInvalid, fmt::format("{} is negative", option));
  }
  return std::chrono::duration_cast<seconds>(*time);
}

util::Result<std::unique_ptr<Comparing>> prepare(const Globals& globals, const Words& words) {
  migrate::CompareOptions options;
  WARDER_ASSIGN_OR_RETURN(options.tolerance, seconds_of("--tolerance", words.tolerance));
  WARDER_ASSIGN_OR_RETURN(options.patience, seconds_of("--patience", words.patience));
  WARDER_ASSIGN_OR_RETURN(const util::WallTime since, since_of(words));
  WARDER_ASSIGN_OR_RETURN(const std::filesystem::path database, database_path(globals));
  WARDER_ASSIGN_OR_RETURN(store::Reader reader, store::Reader::open(database));
  return std::make_unique<Comparing>(globals, words, std::move(reader), since, options);
}

}  // namespace

Run declare_compare(CLI::App& app) {
  auto words = std::make_shared<Words>();
  app.add_option("--log", words->log, "fail2ban's log (logtarget)");
  app.add_option("--database", words->database, "fail2ban's database (dbfile) instead of its log");
  app.add_option("--since", words->since, "a time or an age: what happened before is left out")
      ->capture_default_str();
  app.add_option("--jail", words->jails, "this jail only; may be repeated");
  app.add_option("--tolerance", words->tolerance, "times that differ by no more are equal")
      ->capture_default_str();
  app.add_option("--patience", words->patience, "how long a ban of one side waits for the other's")
      ->capture_default_str();
  app.add_flag("--follow", words->follow, "go on until interrupted");
  return [words](const Globals& globals) {
    if (words->log.empty() == words->database.empty() || (words->follow && words->log.empty())) {
      complain(util::Error(util::ErrorCode::kInvalid,
                           "give --log FILE, or --database FILE (without --follow)"));
      return ExitStatus::kUsage;
    }
    auto comparing = prepare(globals, *words);
    if (!comparing) {
      return complain(comparing.error());
    }
    std::signal(SIGINT, on_signal);
    std::signal(SIGTERM, on_signal);
    if (const util::Status done = (*comparing)->run(); !done) {
      return complain(done.error());
    }
    return (*comparing)->differs() ? ExitStatus::kFailed : ExitStatus::kOk;
  };
}

}  // namespace warder::agent
