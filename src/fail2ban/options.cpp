#include "fail2ban/options.h"

#include "util/duration.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <utility>

namespace warder::fail2ban {
namespace {

using std::chrono::microseconds;

// Options of a jail that stand for the filter's of the same name.
constexpr std::array<std::string_view, 6> kOfFilter{"prefregex", "failregex",   "ignoreregex",
                                                    "maxlines",  "datepattern", "journalmatch"};
constexpr microseconds kLongestFindtime = std::chrono::hours(24 * 366);
constexpr microseconds kLongestBan = std::chrono::hours(24 * 18262);  // 50 years

class Translation {
 public:
  Translation(const config::Section& section, config::FileReader& files, const ReadOptions& options,
              JailPlan* plan)
      : section_(section), files_(files), options_(options), plan_(*plan) {}

  void run() {
    plan_.options.name = plan_.name;
    plan_.options.place = plan_.place;
    set("enabled", plan_.enabled ? "yes" : "no");
    // What fail2ban does, and our own default is something else.
    set("counting", "compat");
    set("ipv6.prefix", "128");
    set("ipv6.widen", "none");
    set("ipv4.widen", "none");
    filter_overrides();
    logs();
    limits();
    increment();
    ignoring();
    names();
    encoding();
    ban();
  }

 private:
  std::optional<std::string> text(std::string_view name) {
    const config::Option* option = section_.find(name);
    if (option == nullptr || !option->problem.empty()) {
      if (option != nullptr) {
        leave_out(LeftOut::kNoStart, name, option->problem);
      }
      return std::nullopt;
    }
    place_ = option->place;
    return option->text;
  }

  // With the place of the option asked for last.
  void set(std::string name, std::string value) {
    plan_.options.options.push_back({std::move(name), std::move(value), place_, {}, true, false});
  }

  void remark(Verdict verdict, std::string_view subject, std::string what, std::string remedy) {
    const config::Option* option = section_.find(subject);
    plan_.remarks.push_back({verdict, option != nullptr ? option->place : plan_.place,
                             std::string(subject), std::move(what), std::move(remedy)});
  }

  void leave_out(LeftOut why, std::string_view subject, std::string what) {
    remark(Verdict::kLeftOut, subject, std::move(what), std::string(remedy_of(why)));
  }

  bool is_wrong(std::string_view subject) const {
    return std::any_of(plan_.remarks.begin(), plan_.remarks.end(), [&](const Remark& one) {
      return one.subject == subject && one.verdict >= Verdict::kRefused;
    });
  }

  void filter_overrides() {
    for (const std::string_view name : kOfFilter) {
      if (const auto value = text(name)) {
        plan_.filter_overrides.emplace(name, config::Value{*value, place_});
      }
    }
  }

  std::optional<std::string> of_filter(std::string_view name) {
    if (const auto own = plan_.filter_overrides.find(std::string(name));
        own != plan_.filter_overrides.end()) {
      place_ = own->second.place;
      return own->second.text;
    }
    const config::Option* option = plan_.filter_options.find(name);
    if (option == nullptr || !option->problem.empty()) {
      return std::nullopt;
    }
    place_ = option->place;
    return option->text;
  }

  void logs() {
    const auto backend = text("backend").value_or("auto");
    bool journal = backend.starts_with("systemd");
    std::string paths;
    bool found = false;
    if (const auto logpath = text("logpath"); logpath && !journal) {
      for (const std::string_view line : util::split(*logpath, '\n')) {
        std::string_view path = util::trim(line);
        if (path.empty()) {
          continue;
        }
        // As in fail2ban, what follows the last blank says where to begin.
        const std::size_t blank = path.rfind(' ');
        std::string_view start = "head";
        if (blank != std::string_view::npos) {
          start = path.substr(blank + 1);
          path = util::trim(path.substr(0, blank));
        }
        if (start != "head" && start != "tail") {
          leave_out(LeftOut::kNoStart, "logpath",
                    fmt::format("'{}' after a path is neither head nor tail; write one pattern a "
                                "line",
                                util::printable(start, 40)));
          continue;
        }
        found = found || !options_.exists || options_.exists(std::string(path));
        paths += fmt::format("{}{} {}", paths.empty() ? "" : "\n", path, start);
      }
    }
    const config::Place logs_at = place_;
    const auto match = of_filter("journalmatch");
    if (!journal && !found && backend.starts_with("auto") && match && !match->empty() &&
        is_yes(text("systemd_if_nologs").value_or("yes"))) {
      journal = true;
    }
    plan_.reads_journal = journal;
    if (journal) {
      set("backend", "systemd");
      (void)of_filter("journalmatch");  // its place
      if (match && !match->empty()) {
        set("journalmatch", *match);
      }
      journal_parameters(backend);
      return;
    }
    place_ = logs_at;
    set("backend", "auto");
    if (!paths.empty()) {
      set("logpath", paths);
    } else if (!is_wrong("logpath")) {
      // fail2ban asks for a file where the option is set, and runs without a log where it is not.
      leave_out(section_.find("logpath") != nullptr ? LeftOut::kNoStart : LeftOut::kNoEffect,
                "logpath", "the jail reads no log");
    }
  }

