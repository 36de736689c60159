#include "agent/backup/program.h"

#include "agent/backup/environment.h"
#include "agent/output.h"
#include "agent/paint.h"
#include "agent/wiring.h"
#include "backup/keeper.h"
#include "backup/report_box.h"
#include "backup/size_text.h"
#include "util/program.h"
#include "util/strings.h"
#include "util/thread_priority.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <csignal>
#include <iterator>
#include <optional>
#include <unistd.h>

namespace warder::agent {
namespace {

using nlohmann::json;
using util::Error;
using util::ErrorCode;

// One line of progress on a terminal.
class Bar {
 public:
  bool show(std::string_view stage, std::uint64_t done, std::uint64_t total) {
    if (stage != stage_ || !progress_) {
      stage_ = stage;
      progress_.emplace(std::string(stage));
    }
    progress_->show(done, total);
    return true;
  }
  void end() { progress_.reset(); }

 private:
  std::string stage_;
  std::optional<Progress> progress_;
};

using Protection = std::optional<util::Result<storage::Protection>>;

// A line on what keeps the copies outside, and the command for more of it.
std::string protection_text(const Protection& protection) {
  if (!protection) {
    return {};
  }
  if (!*protection) {
    return fmt::format("outside: whether copies are protected could not be seen: {}\n",
                       protection->error().message());
  }
  const storage::Protection& found = **protection;
  return fmt::format("outside: {}\n{}", found.text,
                     found.command.empty() ? std::string() : "  more: " + found.command + "\n");
}

std::string list_text(const std::string& set, const backup::Listing& listing,
                      const Protection& protection) {
  const std::vector<backup::Listed>& all = listing.backups;
  TextTable table({"BACKUP", "SIZE", "FORMATS", "PASSPHRASE", "WHERE", "STATE", "KEPT AS"});
  for (const backup::Listed& one : all) {
    std::string formats;
    for (const std::string& format : one.formats) {
      formats += (formats.empty() ? "" : ",") + format;
    }
    const std::string where = one.here ? (one.in_storage ? "here, outside" : "here") : "outside";
    table.add({one.stamp.to_string(), backup::size_text(one.bytes), formats,
               one.key ? fmt::format("version {}", one.key->version) : "NOT ENCRYPTED", where,
               !one.fault.empty() ? "FAULT: " + one.fault
               : one.proven       ? "proven"
                                  : "not proven",
               std::string(to_string(one.reason))});
  }
  const std::string none = listing.outside ? "  no backup here\n" : "  no backup\n";
  return fmt::format("{}\n{}{}", set, all.empty() ? none : table.to_text(),
                     listing.outside ? fmt::format("outside: could not be looked at: {}\n",
                                                   listing.outside->message())
                                     : protection_text(protection));
}

json list_json(const std::string& set, const backup::Listing& listing,
               const Protection& protection) {
  json rows = json::array();
  for (const backup::Listed& one : listing.backups) {
    json row{{"stamp", one.stamp.to_string()},
             {"bytes", one.bytes},
             {"formats", one.formats},
             {"here", one.here},
             {"outside", one.in_storage},
             {"proven", one.proven},
             {"fault", one.fault},
             {"kept_as", to_string(one.reason)}};
    if (one.key) {
      row["passphrase"] = {{"reference", one.key->reference}, {"version", one.key->version}};
    }
    rows.push_back(std::move(row));
  }
  json list{{"set", set}, {"backups", std::move(rows)}};
  if (listing.outside) {
    list["outside"] = {{"error", listing.outside->message()}};
  } else if (protection && *protection) {
    list["outside"] = {{"protection", to_string((*protection)->state)},
                       {"text", (*protection)->text},
                       {"command", (*protection)->command}};
  } else if (protection) {
    list["outside"] = {{"protection", "unknown"}, {"text", protection->error().message()}};
  }
  return list;
}

std::string health_text(const std::string& set, const std::vector<backup::Health>& all) {
  const Paint paint = Paint::of_output();
  std::string text = set + '\n';
  for (const backup::Health& one : all) {
    const std::string word = one.state == backup::HealthState::kGood     ? paint.green("good  ")
                             : one.state == backup::HealthState::kNotice ? paint.yellow("notice")
                                                                         : paint.red("BROKEN");
    text += fmt::format("  {}  {:<10}  {}\n", word, one.what, one.found);
    text += advice(one.cause, one.remedy, 22, paint);
  }
  return text;
}

json health_json(const std::string& set, const std::vector<backup::Health>& all) {
  json rows = json::array();
  for (const backup::Health& one : all) {
    rows.push_back({{"what", one.what},
                    {"state", to_string(one.state)},
                    {"found", one.found},
                    {"cause", one.cause},
                    {"remedy", one.remedy}});
  }
  return {{"set", set}, {"checks", std::move(rows)}};
}

// Of a set that could not even be looked at.
std::vector<backup::Health> no_health(const Error& error) {
  return {{"set", backup::HealthState::kBroken, "it could not be looked at", error.message(),
           "warder vault test --backup-passphrase"}};
}

util::Result<std::optional<backup::Stamp>> stamp_of(const BackupWords& words) {
  if (words.stamp.empty()) {
    return std::optional<backup::Stamp>();
  }
  const auto stamp = backup::parse_stamp(words.stamp);
  if (!stamp) {
    return Error(ErrorCode::kInvalid,
                 fmt::format("'{}' is no backup; `warder backup list` shows them, for instance "
                             "20261125T155057Z",
                             util::printable(words.stamp)));
  }
  return stamp;
}

util::Result<backup::Report> report_of(const std::string& verb, const BackupWords& words,
                                       const BackupEnvironment& environment,
                                       backup::Keeper& keeper) {
  WARDER_ASSIGN_OR_RETURN(const auto stamp, stamp_of(words));
  if (verb == "now") {
    return keeper.now();
  }
  if (verb == "verify") {
    return keeper.verify(stamp, words.all ? backup::Proven::kAll : backup::Proven::kNewest);
  }
  if (verb == "drill") {
    return keeper.drill(environment.drill_folder());
  }
  if (verb == "prune" && stamp) {
    return keeper.drop_faulty(*stamp);
  }
  if (verb == "prune") {
    return keeper.prune(words.dry_run ? backup::DryRun::kYes : backup::DryRun::kNo);
  }
  if (verb == "re-encrypt") {
    return keeper.re_encrypt();
  }
  if (!words.file.empty()) {
    return keeper.restore_file({std::filesystem::absolute(words.file), words.target,
                                words.overwrite ? backup::Overwrite::kYes : backup::Overwrite::kNo,
                                words.owners});
  }
  backup::RestoreOptions options;
  options.stamp = stamp;
  options.format = backup::parse_format(words.format);
  options.target = words.target;
  options.overwrite = words.overwrite ? backup::Overwrite::kYes : backup::Overwrite::kNo;
  options.keep_owners = words.owners;
  options.from_storage = words.from_storage;
  return keeper.restore(options);
}

// A host with one core stays usable: beside a service that wants the processor all the time, what
// somebody waits for gets a tenth of it, and a run of the agent next to nothing. A restore gets its
// full share: a service waits for it.
void lower_priority(std::string_view verb, const BackupWords& words) {
  constexpr int kNiceByHand = 10;
  constexpr std::string_view kHeavy[] = {"now", "verify", "drill", "re-encrypt"};
  if (words.background) {
    util::lower_thread_priority(util::DiskPriority::kIdle);
  } else if (!words.full_speed && std::ranges::find(kHeavy, verb) != std::end(kHeavy)) {
    util::lower_thread_priority(util::DiskPriority::kAsNice, kNiceByHand);
  }
}

ExitStatus publish(const BackupWords& words, BackupEnvironment& environment) {
  const auto published = environment.publish();
  if (!published) {
    return complain(published.error().with_context("nothing was published"));
  }
  if (words.globals.json) {
    print(json{{"published", util::trim(published->text)}, {"lacking", published->lacking}}.dump(
              2, ' ', false, json::error_handler_t::replace) +
          '\n');
  } else {
    print(published->text);
    for (const std::string& one : published->lacking) {
      print(fmt::format("  lacking on an empty machine: {}\n", one));
    }
  }
  return published->lacking.empty() ? ExitStatus::kOk : ExitStatus::kFailed;
}

ExitStatus show(const BackupWords& words, const std::vector<backup::Report>& reports) {
  bool good = true;
  json all = json::array();
  for (const backup::Report& report : reports) {
    good = good && report.good;
    all.push_back(backup::to_json(report));
    if (!words.globals.json) {
      print(fmt::format("{}{}", reports.size() > 1 ? report.set + ": " : "",
                        backup::to_text(report)));
    }
  }
  if (words.globals.json) {
    print(all.dump(2, ' ', false, json::error_handler_t::replace) + '\n');
  }
  return good ? ExitStatus::kOk : ExitStatus::kFailed;
}

}  // namespace

ExitStatus run_backup(const std::string& verb, const BackupWords& words) {
  if (words.agent != 0) {
    // What it was making is worth nothing without the agent that started it.
    util::end_with_parent(words.agent, SIGTERM);
  }
  lower_priority(verb, words);
  if (words.no_encryption && !words.readable) {
    fmt::print(stderr,
               "warder: --no-encryption needs the second word --readable-by-anyone: whoever can "
               "read the file can read the data\n");
    return ExitStatus::kUsage;
  }
  if (verb == "restore" && words.file.empty() && words.set.empty()) {
    fmt::print(stderr, "warder: restore needs the NAME of a set of backups, or --file FILE\n");
    return ExitStatus::kUsage;
  }
  auto environment = BackupEnvironment::open(words);
  if (!environment) {
    const ExitStatus status = complain(environment.error());
    return status == ExitStatus::kFailed ? ExitStatus::kConfiguration : status;
  }
  if (verb == "publish") {
    return publish(words, **environment);
  }
  Bar bar;
  std::vector<backup::Report> reports;
  json lists = json::array();
  bool healthy = true;  // everything could be listed, nothing is broken
  for (const backup::SetOptions& set : (*environment)->sets()) {
    auto keeper =
        (*environment)
            ->keeper(set, [&bar](std::string_view stage, std::uint64_t done, std::uint64_t total) {
              return bar.show(stage, done, total);
            });
    if (verb == "list") {
      const auto all = keeper ? keeper->list() : util::Result<backup::Listing>(keeper.error());
      if (!all) {
        complain(all.error().with_context(set.name));
        healthy = false;
        continue;
      }
      healthy = healthy && !all->outside;
      const Protection protection = all->outside ? Protection() : keeper->protection();
      if (words.globals.json) {
        lists.push_back(list_json(set.name, *all, protection));
      } else {
        print(list_text(set.name, *all, protection));
      }
      continue;
    }
    if (verb == "check") {
      std::vector<backup::Health> all = keeper ? keeper->health() : no_health(keeper.error());
      if (auto recovery = (*environment)->recovery(set)) {
        all.push_back(std::move(*recovery));
      }
      healthy = healthy && std::ranges::none_of(all, [](const backup::Health& one) {
                  return one.state == backup::HealthState::kBroken;
                });
      if (words.globals.json) {
        lists.push_back(health_json(set.name, all));
      } else {
        print(health_text(set.name, all));
      }
      continue;
    }
    util::Result<backup::Report> report =
        keeper ? report_of(verb, words, **environment, *keeper)
               : util::Result<backup::Report>((*environment)->failed(verb, set, keeper.error()));
    bar.end();
    if (report && !report->good && words.agent != 0) {
      report->notes.emplace_back(
          verb == "now" ? "the agent tries again after an hour, until it works"
                        : "the agent tries again after an hour, then ever later, at most a day "
                          "apart, until it works");
    }
    if (!report) {
      complain(report.error());
      return ExitStatus::kUsage;
    }
    if (const util::Status told = (*environment)->tell(*report); !told) {
      report->notes.push_back(
          fmt::format("the agent could not be told: {}", told.error().message()));
    }
    reports.push_back(std::move(*report));
  }
  if (verb == "list" || verb == "check") {
    if (words.globals.json) {
      print(lists.dump(2, ' ', false, json::error_handler_t::replace) + '\n');
    }
    return healthy ? ExitStatus::kOk : ExitStatus::kFailed;
  }
  return show(words, reports);
}

}  // namespace warder::agent
