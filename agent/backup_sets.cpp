#include "agent/backup_sets.h"

#include "storage/keys.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <string>

namespace warder::agent {

std::vector<backup::SetOptions> backup_sets_of(const config::Checked& checked,
                                               const std::filesystem::path& state,
                                               config::Diagnostics& diagnostics) {
  std::vector<std::string> storages;
  for (const config::Values* values : checked.all(storage::storage_table())) {
    storages.emplace_back(values->name());
    if (values->complete()) {
      storage::storage_options(*values, diagnostics);
    }
  }
  std::vector<backup::SetOptions> sets;
  for (const config::Values* values : checked.all(backup::backup_table())) {
    if (!values->complete()) {
      continue;
    }
    backup::SetOptions set = backup::set_options(*values, state, diagnostics);
    if (!set.storage.empty() && std::ranges::find(storages, set.storage) == storages.end()) {
      diagnostics.add(values->about("storage", fmt::format("there is no section [storage {}]",
                                                           util::printable(set.storage))));
    }
    sets.push_back(std::move(set));
  }
  return sets;
}

util::Result<RecoveredSets> recovered_sets(const backup::Recovery& recovery,
                                           const std::filesystem::path& state) {
  config::Document sections;
  sections.add(recovery.layer);
  const std::array<const config::Table*, 2> tables{&backup::backup_table(),
                                                   &storage::storage_table()};
  config::Diagnostics diagnostics;
  RecoveredSets recovered;
  recovered.places = config::check_document(tables, sections, diagnostics);
  recovered.sets = backup_sets_of(recovered.places, state, diagnostics);
  if (diagnostics.has_errors()) {
    return util::Error(
        util::ErrorCode::kInvalid,
        fmt::format("what the vault says of {}'s backups has errors:\n{}",
                    util::printable(recovery.host), util::trim(diagnostics.to_text())));
  }
  return recovered;
}

}  // namespace warder::agent