  void journal_parameters(const std::string& backend) {
    const auto reference = config::parse_reference(backend);
    if (!reference) {
      remark(Verdict::kRefused, "backend", reference.error().message(), "");
      return;
    }
    for (const auto& [name, value] : reference->parameters) {
      if (name == "journalfiles" || name == "journalpath" || name == "namespace") {
        remark(Verdict::kRefused, "backend",
               fmt::format("{}: only this host's own journal is read", util::printable(name, 40)),
               "take the parameter away");
      } else {
        remark(Verdict::kDiffers, "backend",
               fmt::format("{} = {}: all of this host's journal is read, from where reading ended",
                           util::printable(name, 40), util::printable(value, 40)),
               "");
      }
    }
  }

  // A whole number; fail2ban warns of anything else and takes its built-in value.
  std::int64_t number(std::string_view name, std::int64_t fallback) {
    const auto written = text(name);
    if (!written) {
      return fallback;
    }
    const std::string_view digits = util::trim(*written);
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc{} || end != digits.data() + digits.size()) {
      remark(Verdict::kDiffers, name,
             fmt::format("'{}' is no number: {} is used, as fail2ban does",
                         util::printable(digits, 40), fallback),
             "write a number");
      return fallback;
    }
    return value;
  }

  std::int64_t bounded(std::string_view name, std::int64_t value, std::int64_t least,
                       std::int64_t most) {
    const std::int64_t taken = std::clamp(value, least, most);
    if (taken != value) {
      remark(Verdict::kDiffers, name,
             fmt::format("{} is taken for {}: allowed are {} to {}", value, taken, least, most),
             "");
    }
    return taken;
  }

  std::optional<microseconds> duration(std::string_view name, std::string_view fallback) {
    const std::string written = text(name).value_or(std::string(fallback));
    const auto parsed = util::parse_duration(written);
    if (!parsed) {
      remark(Verdict::kRefused, name, parsed.error().message(), "");
      return std::nullopt;
    }
    return *parsed;
  }

  // As our own options have it, cut to what they allow.
  void set_duration(std::string_view name, microseconds value, microseconds most) {
    if (value > most) {
      remark(
          Verdict::kDiffers, name,
          fmt::format("{} is cut to {}", util::format_duration(value), util::format_duration(most)),
          "");
    }
    set(std::string(name), util::format_duration(std::min(value, most)));
  }

  void limits() {
    // maxmatches bounds what fail2ban's actions are told of lines; ours are told none.
    set("maxretry", std::to_string(bounded("maxretry", number("maxretry", 3), 1, 1'000'000)));
    if (const auto findtime = duration("findtime", "600")) {
      if (*findtime < std::chrono::seconds(1)) {
        remark(Verdict::kRefused, "findtime", "no finding would ever count",
               "write a time of a second or more");
      } else {
        set_duration("findtime", *findtime, kLongestFindtime);
      }
    }
    const auto bantime = duration("bantime", "600");
    if (!bantime) {
      return;
    }
    if (*bantime == microseconds(std::chrono::seconds(-1))) {
      set("bantime", "-1");
    } else if (*bantime < std::chrono::seconds(1)) {
      remark(Verdict::kRefused, "bantime", "a ban would be over before it began",
             "write a time of a second or more, or -1 for ever");
    } else {
      set_duration("bantime", *bantime, kLongestBan);
    }
  }

