#pragma once

#include "config/diagnostics.h"
#include "config/document.h"
#include "config/file_reader.h"
#include "config/reference.h"
#include "config/section.h"
#include "fail2ban/action.h"
#include "fail2ban/ignore_list.h"
#include "fail2ban/remark.h"

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace warder::fail2ban {

// The version whose configuration is understood; %(fail2ban_version)s.
inline constexpr const char* kUnderstoodVersion = "1.1.0";

// A jail of a fail2ban configuration, in our words.
struct JailPlan {
  std::string name;
  bool enabled = false;
  config::Place place;
  // The options of our own jails (jail::jail_table()) that mean the same: fail2ban's counting and
  // built-in values, IPv6 addresses one by one, no wider bans. Each with its place there.
  config::Section options;

  // None when the jail names none or one that cannot be read.
  std::optional<config::Reference> filter;
  config::Place filter_place;
  // The filter's [Definition] and [Init] as this jail sees them, tags replaced.
  config::Section filter_options;
  // Options of the filter that the jail sets itself: failregex, datepattern...
  std::map<std::string, config::Value> filter_overrides;
  // The jail's own options, which the filter's %(name)s see before its own.
  config::Parameters surroundings;
  bool reads_journal = false;

  std::vector<Action> actions;
  // Host names and files behind `ignoreip`: when one changes, so does the jail.
  std::set<std::string> ignored_names;
  std::set<std::string> ignored_files;
  // Everything to tell, those of the actions included.
  std::vector<Remark> remarks;

  // What fail2ban itself reads for this jail: the final text of each option that is set, and the
  // action names. For reports, and for comparing with fail2ban's own reader.
  std::map<std::string, std::string> as_read;

  Verdict verdict() const;
};

// fail2ban.conf: what is of use here.
struct Globals {
  std::optional<std::string> database;  // dbfile, unless None or :memory:
  std::optional<std::string> log;       // logtarget, if it is a file
  std::vector<Remark> remarks;
};

struct ReadOptions {
  // Jails that are not enabled, too: for a report.
  bool all = false;
  // Actions of these names that are not honoured do not refuse the jail.
  std::vector<std::string> skip_actions = {};
  Resolve resolve = {};
  // The relay that mail actions send through, and this host's name for their sender.
  std::string mail_server = {};
  std::string host = "localhost";
  // Is there a file for this pattern (glob(7))? For systemd_if_nologs. None: there is one for all.
  std::function<bool(const std::string& pattern)> exists = {};
};

// A fail2ban configuration as a whole.
struct Configuration {
  Globals globals;
  std::vector<JailPlan> jails;  // those asked for, in the order of the files
  // What the actions of the jails tell and run, one for equal ones.
  std::vector<ActionDestination> destinations;
  // What concerns all jails, told once.
  std::vector<Remark> remarks;
};

// Reads DIRECTORY/jail.conf, fail2ban.conf and what belongs to them, with the filters and actions
// that the jails name, as fail2ban reads them (fail2ban-compat 1 to 7). Files that cannot be read
// or are no INI are errors in `diagnostics`; everything else is a remark.
Configuration read_configuration(config::FileReader& files, const std::string& directory,
                                 const ReadOptions& options, config::Diagnostics& diagnostics);

}  // namespace warder::fail2ban
