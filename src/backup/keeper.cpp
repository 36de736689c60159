#include "backup/keeper.h"

#include "backup/proof.h"
#include "backup/size_text.h"
#include "openpgp/encrypt.h"
#include "util/duration.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <system_error>

namespace warder::backup {
namespace {

namespace fs = std::filesystem;
using util::Error;
using util::ErrorCode;

// After so long a gap since the last success a clock may be wrong, and what looks old may not be.
constexpr std::chrono::hours kLongestGap{24 * 31};

void describe(const Manifest& manifest, Listed& row) {
  row.key = manifest.key;
  for (const BackupFile& file : manifest.files) {
    row.formats.emplace_back(to_string(file.format));
  }
}

// Says of each row, which are those of `entries`, whether it is outside, and adds what is there
// only.
util::Status add_outside(RemoteCopies& there, const std::vector<Entry>& entries,
                         std::vector<Listed>& all) {
  WARDER_ASSIGN_OR_RETURN(const std::vector<Stamp> stamps, there.list());
  for (const Stamp& stamp : stamps) {
    const auto known =
        std::ranges::find_if(all, [&](const Listed& row) { return row.stamp.time == stamp.time; });
    if (known != all.end()) {
      const auto at = static_cast<std::size_t>(known - all.begin());
      // Rows of what is outside alone come behind; of those each time is there once.
      const ReadManifest* const read = at < entries.size() ? entries[at].read() : nullptr;
      known->in_storage =
          known->stamp == stamp && (read == nullptr || there.fault(read->manifest).empty());
      continue;
    }
    Listed row;
    row.stamp = stamp;
    row.in_storage = true;
    const auto manifest = there.manifest(stamp);
    if (manifest) {
      describe(manifest->manifest, row);
      row.fault = there.fault(manifest->manifest);
      row.proven = manifest->manifest.proof.has_value() && row.fault.empty();
      for (const BackupFile& file : manifest->manifest.files) {
        row.bytes += file.stored.bytes;
      }
    } else {
      row.fault = manifest.error().message();
    }
    all.push_back(std::move(row));
  }
  std::ranges::sort(all, {}, &Listed::stamp);
  return {};
}

std::string seconds_text(double seconds) { return fmt::format("{:.1f} s", seconds); }

}  // namespace

Report Keeper::begin(std::string verb) const {
  Report report;
  report.verb = std::move(verb);
  report.set = parts_.set.name;
  report.host = parts_.host;
  report.begun = parts_.clock.now();
  return report;
}

void Keeper::end(Report& report) const {
  report.seconds =
      std::chrono::duration<double>(std::max(parts_.clock.now(), report.begun) - report.begun)
          .count();
}

util::Result<Keeper::Opened> Keeper::open() const {
  WARDER_ASSIGN_OR_RETURN(Folder folder, Folder::open(parts_.set.folder, parts_.set.name));
  WARDER_ASSIGN_OR_RETURN(util::Descriptor lock, folder.lock());
  WARDER_ASSIGN_OR_RETURN(const std::size_t removed, folder.recover());
  return Opened{std::move(folder), std::move(lock), removed};
}

util::Result<std::optional<RemoteCopies>> Keeper::remote() const {
  if (parts_.storage_trouble) {
    return *parts_.storage_trouble;
  }
  if (parts_.storage == nullptr) {
    return std::optional<RemoteCopies>();
  }
  return std::optional(RemoteCopies(*parts_.storage, parts_.set.name));
}

util::Result<Passphrase> Keeper::passphrase_of(const ReadManifest& manifest, Report& report) const {
  if (parts_.passphrases == nullptr) {
    return report.lacking(Lack::kPassphrase,
                          util::Result<Passphrase>(Error(
                              ErrorCode::kDenied, "the configuration names no passphrase for it")));
  }
  return report.lacking(Lack::kPassphrase, find_passphrase(manifest, *parts_.passphrases));
}

// What is outside keeps the weeks and months. By the configuration: a storage that cannot be
// opened makes nothing different.
Generations Keeper::generations_here() const {
  return parts_.set.storage.empty() ? Generations::kAll : Generations::kDailyOnly;
}

Report Keeper::now() {
  Report report = begin("now");
  const auto work = [&]() -> util::Status {
    WARDER_ASSIGN_OR_RETURN(const Opened opened, open());
    const Folder& folder = opened.folder;
    if (opened.removed > 0) {
      report.notes.push_back(
          fmt::format("what an interrupted run had left was removed ({})",
                      opened.removed == 1 ? "one file" : fmt::format("{} files", opened.removed)));
    }
    WARDER_ASSIGN_OR_RETURN(FolderState state, folder.state());
    const std::optional<util::WallTime> last_success = state.last_success;
    state.last_attempt = report.begun;
    // Counted as failed until it is known to be good: a run that is killed has failed.
    ++state.failures;
    WARDER_RETURN_IF_ERROR(folder.keep(state));
    report.failures_in_a_row = state.failures;

    std::optional<Passphrase> passphrase;
    if (parts_.set.encryption == Encryption::kOpenPgp) {
      if (parts_.passphrases == nullptr) {
        return Error(ErrorCode::kInternal, "no source of passphrases");
      }
      WARDER_ASSIGN_OR_RETURN(passphrase,
                              report.lacking(Lack::kPassphrase, parts_.passphrases->current()));
      WARDER_RETURN_IF_ERROR(
          report.lacking(Lack::kPassphrase, openpgp::check_passphrase(passphrase->text)));
    }
    const MakeParts make{parts_.set,     folder,          passphrase ? &*passphrase : nullptr,
                         parts_.clock,   parts_.host,     parts_.tool,
                         parts_.history, parts_.progress, parts_.at_boundary,
                         parts_.snapshot};
    WARDER_ASSIGN_OR_RETURN(const Made made, make_backup(make));
    state.restore_seconds = made.proof_seconds;
    report.notes.insert(report.notes.end(), made.remarks.begin(), made.remarks.end());
    std::uint64_t stored = 0;
    for (const BackupFile& file : made.manifest.files) {
      stored += file.stored.bytes;
      report.facts.emplace_back(
          to_string(file.format),
          fmt::format("{} ({})", folder.file(file.name).string(), size_text(file.stored.bytes)));
    }
    if (made.manifest.database) {
      std::uint64_t rows = 0;
      for (const auto& [table, count] : made.manifest.database->rows) {
        rows += count;
      }
      report.facts.emplace_back(
          "database", fmt::format("{}, {} in {}", size_text(made.manifest.database->bytes),
                                  util::counted(rows, "row"),
                                  util::counted(made.manifest.database->rows.size(), "table")));
      report.facts.emplace_back(
          "writers waited at most",
          made.longest_lock.count() == 0
              ? "not at all (WAL)"
              : fmt::format("{:.1f} ms", static_cast<double>(made.longest_lock.count()) / 1000));
    }
    if (made.manifest.key) {
      report.facts.emplace_back(
          "passphrase",
          fmt::format("{} version {}", made.manifest.key->reference, made.manifest.key->version));
    }
    report.facts.emplace_back("restored for trial in", seconds_text(made.proof_seconds));
    report.summary =
        fmt::format("{} made, restored and compared in {}, {}", made.manifest.stamp.to_string(),
                    seconds_text(made.seconds), size_text(stored));
    if (parts_.at_boundary) {
      parts_.at_boundary("made");
    }
    WARDER_RETURN_IF_ERROR(upload_missing(folder, report));
    if (parts_.at_boundary) {
      parts_.at_boundary("uploaded");
    }
    state.failures = 0;
    state.last_success = report.begun;
    WARDER_RETURN_IF_ERROR(folder.keep(state));
    report.failures_in_a_row = 0;
    if (last_success &&
        (report.begun - *last_success > kLongestGap || *last_success > report.begun)) {
      report.notes.push_back(fmt::format(
          "nothing was pruned: the last success is of {}, so a clock may be wrong; look at `warder "
          "backup prune {} --dry-run`, then run it without",
          util::format_rfc3339(*last_success), parts_.set.name));
      return {};
    }
    return prune_all(folder, DryRun::kNo, report);
  };
  if (const util::Status done = work(); !done) {
    report.fail(done.error(), report.summary.empty()
                                  ? "no backup was made; older ones are as they were"
                                  : "the backup was made here, but not all that belongs to it");
  }
  end(report);
  return report;
}

util::Status Keeper::upload_missing(const Folder& folder, Report& report) const {
  WARDER_ASSIGN_OR_RETURN(std::optional<RemoteCopies> there, remote());
  if (!there) {
    return {};
  }
  WARDER_ASSIGN_OR_RETURN(const std::vector<Stamp> stamps, there->list());
  WARDER_ASSIGN_OR_RETURN(const std::vector<Entry> entries, folder.list());
  std::size_t count = 0;
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    const ReadManifest* const read = entry->read();
    if (read == nullptr || !entry->is_whole()) {
      continue;
    }
    if (std::ranges::find(stamps, entry->stamp) != stamps.end()) {
      const std::string fault = there->fault(read->manifest);
      if (fault.empty()) {
        continue;
      }
      report.notes.push_back(fmt::format("outside {}: it is brought there again", fault));
    }
    WARDER_RETURN_IF_ERROR(there->put(folder, *entry, parts_.progress));
    ++count;
  }
  report.facts.emplace_back(
      "storage", fmt::format("{}: {} brought and read back", parts_.storage->describe(), count));
  return {};
}

