#pragma once

#include "backup/report.h"
#include "util/result.h"

#include <filesystem>
#include <functional>

// Reports on their way from the program that makes backups to the agent that keeps the history: one
// file each in STATE/backup-reports, so that none is lost when the agent is away, and a run started
// by hand is known as well as a scheduled one.
namespace warder::backup {

std::filesystem::path report_box(const std::filesystem::path& state);

// Puts a report in. The box is made when missing; what root leaves there belongs to the owner of
// `state`, whose agent could not read it otherwise.
util::Status leave_report(const std::filesystem::path& state, const Report& report);

// Hands each report to `take`, oldest first, and removes it when that returns true; stops at the
// first that is not taken. What is no report is removed too: it would stand in the way for ever.
util::Status take_reports(const std::filesystem::path& state,
                          const std::function<bool(const Report&)>& take);

}  // namespace warder::backup
