#pragma once

#include "config/file_reader.h"
#include "engine/configuration.h"
#include "fail2ban/jails.h"

#include <nlohmann/json.hpp>

#include <map>
#include <set>
#include <string>
#include <vector>

namespace warder::agent {

// How a fail2ban configuration fares here: every jail read and compiled, what is wrong told.
struct ImportReport {
  struct Jail {
    fail2ban::JailPlan plan;
    fail2ban::Verdict verdict = fail2ban::Verdict::kRuns;
    // What the remarks do not say: errors of the filter and of values, a line each.
    std::vector<std::string> errors;
  };
  struct Filter {
    fail2ban::Verdict verdict = fail2ban::Verdict::kRuns;
    std::set<std::string> jails;
    std::vector<std::string> errors;
    // Whom injected text could have banned, and what else there is to look at; of all its jails.
    std::vector<std::string> warnings;
  };
  struct Destination {
    fail2ban::ActionDestination destination;  // for those of its jails that run here
    std::vector<std::string> jails_that_do_not_run;
  };
  std::string directory;
  // Its jails are moved to `jails`, its destinations to `destinations`.
  fail2ban::Configuration configuration;
  std::vector<Jail> jails;
  std::vector<Destination> destinations;
  std::map<std::string, Filter> filters;
  std::vector<std::string> errors;  // files that cannot be read

  // The jails that run here.
  std::set<std::string> running() const;
  std::string to_text() const;
  nlohmann::json to_json() const;
};

// `all`: jails that are not enabled, too.
ImportReport report_fail2ban(config::FileReader& files, const std::string& directory,
                             const engine::MainConfiguration& main, bool all);

}  // namespace warder::agent
