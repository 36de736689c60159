#include "fail2ban/jails.h"

#include "config/definition.h"
#include "config/load.h"
#include "fail2ban/options.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace warder::fail2ban {
namespace {

// What fail2ban reads of a jail (fail2ban-compat 6).
constexpr std::array<std::string_view, 33> kJailOptions{"enabled",
                                                        "backend",
                                                        "filter",
                                                        "action",
                                                        "logpath",
                                                        "logtimezone",
                                                        "logencoding",
                                                        "skip_if_nologs",
                                                        "systemd_if_nologs",
                                                        "maxretry",
                                                        "maxmatches",
                                                        "findtime",
                                                        "bantime",
                                                        "bantime.increment",
                                                        "bantime.factor",
                                                        "bantime.formula",
                                                        "bantime.multipliers",
                                                        "bantime.maxtime",
                                                        "bantime.rndtime",
                                                        "bantime.overalljails",
                                                        "ignorecommand",
                                                        "ignoreself",
                                                        "ignoreip",
                                                        "ignorecache",
                                                        "usedns",
                                                        "prefregex",
                                                        "failregex",
                                                        "ignoreregex",
                                                        "maxlines",
                                                        "datepattern",
                                                        "journalmatch",
                                                        "mode",
                                                        "port"};
// Options of the filter that this jail's own beat.
constexpr std::array<std::string_view, 7> kFilterOptions{
    "usedns", "prefregex", "failregex", "ignoreregex", "maxlines", "datepattern", "journalmatch"};

// Stock filters that take forged lines for true ones: the log's program writes what it was sent
// with its line breaks.
struct Forgeable {
  std::string_view filter;
  std::string_view why;
  std::string_view remedy;
};
constexpr std::array<Forgeable, 2> kForgeable{
    {{"mysqld-auth",
      "MariaDB writes user names with line breaks as they were sent, so that whoever may connect "
      "can have any address banned, in fail2ban as well",
      "let only trusted networks reach the port, or do without the jail"},
     {"roundcube-auth",
      "Roundcube writes user names with line breaks as they were sent, so that whoever reaches its "
      "sign-in page can have any address banned, in fail2ban as well",
      "set enabled = false here and use the agent's own jail roundcube, which knows Roundcube's "
      "lines from forged ones"}}};

std::string joined(const std::string& folder, std::string_view name) {
  return fmt::format("{}/{}", folder, name);
}

class Reading {
 public:
  Reading(config::FileReader& files, std::string directory, const ReadOptions& options,
          config::Diagnostics& diagnostics)
      : files_(files),
        directory_(std::move(directory)),
        options_(options),
        diagnostics_(diagnostics),
        variables_{{"fail2ban_version", kUnderstoodVersion}, {"fail2ban_confpath", directory_}} {}

  Configuration run() {
    Configuration result;
    result.globals = globals();
    const config::Document jails =
        config::load_name(files_, joined(directory_, "jail"), diagnostics_, variables_);
    if (diagnostics_.has_errors()) {
      return result;
    }
    for (const std::string& name : jails.sections()) {
      JailPlan plan;
      plan.name = name;
      if (read_jail(jails, &plan)) {
        result.jails.push_back(std::move(plan));
      }
    }
    collect_destinations(result);
    tell_common(result);
    return result;
  }

