#include "backup/keeper.h"
#include "backup/vault_passphrases.h"
#include "util/strings.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace warder::backup {

using util::Error;
using util::ErrorCode;

std::vector<Candidate> Keeper::candidates_of(const std::vector<Entry>& entries,
                                             const FolderState& state) {
  std::vector<Candidate> all;
  for (const Entry& entry : entries) {
    all.push_back({entry.stamp, is_proven(entry, state)});
  }
  return all;
}

// Only by what the configuration names: a manifest from outside could name a secret that its writer
// knows, too.
bool Keeper::is_sealed_by_us(const ReadManifest& read) const {
  const KeyId* const key = read.key();
  if (key == nullptr || parts_.passphrases == nullptr) {
    return false;
  }
  const SetOptions& set = parts_.set;
  const bool named =
      (set.passphrase && key->reference == set.passphrase->to_string()) ||
      (!set.data_key.empty() && key->reference == std::string(kTransitReference) + set.data_key);
  return named && find_passphrase(read, *parts_.passphrases).has_value();
}

// What is in the storage was read back when it came, so it was proven there if it was here. That
// its manifest says so counts when it is the one of the folder, or was found genuine before, or
// its seal fits: who can write there could otherwise have older ones removed for a newer forgery.
std::vector<Candidate> Keeper::candidates_outside(RemoteCopies& there,
                                                  const std::vector<Stamp>& stamps,
                                                  const std::vector<Entry>& entries, DryRun dry_run,
                                                  FolderState& state, Report& report) const {
  std::vector<Candidate> candidates;
  std::map<std::string, std::string> genuine;
  std::vector<std::string> doubtful;
  for (const Stamp& stamp : stamps) {
    const std::string name = stamp.to_string();
    const auto known = state.outside.find(name);
    const auto read = there.manifest(stamp);
    if (!read) {
      if (known != state.outside.end()) {
        genuine.insert(*known);
      }
      candidates.push_back({stamp, false});
      continue;
    }
    const bool own = std::ranges::any_of(entries, [&](const Entry& entry) {
      return entry.stamp == stamp && entry.read() != nullptr &&
             entry.read()->sha256 == read->sha256;
    });
    const bool is_genuine = own ||
                            (known != state.outside.end() && known->second == read->sha256) ||
                            (dry_run == DryRun::kNo && is_sealed_by_us(*read));
    if (is_genuine) {
      genuine.emplace(name, read->sha256);
    } else {
      doubtful.push_back(name);
    }
    candidates.push_back({stamp, is_genuine && read->manifest.proof.has_value() &&
                                     there.fault(read->manifest).empty() &&
                                     !state.broken.contains(name)});
  }
  state.outside = std::move(genuine);
  if (!doubtful.empty()) {
    report.notes.push_back(fmt::format(
        "outside do not count as proven, since {}: {}",
        dry_run == DryRun::kYes ? "a dry run looks at no seal that was not looked at before"
                                : "their manifests have no seal by the passphrase of this set",
        fmt::join(doubtful, ", ")));
  }
  return candidates;
}