void Keeper::check_keys(const std::vector<Entry>& entries, Report& report) const {
  std::vector<KeyId> seen;
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    const ReadManifest* const read = entry->read();
    const KeyId* const key = read == nullptr ? nullptr : read->key();
    if (key == nullptr || std::ranges::find(seen, *key) != seen.end()) {
      continue;
    }
    seen.push_back(*key);
    if (const auto found = passphrase_of(*read, report); !found) {
      report.fail(
          found.error(),
          found.error().code() == ErrorCode::kUnavailable
              ? fmt::format("whether a key opens the backup {}, which is kept, cannot be seen",
                            entry->stamp.to_string())
              : fmt::format("no known key opens the backup {}, which is kept",
                            entry->stamp.to_string()));
    }
  }
}

Report Keeper::verify(std::optional<Stamp> stamp, Proven which) {
  Report report = begin("verify");
  std::size_t good = 0;
  const auto work = [&]() -> util::Status {
    WARDER_ASSIGN_OR_RETURN(const Opened opened, open());
    const Folder& folder = opened.folder;
    WARDER_ASSIGN_OR_RETURN(const std::vector<Entry> all, folder.list());
    WARDER_ASSIGN_OR_RETURN(FolderState state, folder.state());
    std::vector<const Entry*> chosen;
    if (which == Proven::kAll) {
      for (const Entry& entry : all) {
        chosen.push_back(&entry);
      }
    } else {
      for (auto entry = all.rbegin(); entry != all.rend() && chosen.empty(); ++entry) {
        if (!stamp || stamp->time == entry->stamp.time) {
          chosen.push_back(&*entry);
        }
      }
    }
    if (chosen.empty()) {
      return Error(ErrorCode::kNotFound,
                   stamp ? fmt::format("there is no backup {}", stamp->to_string())
                         : fmt::format("there is no backup in {}", folder.path().string()));
    }
    const fs::path room = folder.making("work");
    std::error_code error;
    fs::create_directory(room, error);
    fs::permissions(room, fs::perms::owner_all, error);
    std::optional<Error> first;
    for (const Entry* entry : chosen) {
      const std::string name = entry->stamp.to_string();
      const auto one = [&]() -> util::Result<double> {
        if (!entry->is_whole()) {
          return Error(ErrorCode::kInvalid, entry->fault);
        }
        const Manifest& manifest = entry->manifest->manifest;
        std::optional<Passphrase> passphrase;
        if (manifest.key) {
          WARDER_ASSIGN_OR_RETURN(passphrase, passphrase_of(*entry->manifest, report));
        }
        double seconds = 0;
        for (const BackupFile& file : manifest.files) {
          const Packed packed{folder.file(file.name), file, true,
                              passphrase ? &passphrase->text : nullptr, parts_.set.unpacked_limit};
          const auto progress = [&](std::uint64_t done) {
            return !parts_.progress || parts_.progress(fmt::format("restoring {} for trial", name),
                                                       done, file.plain.bytes);
          };
          WARDER_ASSIGN_OR_RETURN(
              const double took,
              prove(packed, {manifest.database, parts_.set.queries, manifest.history}, room,
                    parts_.clock, progress));
          seconds += took;
        }
        return seconds;
      };
      const auto took = one();
      if (took) {
        ++good;
        state.proven[name] = report.begun;
        state.broken.erase(name);
        state.restore_seconds = *took;
        report.facts.emplace_back(name, fmt::format("restored in {}", seconds_text(*took)));
      } else {
        if (took.error().code() == ErrorCode::kInvalid) {
          state.broken[name] = report.begun;
          state.proven.erase(name);
        }
        report.facts.emplace_back(name, "FAILED: " + took.error().message());
        if (!first) {
          first = took.error();
        }
      }
    }
    fs::remove_all(room, error);
    tell_protection(report);
    check_keys(all, report);
    // As with a drill, one that failed does not count: the agent makes up for it also after its own
    // restart.
    if (!first && report.good) {
      state.last_verify = report.begun;
    }
    WARDER_RETURN_IF_ERROR(folder.keep(state));
    // A key that is known no more is the graver news, and the cause of the other.
    if (first && report.good) {
      report.fail(*first, fmt::format("{} of {} could not be restored", chosen.size() - good,
                                      util::counted(chosen.size(), "backup")));
    }
    if (first) {
      return {};
    }
    for (auto entry = all.rbegin(); entry != all.rend(); ++entry) {
      if (is_proven(*entry, state)) {
        report.facts.emplace_back(
            "newest proven backup is",
            fmt::format("{} old (RPO)",
                        util::format_duration(std::chrono::floor<std::chrono::minutes>(
                            report.begun - entry->stamp.time))));
        break;
      }
    }
    report.facts.emplace_back("restoring takes",
                              fmt::format("{} (RTO)", seconds_text(state.restore_seconds)));
    if (report.good) {
      report.summary = fmt::format("{} restored and compared", util::counted(good, "backup"));
    }
    return {};
  };
  if (const util::Status done = work(); !done) {
    report.fail(done.error(), "nothing was restored for trial");
  }
  end(report);
  return report;
}