 private:
  Globals globals() {
    Globals globals;
    const std::string name = joined(directory_, "fail2ban");
    if (config::files_of_name(files_, name, diagnostics_).empty()) {
      return globals;
    }
    const config::Document document = config::load_name(files_, name, diagnostics_, variables_);
    const config::Section section = document.section("Definition");
    const auto set = [&](std::string_view option) -> const config::Option* {
      const config::Option* found = section.find(option);
      return found != nullptr && found->problem.empty() && !found->text.empty() ? found : nullptr;
    };
    const auto remark = [&](const config::Option& option, std::string text, std::string remedy) {
      globals.remarks.push_back(
          {Verdict::kDiffers, option.place, option.name, std::move(text), std::move(remedy)});
    };
    if (const auto* option = set("dbfile")) {
      if (option->text.starts_with('/')) {
        globals.database = option->text;
      } else if (util::to_lower(option->text) == "none" || option->text == ":memory:") {
        remark(*option, "the history is always kept, in [agent] state", "");
      }
    }
    if (const auto* option = set("logtarget"); option != nullptr && option->text.starts_with('/')) {
      globals.log = option->text.substr(0, option->text.find('['));
      remark(*option, "the agent writes to standard error, which the journal keeps",
             "journalctl -u warder; events as JSON lines: [destination NAME] form = json-lines");
    }
    if (const auto* option = set("loglevel"); option != nullptr && option->text != "INFO") {
      remark(*option, "fail2ban's log level is not taken over", "[agent] log_level");
    }
    if (const auto* option = set("dbpurgeage"); option != nullptr && option->text != "1d") {
      remark(*option, "the history is kept for 90 days unless said otherwise",
             "[store] retention_age");
    }
    if (const auto* option = set("allowipv6");
        option != nullptr && util::to_lower(option->text) == "no") {
      remark(*option, "IPv6 addresses are found and banned all the same", "");
    }
    return globals;
  }

  // False for a jail that nobody asked for.
  bool read_jail(const config::Document& document, JailPlan* plan) {
    const config::Section first = document.section(plan->name);
    plan->place = first.place;
    const auto enabled = first.find("enabled");
    plan->enabled = enabled != nullptr && enabled->problem.empty() && is_yes(enabled->text);
    if (enabled != nullptr && !enabled->problem.empty()) {
      leave_out(plan, LeftOut::kNoStart, enabled->place, "enabled", enabled->problem);
      return true;
    }
    if (!plan->enabled && !options_.all) {
      return false;
    }
    config::Context context;
    context.known_first = true;
    read_filter_name(first, plan);
    if (plan->filter) {
      const config::Parameters some = surroundings(first, {"enabled", "backend", "filter"});
      if (const auto filter = load_filter(plan)) {
        for (const config::Option& option : combined(*filter, first, plan, some).options) {
          if (option.problem.empty()) {
            context.known.emplace(option.name, option.text);
          }
        }
        const config::Section section = document.section(plan->name, context);
        plan->surroundings = surroundings(section, {});
        plan->filter_options = combined(*filter, first, plan, plan->surroundings);
        finish(section, plan);
        check_expressions(plan);
        return true;
      }
    }
    const config::Section section = document.section(plan->name, context);
    plan->surroundings = surroundings(section, {});
    finish(section, plan);
    return true;
  }

  static void leave_out(JailPlan* plan, LeftOut why, const config::Place& place,
                        std::string subject, std::string what) {
    plan->remarks.push_back({Verdict::kLeftOut, place, std::move(subject), std::move(what),
                             std::string(remedy_of(why))});
  }

  // Of the filter as this jail has it: can its options be read, and is there anything to find?
  static void check_expressions(JailPlan* plan) {
    for (const std::string_view name : kFilterOptions) {
      const config::Option* option = plan->filter_options.find(name);
      if (option != nullptr && !option->problem.empty() &&
          !plan->filter_overrides.contains(std::string(name))) {
        leave_out(plan, LeftOut::kNoStart, option->place, "filter", option->problem);
      }
    }
    const auto own = plan->filter_overrides.find("failregex");
    const config::Option* failregex = plan->filter_options.find("failregex");
    const bool set = own != plan->filter_overrides.end()
                         ? !util::trim(own->second.text).empty()
                         : failregex != nullptr && (!failregex->problem.empty() ||
                                                    !util::trim(failregex->text).empty());
    if (!set && plan->filter_options.find("format") == nullptr) {
      const std::string name = plan->filter ? plan->filter->name : std::string();
      leave_out(plan, LeftOut::kNoEffect, plan->filter_place, "filter",
                fmt::format("{} has no failregex", util::printable(name)));
    }
  }