util::Status Keeper::prune_all(const Folder& folder, DryRun dry_run, Report& report) const {
  const util::WallTime now = parts_.clock.now();
  WARDER_ASSIGN_OR_RETURN(const std::vector<Entry> entries, folder.list());
  WARDER_ASSIGN_OR_RETURN(FolderState state, folder.state());
  auto opened = remote();
  if (!opened && dry_run == DryRun::kNo) {
    return opened.error();
  }
  // A picture of what is here can be drawn without the storage.
  std::optional<Error> unseen = opened ? std::nullopt : std::optional(opened.error());
  std::optional<RemoteCopies> there = opened ? std::move(*opened) : std::nullopt;
  std::vector<Stamp> remote_stamps;
  if (there) {
    auto listed = there->list();
    if (!listed && dry_run == DryRun::kNo) {
      return listed.error();
    }
    if (listed) {
      remote_stamps = std::move(*listed);
    } else {
      unseen = listed.error();
      there.reset();
    }
  }
  const std::vector<Verdict> here =
      judge(candidates_of(entries, state), parts_.set.retention, generations_here(), now);
  const auto is_outside = [&](const Entry& entry) {
    const ReadManifest* const read = entry.read();
    return there && read != nullptr &&
           std::ranges::find(remote_stamps, entry.stamp) != remote_stamps.end() &&
           there->fault(read->manifest).empty();
  };
  std::size_t removed = 0;
  std::size_t stays = 0;
  for (std::size_t i = 0; i < here.size(); ++i) {
    // One that should be in the storage and is not there, or not whole, stays.
    const bool waits = (there || unseen) && entries[i].is_whole() && !is_outside(entries[i]);
    if (here[i].reason != Reason::kNone || waits) {
      ++stays;
      continue;
    }
    ++removed;
    if (dry_run == DryRun::kNo) {
      WARDER_RETURN_IF_ERROR(folder.remove(entries[i]));
      if (parts_.at_boundary) {
        parts_.at_boundary("pruned");
      }
    }
  }
  report.facts.emplace_back("here", fmt::format("{} stay, {} {}", stays, removed,
                                                dry_run == DryRun::kYes ? "would go" : "went"));
  if (report.verb == "prune") {
    report.notes.push_back(fmt::format("{}\n{}", folder.path().string(), picture(here, now)));
  }
  if (unseen) {
    return unseen->with_context("what is outside could not be looked at");
  }
  if (!there) {
    return {};
  }
  const std::vector<Candidate> candidates =
      candidates_outside(*there, remote_stamps, entries, dry_run, state, report);
  const std::vector<Verdict> verdicts =
      judge(candidates, parts_.set.retention, Generations::kAll, now);
  removed = 0;
  for (const Verdict& verdict : verdicts) {
    if (verdict.reason != Reason::kNone) {
      continue;
    }
    ++removed;
    if (dry_run == DryRun::kNo) {
      WARDER_RETURN_IF_ERROR(there->remove(verdict.stamp));
    }
  }
  if (dry_run == DryRun::kNo) {
    WARDER_RETURN_IF_ERROR(
        there->remove_superseded([this](const ReadManifest& one) { return is_sealed_by_us(one); }));
    WARDER_RETURN_IF_ERROR(folder.keep(state));
  }
  report.facts.emplace_back("in the storage",
                            fmt::format("{} stay, {} {}", verdicts.size() - removed, removed,
                                        dry_run == DryRun::kYes ? "would go" : "went"));
  if (report.verb == "prune") {
    report.notes.push_back(
        fmt::format("{}\n{}", parts_.storage->describe(), picture(verdicts, now)));
  }
  return {};
}

Report Keeper::drop_faulty(const Stamp& stamp) {
  Report report = begin("prune");
  const std::string name = stamp.to_string();
  const auto work = [&]() -> util::Status {
    WARDER_ASSIGN_OR_RETURN(const Opened opened, open());
    WARDER_ASSIGN_OR_RETURN(const std::vector<Entry> entries, opened.folder.list());
    WARDER_ASSIGN_OR_RETURN(std::optional<RemoteCopies> there, remote());
    if (!there) {
      return Error(ErrorCode::kInvalid, "this set of backups has no storage");
    }
    WARDER_ASSIGN_OR_RETURN(const std::vector<Stamp> stamps, there->list());
    if (std::ranges::find(stamps, stamp) == stamps.end()) {
      return Error(ErrorCode::kNotFound, fmt::format("there is no copy {} outside", name));
    }
    if (std::ranges::any_of(entries, [&](const Entry& entry) {
          return entry.stamp == stamp && entry.is_whole();
        })) {
      return Error(ErrorCode::kConflict,
                   fmt::format("{0} is whole here: `warder backup now {1}` brings it outside again",
                               name, parts_.set.name));
    }
    const auto read = there->manifest(stamp);
    if (!read && read.error().code() != ErrorCode::kInvalid) {
      return read.error();
    }
    const std::string fault = read ? there->fault(read->manifest) : read.error().message();
    if (fault.empty()) {
      return Error(ErrorCode::kConflict,
                   fmt::format("the copy {} outside has all its files: it stays", name));
    }
    WARDER_RETURN_IF_ERROR(there->remove(stamp));
    report.summary = fmt::format("the copy {} outside was removed: {}", name, fault);
    return {};
  };
  if (const util::Status done = work(); !done) {
    report.fail(done.error(), "nothing was removed");
  }
  end(report);
  return report;
}

Report Keeper::prune(DryRun dry_run) {
  Report report = begin("prune");
  const auto work = [&]() -> util::Status {
    WARDER_ASSIGN_OR_RETURN(const Opened opened, open());
    WARDER_RETURN_IF_ERROR(prune_all(opened.folder, dry_run, report));
    report.summary = dry_run == DryRun::kYes ? "nothing was removed: a dry run" : "pruned";
    return {};
  };
  if (const util::Status done = work(); !done) {
    report.fail(done.error(), dry_run == DryRun::kYes ? "the picture is not whole"
                                                      : "pruning did not come to its end");
  }
  end(report);
  return report;
}

}  // namespace warder::backup