  void increment() {
    if (!is_yes(text("bantime.increment").value_or("no"))) {
      return;
    }
    set("bantime.increment", "yes");
    for (const std::string_view name :
         {"bantime.factor", "bantime.formula", "bantime.multipliers"}) {
      if (const auto value = text(name); value && !util::trim(*value).empty()) {
        set(std::string(name), std::string(util::trim(*value)));
      }
    }
    for (const std::string_view name : {"bantime.maxtime", "bantime.rndtime"}) {
      if (const auto value = text(name); value && !util::trim(*value).empty()) {
        if (const auto time = duration(name, "")) {
          set_duration(name, *time, kLongestBan);
        }
      }
    }
    if (const auto overall = text("bantime.overalljails")) {
      set("bantime.overalljails", is_yes(*overall) ? "yes" : "no");
    }
  }

  void ignoring() {
    if (const auto own = text("ignoreself")) {
      set("ignoreself", is_yes(*own) ? "yes" : "no");
    }
    if (const auto words = text("ignoreip")) {
      const config::Place place = place_;
      IgnoreList list = read_ignore_list(*words, place, files_, options_.resolve);
      std::string addresses;
      for (const net::Prefix& prefix : list.prefixes) {
        addresses += (addresses.empty() ? "" : " ") + prefix.to_string();
      }
      if (!addresses.empty()) {
        place_ = place;
        set("ignoreip", addresses);
      }
      plan_.ignored_names = std::move(list.names);
      plan_.ignored_files = std::move(list.files);
      std::move(list.remarks.begin(), list.remarks.end(), std::back_inserter(plan_.remarks));
    }
    ignore_command();
  }

  void ignore_command() {
    const auto command = text("ignorecommand");
    if (!command || util::trim(*command).empty()) {
      return;
    }
    const DestinationSurroundings host{options_.mail_server, options_.host, options_.exists};
    if (auto argv = argv_lines(*command, host)) {
      set("ignorecommand", *argv);
      remark(Verdict::kDiffers, "ignorecommand",
             "run as the agent's user and not as root, without a shell and with an empty "
             "environment, for at most 10 s; an answer is kept (ignorecache)",
             "");
      if (const auto cache = text("ignorecache"); cache && !util::trim(*cache).empty()) {
        set("ignorecache", std::string(util::trim(*cache)));
      }
    } else {
      place_ = section_.find("ignorecommand")->place;
      remark(Verdict::kRefused, "ignorecommand",
             fmt::format("is not run: {}", argv.error().message()),
             "put it into a program of its own that is given <ip> (status 0: ignore, 1: not), "
             "name addresses in ignoreip, or have a file:PATH list written there: it is read again "
             "when it changes");
    }
  }

  void names() {
    const auto usedns = text("usedns");
    const std::string word =
        util::to_lower(util::trim(usedns ? *usedns : of_filter("usedns").value_or("warn")));
    if (word == "raw") {
      remark(Verdict::kDiffers, "usedns",
             "only addresses are banned; raw identifiers are told in the log and the history", "");
    }
    // Everything else is a no to fail2ban, too.
    set("usedns", word == "raw" || word == "yes" || word == "warn" ? word : "no");
  }

  void encoding() {
    for (const std::string_view name : {"logtimezone", "logencoding"}) {
      const auto value = text(name);
      if (value && !value->empty() && util::to_lower(*value) != "auto") {
        set(std::string(name), *value);
      }
    }
  }

  void ban() {
    const bool in_kernel =
        std::any_of(plan_.actions.begin(), plan_.actions.end(),
                    [](const Action& action) { return action.kind == ActionKind::kKernel; });
    if (const config::Option* action = section_.find("action"); action != nullptr) {
      place_ = action->place;
    }
    if (!in_kernel) {
      set("observe", "yes");
      if (is_wrong("action")) {
        return;  // which actions there would be is not known
      }
      remark(Verdict::kDiffers, "action",
             "no action bans in a firewall: bans are decided and recorded, nobody is shut out",
             "name a banaction if somebody should be");
      return;
    }
    const BanScope scope = joined_scope(plan_.actions);
    if (!scope.ports.empty()) {
      set("port", scope.ports);
    }
    set("protocol", scope.protocol);
  }

  const config::Section& section_;
  config::FileReader& files_;
  const ReadOptions& options_;
  JailPlan& plan_;
  config::Place place_;
};

}  // namespace

bool is_yes(std::string_view text) {
  const std::string word = util::to_lower(util::trim(text));
  return word == "1" || word == "on" || word == "true" || word == "yes";
}

void translate_options(const config::Section& section, config::FileReader& files,
                       const ReadOptions& options, JailPlan* plan) {
  Translation(section, files, options, plan).run();
}

}  // namespace warder::fail2ban