  void read_filter_name(const config::Section& section, JailPlan* plan) {
    const config::Option* option = section.find("filter");
    if (option == nullptr || (option->problem.empty() && option->text.empty())) {
      leave_out(plan, LeftOut::kNoEffect, plan->place, "filter", "the jail has no filter");
      return;
    }
    plan->filter_place = option->place;
    if (!option->problem.empty()) {
      leave_out(plan, LeftOut::kNoStart, option->place, "filter", option->problem);
      return;
    }
    auto reference = config::parse_reference(option->text);
    if (!reference) {
      leave_out(plan, LeftOut::kAsThere, option->place, "filter", reference.error().message());
      return;
    }
    for (const Forgeable& forgeable : kForgeable) {
      if (reference->name == forgeable.filter) {
        plan->remarks.push_back({Verdict::kRuns, option->place, "filter " + reference->name,
                                 std::string(forgeable.why), std::string(forgeable.remedy)});
      }
    }
    plan->filter = std::move(*reference);
    plan->options.options.push_back({"filter", option->text, option->place, {}, true, false});
  }

  std::optional<config::Document> load_filter(JailPlan* plan) {
    const std::string name =
        joined(directory_, "filter.d/" + (plan->filter ? plan->filter->name : std::string()));
    config::Diagnostics diagnostics;
    if (config::files_of_name(files_, name, diagnostics).empty()) {
      leave_out(plan, LeftOut::kAsThere, plan->filter_place, "filter",
                fmt::format("there is no {}.conf", util::printable(name)));
      plan->filter.reset();
      return std::nullopt;
    }
    config::Document document = config::load_name(files_, name, diagnostics, variables_);
    for (const config::Diagnostic& one : diagnostics.list()) {
      if (one.severity == config::Severity::kError) {
        leave_out(plan, LeftOut::kNoStart, one.place, "filter", one.problem);
      }
    }
    return diagnostics.has_errors() ? std::nullopt : std::optional(std::move(document));
  }

  static config::Section combined(const config::Document& filter, const config::Section& jail,
                                  JailPlan* plan, const config::Parameters& surroundings) {
    const config::Option* backend = jail.find("backend");
    const bool journal = backend != nullptr && backend->text.starts_with("systemd");
    const config::Parameters parameters =
        plan->filter ? plan->filter->parameters : config::Parameters();
    return config::Definition(filter, parameters, plan->filter_place,
                              {{"logtype", journal ? "journal" : "file"}}, surroundings)
        .section();
  }

  // The options of a jail that its filter and its actions see; all when `names` is empty.
  static config::Parameters surroundings(const config::Section& section,
                                         const std::vector<std::string_view>& names) {
    config::Parameters result;
    for (const std::string_view name : kJailOptions) {
      if (name == "mode" || name == "port" ||
          (!names.empty() && std::find(names.begin(), names.end(), name) == names.end())) {
        continue;
      }
      const config::Option* option = section.find(name);
      if (option != nullptr && option->problem.empty()) {
        result.emplace(name, option->text);
      }
    }
    return result;
  }

  void finish(const config::Section& section, JailPlan* plan) {
    read_actions(section, plan);
    translate_options(section, files_, options_, plan);
    for (const std::string_view name : kJailOptions) {
      const config::Option* option = section.find(name);
      if (option != nullptr && option->problem.empty()) {
        plan->as_read.emplace(name, option->text);
      }
    }
    for (const std::string_view name : kFilterOptions) {
      const config::Option* option = plan->filter_options.find(name);
      if (option != nullptr && option->problem.empty()) {
        plan->as_read.emplace(name, option->text);  // the jail's own stays
      }
    }
    for (const Action& action : plan->actions) {
      plan->remarks.insert(plan->remarks.end(), action.remarks.begin(), action.remarks.end());
    }
  }

