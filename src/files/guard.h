#pragma once

#include "files/baseline_parts.h"
#include "files/comparison.h"
#include "files/findings.h"
#include "files/options.h"
#include "files/packages.h"
#include "files/stored.h"
#include "files/telling.h"
#include "util/clock.h"

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace warder::files {

// A path of which something was told between scans.
struct Touched {
  Walk::Depth depth = Walk::Depth::kSelf;
  std::string by;  // the process, if known
};
using TouchedPaths = std::map<std::string, Touched, PathLess>;

// One section [files NAME]: its baseline, what differs from it, what is told. Of one thread; made
// anew when the section is configured differently.
class Guard {
 public:
  // Both must outlive it.
  Guard(FilesOptions options, const FilesHooks& hooks, const util::Clock& clock);

  const FilesOptions& options() const { return options_; }
  // When the next scan is due.
  util::MonotonicTime due() const;
  // Makes the scan that is due; without a baseline makes that. `rest` is called meanwhile, see
  // Pace; it may call look(). kUnavailable: it was ended and is due again.
  util::Status scan(const util::Pace::Rest& rest);
  // Looks at these paths now. A failure to record leaves everything as it was: call again.
  util::Status look(const TouchedPaths& paths, const util::Pace::Rest& rest);

  // All content is compared in the next step.
  void want_full() { full_due_ = clock_.monotonic(); }
  // All is looked at in the next step.
  void want_quick() { quick_due_ = clock_.monotonic(); }
  // A new baseline is made of what is there, in the next step.
  void want_baseline();
  // These differences become part of the baseline, as far as they are still what was told.
  util::Status accept(const std::vector<Difference>& accepted);
  // What tells of changes between scans, for people.
  void set_watch(std::string text);

 private:
  void load();
  util::Status make_baseline(const util::Pace::Rest& rest);
  util::Status compare_all(const Baseline& baseline, Thoroughness thoroughness,
                           const util::Pace::Rest& rest);
  // Records what is new in `result` about the paths that `is_in_range` says. `root`: of a baseline
  // that is written with it; empty: none is.
  util::Status conclude(Findings result, std::string root,
                        const std::function<bool(const std::string&)>& is_in_range,
                        std::vector<model::Event> events, std::vector<Remembered> remembered,
                        FilesState state);
  // rewrite_baseline() under the next manifest.
  util::Result<crypto::merkle::Hash> rewrite(const Baseline& baseline, const Updates& updates,
                                             std::vector<Remembered>* remembered) const;
  // kNotFound when there is none yet.
  util::Result<Baseline> the_baseline() const;
  Manifest next_manifest(const Baseline* before) const;
  // The comparison cannot be made; told when that is new.
  util::Status fail(const util::Error& error);

  const FilesOptions options_;
  const FilesHooks& hooks_;
  const util::Clock& clock_;
  const Packages packages_;
  FilesState state_;
  std::string newest_root_;  // of the baseline, as the history names it; empty: it names none
  std::vector<Difference> listed_;  // in the order of their paths
  util::MonotonicTime full_due_{};
  util::MonotonicTime quick_due_{};
  bool wants_baseline_ = false;
  bool scanning_ = false;
  bool again_ = false;  // a scan left something to the next, which follows at once
  // Looked at while a scan is on, which has perhaps seen them as they were.
  std::set<std::string, PathLess> looked_at_;
};

}  // namespace warder::files