std::optional<util::Result<storage::Protection>> Keeper::protection() const {
  if (parts_.storage_trouble) {
    return util::Result<storage::Protection>(*parts_.storage_trouble);
  }
  return parts_.storage == nullptr ? std::nullopt : std::optional(parts_.storage->protection());
}

void Keeper::tell_protection(Report& report) const {
  if (const auto asked = protection()) {
    report.facts.emplace_back("outside", *asked
                                             ? (*asked)->text
                                             : "whether copies are protected could not be seen: " +
                                                   asked->error().message());
  }
}

std::vector<Health> Keeper::health() const {
  return health_of({parts_.set, parts_.passphrases, parts_.storage, parts_.storage_trouble},
                   parts_.clock);
}

util::Result<Listing> Keeper::list() {
  std::vector<Entry> entries;
  FolderState state;
  std::error_code error;
  // Looking makes nothing.
  if (fs::exists(parts_.set.folder, error) || error) {
    WARDER_ASSIGN_OR_RETURN(const Folder folder, Folder::open(parts_.set.folder, parts_.set.name));
    WARDER_ASSIGN_OR_RETURN(entries, folder.list());
    WARDER_ASSIGN_OR_RETURN(state, folder.state());
  }
  Listing listing;
  std::vector<Listed>& all = listing.backups;
  const std::vector<Verdict> verdicts = judge(candidates_of(entries, state), parts_.set.retention,
                                              generations_here(), parts_.clock.now());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    Listed row;
    row.stamp = entries[i].stamp;
    row.bytes = entries[i].bytes;
    row.proven = is_proven(entries[i], state);
    row.here = true;
    row.fault = entries[i].fault;
    row.reason = verdicts[i].reason;
    if (const ReadManifest* const read = entries[i].read()) {
      describe(read->manifest, row);
    }
    all.push_back(std::move(row));
  }
  if (auto there = remote(); !there) {
    listing.outside = there.error();
  } else if (std::optional<RemoteCopies>& copies = *there; copies) {
    if (const util::Status added = add_outside(*copies, entries, all); !added) {
      listing.outside = added.error();
    }
  }
  return listing;
}

}  // namespace warder::backup