  void read_actions(const config::Section& section, JailPlan* plan) {
    const config::Option* option = section.find("action");
    if (option == nullptr) {
      return;
    }
    if (!option->problem.empty()) {
      leave_out(plan, LeftOut::kNoStart, option->place, "action", option->problem);
      return;
    }
    const auto references = config::parse_references(option->text);
    if (!references) {
      leave_out(plan, LeftOut::kAsThere, option->place, "action", references.error().message());
      return;
    }
    for (const config::Reference& reference : *references) {
      Action action = read_action(files_, {joined(directory_, "action.d"),
                                           reference,
                                           option->place,
                                           plan->surroundings,
                                           plan->name,
                                           {options_.mail_server, options_.host, options_.exists}});
      if (std::find(options_.skip_actions.begin(), options_.skip_actions.end(), reference.name) !=
          options_.skip_actions.end()) {
        for (Remark& one : action.remarks) {
          one.verdict = Verdict::kDiffers;
          one.remedy = "named in fail2ban_skip_actions";
        }
        action.destination.reset();
      }
      plan->actions.push_back(std::move(action));
    }
  }

  template <typename Is>
  static const Action* first_action(const JailPlan& plan, const Is& is) {
    const auto found = std::find_if(plan.actions.begin(), plan.actions.end(), is);
    return found != plan.actions.end() ? &*found : nullptr;
  }

  static bool is_kernel(const Action& action) { return action.kind == ActionKind::kKernel; }

  static bool is_mail(const Action& action) {
    return action.destination && action.destination->is_mail();
  }

  static bool bans_in_kernel(const JailPlan& plan) {
    return first_action(plan, is_kernel) != nullptr;
  }

  static void collect_destinations(Configuration& result) {
    for (const JailPlan& plan : result.jails) {
      const bool left_out = plan.verdict() == Verdict::kLeftOut;
      for (const Action& action : plan.actions) {
        if (!action.destination || left_out) {
          continue;
        }
        ActionDestination destination = *action.destination;
        destination.place = action.place;
        destination.actions = {action.reference.name};
        destination.jails = {plan.name};
        for (auto& [key, value] : destination.keys) {
          if (key == "events" && !bans_in_kernel(plan)) {
            value = "would-" + value;  // the jail observes; what it decides is a ban there
          }
        }
        add_destination(std::move(destination), &result.destinations);
      }
    }
  }

  // What would be said of every jail is said once, at the first action that it is true of.
  static void tell_common(Configuration& result) {
    const auto tell = [&](const auto& is, const char* subject, const char* text) {
      for (const JailPlan& plan : result.jails) {
        if (const Action* action = first_action(plan, is)) {
          result.remarks.push_back({Verdict::kDiffers, action->place, subject, text, ""});
          return;
        }
      }
    };
    tell(is_kernel, "banaction",
         "packets of a banned address are dropped before connection tracking and DNAT, so open "
         "connections and ports published by Docker are closed too; nothing is answered, whatever "
         "blocktype says, and chain is not needed");
    tell(is_mail, "mail",
         "nothing is looked up (whois, GeoIP) and no line of the log goes along; a start or stop "
         "of a jail is not mailed, and what follows a mail within a minute goes as one summary");
  }

  config::FileReader& files_;
  const std::string directory_;
  const ReadOptions& options_;
  config::Diagnostics& diagnostics_;
  const config::Parameters variables_;
};

}  // namespace

Verdict JailPlan::verdict() const {
  Verdict worst = Verdict::kRuns;
  for (const Remark& remark : remarks) {
    worst = std::max(worst, remark.verdict);
  }
  return worst;
}

Configuration read_configuration(config::FileReader& files, const std::string& directory,
                                 const ReadOptions& options, config::Diagnostics& diagnostics) {
  return Reading(files, directory, options, diagnostics).run();
}

}  // namespace warder::fail2ban
