#include "files/guard.h"

#include "files/findings.h"
#include "files/told_list.h"
#include "files/walk_text.h"
#include "log/log.h"
#include "util/encoding.h"
#include "util/strings.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>

namespace warder::files {
namespace {

using nlohmann::json;
using std::chrono::microseconds;
using std::chrono::seconds;

// After a scan that could not be made, at the earliest.
constexpr seconds kRetry{60};
}  // namespace

Guard::Guard(FilesOptions options, const FilesHooks& hooks, const util::Clock& clock)
    : options_(std::move(options)), hooks_(hooks), clock_(clock), packages_(options_.root) {
  load();
}

void Guard::load() {
  state_ = stored_state(hooks_, options_.name);
  auto listed = stored_differences(hooks_, options_.name);
  if (listed) {
    listed_ = std::move(*listed);
  } else {
    // What was told before is told again.
    log::warning("files {}: {}", options_.name, listed.error().message());
  }
  if (auto root = hooks_.newest_root(options_.name)) {
    newest_root_ = std::move(*root);
  } else {
    log::warning("files {}: {}", options_.name, root.error().message());
  }
  const auto left = [&](util::WallTime last, seconds every) {
    const auto since = std::max(microseconds(0), clock_.now() - last);
    return clock_.monotonic() + (since >= every ? microseconds(0) : microseconds(every) - since);
  };
  full_due_ = left(state_.full, options_.every);
  quick_due_ = left(std::max(state_.full, state_.quick), options_.quick_every);
  wants_baseline_ = state_.wants_baseline;
  if (const auto text = hooks_.remembered(baseline_name(options_.name));
      wants_baseline_ || (text && !*text)) {
    full_due_ = clock_.monotonic();
  }
}

util::MonotonicTime Guard::due() const {
  return options_.quick_every.count() > 0 ? std::min(full_due_, quick_due_) : full_due_;
}

void Guard::want_baseline() {
  wants_baseline_ = true;
  full_due_ = clock_.monotonic();
  // The agent may be stopped before it is made.
  FilesState state = state_;
  state.wants_baseline = true;
  if (const util::Status kept = hooks_.record({}, {{state_name(options_.name), state_text(state)}});
      !kept) {
    log::warning("files {}: that a baseline is wanted will not outlive a restart: {}",
                 options_.name, kept.error().message());
  }
  state_ = std::move(state);
}

void Guard::set_watch(std::string text) { state_.watch = std::move(text); }

util::Status Guard::scan(const util::Pace::Rest& rest) {
  const auto thoroughness =
      full_due_ <= clock_.monotonic() ? Thoroughness::kFull : Thoroughness::kQuick;
  scanning_ = true;
  looked_at_.clear();
  const auto baseline = stored_baseline(hooks_, options_.name);
  const Baseline* const stored = pointer_to(baseline);
  util::Status done;
  if (wants_baseline_ || (baseline && stored == nullptr)) {
    done = make_baseline(rest);
  } else if (stored == nullptr) {
    done = baseline.error();
  } else if (!newest_root_.empty() && util::to_hex(stored->root()) != newest_root_) {
    // A signature says who, not when.
    done = util::Error(
        util::ErrorCode::kDenied,
        fmt::format("the stored baseline is not the newest that the history names "
                    "({} instead of {})",
                    util::to_hex(stored->root()).substr(0, 16), newest_root_.substr(0, 16)));
  } else {
    done = compare_all(*stored, thoroughness, rest);
  }
  scanning_ = false;
  const util::MonotonicTime now = clock_.monotonic();
  if (done) {
    if (thoroughness == Thoroughness::kFull) {
      full_due_ = now + options_.every;
    }
    quick_due_ = again_ ? now : now + options_.quick_every;
    if (again_ && options_.quick_every.count() == 0) {
      full_due_ = now;
    }
    again_ = false;
    return done;
  }
  if (done.error().code() == util::ErrorCode::kUnavailable) {
    return done;
  }
  full_due_ = now + std::min<microseconds>(options_.every, kRetry);
  quick_due_ = full_due_;
  return fail(done.error());
}

util::Status Guard::compare_all(const Baseline& baseline, Thoroughness thoroughness,
                                const util::Pace::Rest& rest) {
  const bool other_scope = baseline.manifest().paths != options_.scope.paths() ||
                           baseline.manifest().exclusions != options_.scope.exclusions();
  BaselineParts parts(hooks_, options_.name, parts_of(baseline));
  BaselineWriter writer([&](std::string name, std::string part) {
    return parts.add(std::move(name), std::move(part));
  });
  util::Pace pace(options_.budget, clock_, rest);
  Walk walk(options_.scope, {.largest_file = options_.largest_file}, pace);
  Findings result(options_, packages_, pace);
  Comparison comparison(
      &baseline, options_.scope, {options_.fields, thoroughness, {}},
      [&](Difference difference) { return result.add(std::move(difference)); },
      other_scope ? &writer : nullptr);
  WARDER_ASSIGN_OR_RETURN(const std::vector<std::string> roots, options_.scope.roots());
  const util::MonotonicTime began = clock_.monotonic();
  WARDER_RETURN_IF_ERROR(comparison.begin_all());
  for (const std::string& root : roots) {
    WARDER_RETURN_IF_ERROR(walk.run(root, Walk::Depth::kAll, comparison));
  }
  WARDER_RETURN_IF_ERROR(comparison.end());
  WARDER_RETURN_IF_ERROR(result.finish());

  const util::WallTime now = clock_.now();
  std::vector<model::Event> events;
  std::vector<Remembered> remembered;
  std::string written;  // root of the baseline that is written with this
  if (other_scope) {
    // What packages explain is found again by the next scan, which follows at once.
    result.expected.clear();
    again_ = true;
    WARDER_ASSIGN_OR_RETURN(std::string header,
                            writer.finish(next_manifest(&baseline), hooks_.seal));
    WARDER_RETURN_IF_ERROR(parts.flush());
    remembered.push_back({baseline_name(options_.name), std::move(header)});
    WARDER_RETURN_IF_ERROR(parts.forget_others(&remembered));
    events.push_back(tell_whole(
        options_, model::Severity::kNotice, "good",
        fmt::format("other paths are configured: the baseline had {} files and folders and has {} "
                    "now, root {}",
                    baseline.manifest().entries, writer.entries(),
                    util::to_hex(writer.root()).substr(0, 16)),
        {}, {}, json{{"root", util::to_hex(writer.root())}}.dump(), now));
    written = util::to_hex(writer.root());
  }
  const WalkCounts& counts = walk.counts();
  FilesState state = state_;
  state.entries = counts.entries;
  const double took = std::chrono::duration<double>(clock_.monotonic() - began).count();
  const std::string what =
      fmt::format("{} of {} files and folders, {} read in {:.1f} s{}",
                  thoroughness == Thoroughness::kFull ? "scan" : "quick scan", counts.entries,
                  size_in_words(counts.bytes_read), took, limits_in_words(counts));
  (thoroughness == Thoroughness::kFull ? state.full : state.quick) = now;
  state.text = fmt::format(
      "{}: {}", what,
      result.all == 0 ? std::string("as in the baseline")
                      : fmt::format("{} not as in the baseline",
                                    result.all == 1 ? "1 is" : fmt::format("{} are", result.all)));
  const bool beyond = result.all > result.found.size() && result.all != state_.differences;
  if (thoroughness == Thoroughness::kFull || beyond) {
    json facts{{"entries", counts.entries},
               {"bytes", counts.bytes_read},
               {"seconds", took},
               {"differences", result.all},
               {"expected", result.expected.size() + result.not_taken},
               {"baseline", util::to_hex(baseline.root())}};
    add_limits(counts, &facts);
    events.push_back(tell_whole(
        options_, beyond ? options_.severity : model::Severity::kInfo,
        result.all == 0 ? "good" : "bad",
        state.text + (beyond ? fmt::format("; the first {} are listed", result.found.size()) : ""),
        beyond ? "more files changed than are remembered one by one" : "",
        beyond ? fmt::format("warder files show {}; if it was you: warder files baseline {}",
                             options_.name, options_.name)
               : "",
        facts.dump(), now));
  }
  const std::uint64_t unlisted = result.all - result.found.size();
  again_ = again_ || result.not_taken > 0;
  // Behind the last that is listed others may differ too.
  const std::string last = unlisted > 0 && !result.found.empty() ? result.found.back().path : "";
  state.differences = unlisted;
  return conclude(
      std::move(result), std::move(written),
      [&](const std::string& path) {
        return !looked_at_.contains(path) && (last.empty() || compare_paths(path, last) <= 0);
      },
      std::move(events), std::move(remembered), std::move(state));
}

util::Status Guard::look(const TouchedPaths& paths, const util::Pace::Rest& rest) {
  if (wants_baseline_) {
    again_ = scanning_;
    return {};
  }
  WARDER_ASSIGN_OR_RETURN(const std::optional<Baseline> baseline,
                          stored_baseline(hooks_, options_.name));
  if (!baseline) {
    again_ = scanning_;  // the baseline that is being made may have seen them as they were
    return {};
  }
  util::Pace pace(options_.budget, clock_, rest);
  Walk walk(options_.scope, {.largest_file = options_.largest_file}, pace);
  Findings result(options_, packages_, pace);
  std::string by;
  Comparison comparison(
      &*baseline, options_.scope, {options_.fields, Thoroughness::kFull, {}},
      [&](Difference difference) {
        difference.by = by;
        return result.add(std::move(difference));
      },
      nullptr);
  std::string done;  // with everything below
  for (const auto& [path, touched] : paths) {
    if (!options_.scope.covers(path) || (!done.empty() && is_within(path, done))) {
      continue;
    }
    done = touched.depth == Walk::Depth::kAll ? path : std::string();
    by = touched.by;
    WARDER_RETURN_IF_ERROR(comparison.begin(path, touched.depth));
    WARDER_RETURN_IF_ERROR(walk.run(path, touched.depth, comparison));
    WARDER_RETURN_IF_ERROR(comparison.end());
  }
  WARDER_RETURN_IF_ERROR(result.finish());
  const auto is_in_range = [&](const std::string& path) {
    for (const auto& [touched, how] : paths) {
      if (how.depth == Walk::Depth::kAll ? is_within(path, touched) : path == touched) {
        return true;
      }
    }
    return false;
  };
  if (scanning_) {
    // The scan reads the baseline just now: it cannot be written.
    again_ = again_ || !result.expected.empty();
    result.expected.clear();
    for (const auto& [path, touched] : paths) {
      looked_at_.insert(path);
    }
    for (const std::vector<Difference>* const list : {&result.found, &listed_}) {
      for (const Difference& one : *list) {
        if (is_in_range(one.path)) {
          looked_at_.insert(one.path);
        }
      }
    }
  }
  FilesState state = state_;
  state.differences =
      state_.differences - std::min<std::uint64_t>(state_.differences, listed_.size());
  if (result.all > result.found.size()) {
    want_quick();  // it counts them all
  }
  return conclude(std::move(result), {}, is_in_range, {}, {}, std::move(state));
}

util::Status Guard::conclude(Findings result, std::string root,
                             const std::function<bool(const std::string&)>& is_in_range,
                             std::vector<model::Event> events, std::vector<Remembered> remembered,
                             FilesState state) {
  const util::WallTime now = clock_.now();
  const bool found_any = !result.found.empty();
  Reconciled seen = reconcile(listed_, std::move(result.found), result.expected, options_,
                              is_in_range, Findings::kMostListed);
  state.differences += seen.beyond;

  std::vector<model::Event> told = tell(options_, Tale::kDiffers, seen.fresh, now);
  for (const auto& [tale, list] :
       {std::pair{Tale::kExpected, &result.expected}, std::pair{Tale::kOver, &seen.over}}) {
    std::vector<model::Event> more = tell(options_, tale, *list, now);
    told.insert(told.end(), std::make_move_iterator(more.begin()),
                std::make_move_iterator(more.end()));
  }
  for (const model::Event& event : told) {
    if (event.severity >= model::Severity::kWarning) {
      log::warning("files {}: {}", options_.name, event.message);
    }
  }
  events.insert(events.begin(), std::make_move_iterator(told.begin()),
                std::make_move_iterator(told.end()));
  const bool changed = !seen.fresh.empty() || !seen.over.empty() || seen.listed != listed_;
  if (!result.expected.empty()) {
    WARDER_ASSIGN_OR_RETURN(const Baseline baseline, the_baseline());
    Updates updates;
    for (Difference& one : result.expected) {
      if (one.after) {
        one.after->packaged = true;
      }
      updates.emplace(one.path, std::move(one.after));
    }
    WARDER_ASSIGN_OR_RETURN(const crypto::merkle::Hash hash,
                            rewrite(baseline, updates, &remembered));
    root = util::to_hex(hash);
    events.push_back(tell_whole(
        options_, model::Severity::kInfo, !found_any && seen.listed.empty() ? "good" : "bad",
        fmt::format("the baseline takes {}, root {}",
                    util::counted(updates.size(), "expected change"), root.substr(0, 16)),
        {}, {}, json{{"root", root}, {"changes", updates.size()}}.dump(), now));
  }
  if (changed) {
    WARDER_ASSIGN_OR_RETURN(Remembered list,
                            remember_differences(hooks_, options_.name, seen.listed));
    remembered.push_back(std::move(list));
  }
  state.differences += seen.listed.size();
  const auto verdict =
      state.differences == 0 ? FilesState::State::kGood : FilesState::State::kDiffers;
  if (verdict != state.state) {
    state.since = now;
    state.state = verdict;
  }
  if (state != state_) {
    remembered.push_back({state_name(options_.name), state_text(state)});
  }
  if (!events.empty() || !remembered.empty()) {
    WARDER_RETURN_IF_ERROR(hooks_.record(std::move(events), std::move(remembered)));
  }
  if (!root.empty()) {
    newest_root_ = std::move(root);
  }
  state_ = std::move(state);
  listed_ = std::move(seen.listed);
  return {};
}

util::Status Guard::fail(const util::Error& error) {
  const std::string text = fmt::format("could not be compared: {}", error.message());
  log::warning("files {}: {}", options_.name, text);
  if (state_.state == FilesState::State::kUnknown && state_.text == text) {
    return error;
  }
  const bool forged = error.code() == util::ErrorCode::kDenied;
  const util::WallTime now = clock_.now();
  FilesState state = state_;
  state.state = FilesState::State::kUnknown;
  state.since = now;
  state.text = text;
  std::vector<model::Event> events{tell_whole(
      options_, forged ? model::Severity::kCritical : model::Severity::kWarning, "unknown", text,
      forged ? "somebody edited the agent's database, its disk is failing, or the key that signs "
               "was replaced"
             : "",
      forged ? fmt::format("warder verify; look at the files by hand, then make a new baseline: "
                           "warder files baseline {}",
                           options_.name)
             : fmt::format("warder files list; warder files check {}", options_.name),
      {}, now)};
  const util::Status recorded =
      hooks_.record(std::move(events), {{state_name(options_.name), state_text(state)}});
  if (recorded) {
    state_ = std::move(state);
  }
  return error;
}

}  // namespace warder::files
