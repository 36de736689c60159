#include "backup/health.h"

#include "backup/folder.h"
#include "backup/remote_copies.h"
#include "util/duration.h"
#include "util/strings.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <system_error>

namespace warder::backup {
namespace {

using util::Error;
using util::ErrorCode;

std::string ago(util::WallTime now, util::WallTime then) {
  return util::format_duration(std::max(std::chrono::minutes(1),
                                        std::chrono::floor<std::chrono::minutes>(now - then))) +
         " ago";
}

// The look at one set.
class Look {
 public:
  Look(const HealthParts& parts, const util::Clock& clock)
      : set_(parts.set),
        passphrases_(parts.passphrases),
        storage_(parts.storage),
        storage_trouble_(parts.storage_trouble),
        now_(clock.now()) {}

  std::vector<Health> run() {
    if (const util::Status read = read_folder(); !read) {
      add("whole", HealthState::kBroken, "the folder cannot be read", read.error().message(),
          fmt::format("see the rights of {}, or ask as its owner", set_.folder.string()));
      return std::move(all_);
    }
    age();
    runs();
    whole();
    if (storage_trouble_) {
      add("outside", HealthState::kBroken, "what is outside cannot be seen",
          storage_trouble_->message(), "warder vault test");
    } else if (storage_ != nullptr) {
      outside();
      protection();
    }
    keys();
    drill();
    return std::move(all_);
  }

 private:
  void add(std::string what, HealthState state, std::string found, std::string cause = {},
           std::string remedy = {}) {
    all_.push_back({std::move(what), state, std::move(found), std::move(cause), std::move(remedy)});
  }
  std::string command(std::string_view verb, std::string_view more = {}) const {
    return fmt::format("warder backup {} {}{}", verb, set_.name, more);
  }

  util::Status read_folder() {
    std::error_code error;
    if (!std::filesystem::exists(set_.folder, error) && !error) {
      return {};  // nothing was ever made
    }
    WARDER_ASSIGN_OR_RETURN(const Folder folder, Folder::open(set_.folder, set_.name));
    WARDER_ASSIGN_OR_RETURN(entries_, folder.list());
    WARDER_ASSIGN_OR_RETURN(state_, folder.state());
    for (const Entry& entry : entries_) {
      if (is_proven(entry, state_)) {
        newest_ = entry.stamp;
      }
    }
    return {};
  }

  void age() {
    if (!newest_) {
      add("age", HealthState::kBroken, "there is no proven backup",
          "none was made and restored here", command("now"));
      return;
    }
    const std::string found =
        fmt::format("the newest proven backup was made {}", ago(now_, newest_->time));
    if (newest_->time > now_) {
      add("age", HealthState::kNotice, "the newest proven backup is of the future",
          fmt::format("{}: a clock was or is wrong", newest_->to_string()), "timedatectl");
    } else if (now_ - newest_->time > set_.oldest) {
      add("age", HealthState::kBroken, found,
          fmt::format("oldest = {}", util::format_duration(set_.oldest)), command("now"));
    } else {
      add("age", HealthState::kGood, found);
    }
  }

  void runs() {
    if (state_.failures > 0) {
      add("runs", HealthState::kBroken,
          fmt::format("the last {} failed", util::counted(state_.failures, "run")),
          "warder events --kind backup says why", command("now"));
    } else if (state_.last_success) {
      add("runs", HealthState::kGood,
          fmt::format("the last run succeeded {}", ago(now_, *state_.last_success)));
    }
  }

  void whole() {
    std::vector<std::string> faults;
    for (const Entry& entry : entries_) {
      if (!entry.is_whole()) {
        faults.push_back(fmt::format("{}: {}", entry.stamp.to_string(), entry.fault));
      } else if (state_.broken.contains(entry.stamp.to_string())) {
        faults.push_back(fmt::format("{}: could not be restored {}", entry.stamp.to_string(),
                                     ago(now_, state_.broken.at(entry.stamp.to_string()))));
      }
    }
    if (faults.empty()) {
      add("whole", HealthState::kGood,
          fmt::format("{} in {}", util::counted(entries_.size(), "backup"), set_.folder.string()));
      return;
    }
    add("whole", HealthState::kBroken,
        fmt::format("{} of {} is damaged", faults.size(), util::counted(entries_.size(), "backup")),
        fmt::format("{}", fmt::join(faults, "\n")), command("verify", " --all"));
  }

  void outside() {
    RemoteCopies copies(*storage_, set_.name);
    const auto listed = copies.list();
    if (!listed) {
      add("outside", HealthState::kBroken, "the storage does not answer", listed.error().message(),
          command("list"));
      return;
    }
    std::vector<std::string> faults;
    std::vector<std::string> remedies;
    const auto tell = [&](const Stamp& stamp, std::string_view fault, std::string remedy) {
      faults.push_back(fmt::format("{}: {}", stamp.to_string(), fault));
      if (std::ranges::find(remedies, remedy) == remedies.end()) {
        remedies.push_back(std::move(remedy));
      }
    };
    const auto look = [&](const Stamp& stamp, const Manifest& manifest, std::string remedy) {
      if (const std::string fault = copies.fault(manifest); !fault.empty()) {
        tell(stamp, fault, std::move(remedy));
      }
    };
    // What is not here any more nothing can bring there again.
    const auto drop = [&](const Stamp& stamp) {
      return command("prune", fmt::format(" --drop-faulty {}", stamp.to_string()));
    };
    for (const Stamp& stamp : *listed) {
      const auto here = std::ranges::find_if(
          entries_, [&](const Entry& entry) { return entry.stamp == stamp && entry.read(); });
      if (here != entries_.end()) {
        look(stamp, here->read()->manifest, here->is_whole() ? command("now") : drop(stamp));
      } else {
        if (auto manifest = copies.manifest(stamp)) {
          look(stamp, manifest->manifest, drop(stamp));
          elsewhere_.emplace_back(stamp, std::move(*manifest));
        } else if (manifest.error().code() == ErrorCode::kInvalid) {
          tell(stamp, "its manifest cannot be read", drop(stamp));
        } else {
          unread_.push_back(
              fmt::format("{} outside: {}", stamp.to_string(), manifest.error().message()));
        }
      }
    }
    const bool is_there = !newest_ || std::ranges::any_of(*listed, [&](const Stamp& stamp) {
      return stamp.time >= newest_->time;
    });
    const std::string found =
        fmt::format("{} in {}", util::counted(listed->size(), "backup"), storage_->describe());
    if (!faults.empty()) {
      add("outside", HealthState::kBroken,
          fmt::format(
              "{}, {} not whole", found,
              faults.size() == 1 ? std::string("one is") : fmt::format("{} are", faults.size())),
          fmt::format("{}", fmt::join(faults, "\n")), fmt::format("{}", fmt::join(remedies, "; ")));
    } else if (is_there) {
      add("outside", HealthState::kGood, found);
    } else {
      add("outside", HealthState::kBroken, found + ", the newest proven one is not among them",
          "it was not brought there yet", command("now"));
    }
  }

  void protection() {
    const auto found = storage_->protection();
    if (!found) {
      add("protection", HealthState::kNotice, "what protects the copies outside could not be seen",
          found.error().message());
      return;
    }
    const bool locked = found->state == storage::Protection::State::kLocked;
    add("protection", locked ? HealthState::kGood : HealthState::kNotice, found->text,
        locked ? std::string()
               : "whoever has this host, or the account of the storage, can remove the copies",
        found->command);
  }

  void keys() {
    if (passphrases_ == nullptr) {
      return;
    }
    std::vector<KeyId> seen;
    std::vector<std::string> locked = unread_;
    std::optional<Error> unseen;
    const auto look = [&](const Stamp& stamp, const ReadManifest& manifest) {
      const KeyId* const key = manifest.key();
      if (key == nullptr || std::ranges::find(seen, *key) != seen.end()) {
        return;
      }
      seen.push_back(*key);
      const auto found = find_passphrase(manifest, *passphrases_);
      if (!found && found.error().code() == ErrorCode::kUnavailable) {
        unseen = found.error();
      } else if (!found) {
        locked.push_back(fmt::format("{}: {}", stamp.to_string(), found.error().message()));
      }
    };
    for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
      if (const ReadManifest* const read = entry->read()) {
        look(entry->stamp, *read);
      }
    }
    for (const auto& [stamp, manifest] : elsewhere_) {
      look(stamp, manifest);
    }
    if (unseen) {
      add("keys", HealthState::kBroken,
          "whether a key opens every backup that is kept is not known", unseen->message(),
          "warder vault test --backup-passphrase");
    }
    if (locked.empty()) {
      if (unseen) {
        return;
      }
      add("keys", HealthState::kGood,
          seen.empty()
              ? std::string("no backup is encrypted")
              : fmt::format("{} every backup that is kept",
                            seen.size() == 1 ? std::string("one passphrase opens")
                                             : fmt::format("{} passphrases open", seen.size())));
      return;
    }
    add("keys", HealthState::kBroken, "no known key opens a backup that is kept",
        fmt::format("{}", fmt::join(locked, "\n")),
        fmt::format("put the old passphrase back (warder vault history), or open it once with "
                    "`{} --passphrase-file FILE`",
                    command("re-encrypt")));
  }

  void drill() {
    const std::string due = command("drill");
    if (!state_.last_drill) {
      add("drill", HealthState::kNotice, "no drill ever succeeded",
          "that a service starts from a restored copy was never seen", due);
    } else {
      add("drill", HealthState::kGood,
          fmt::format("the last drill that succeeded was {}; restoring takes {:.1f} s",
                      ago(now_, *state_.last_drill), state_.restore_seconds));
    }
  }

  const SetOptions& set_;
  Passphrases* const passphrases_;
  storage::Storage* const storage_;
  const std::optional<Error>& storage_trouble_;
  const util::WallTime now_;
  std::vector<Entry> entries_;
  FolderState state_;
  std::optional<Stamp> newest_;                            // of the proven ones
  std::vector<std::pair<Stamp, ReadManifest>> elsewhere_;  // outside only
  std::vector<std::string> unread_;                        // manifests outside
  std::vector<Health> all_;
};

}  // namespace

std::string_view to_string(HealthState state) {
  switch (state) {
    case HealthState::kGood:
      return "good";
    case HealthState::kNotice:
      return "notice";
    case HealthState::kBroken:
      break;
  }
  return "broken";
}

std::vector<Health> health_of(const HealthParts& parts, const util::Clock& clock) {
  return Look(parts, clock).run();
}

}  // namespace warder::backup
