#include "files/guard.h"

#include "files/told_list.h"
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
constexpr std::size_t kBatch = 2000;  // differences that packages are asked about at once
constexpr std::uint64_t kMega = std::uint64_t{1} << 20U;

std::string in_words(std::uint64_t bytes) {
  return bytes < 10 * kMega ? fmt::format("{} KiB", (bytes + 1023) / 1024)
                            : fmt::format("{} MiB", bytes / kMega);
}

// What a walk left out, among the facts of an event.
void add_limits(const WalkCounts& counts, json* facts) {
  facts->update({{"denied", counts.denied},
                 {"too_large", counts.too_large},
                 {"unsteady", counts.unsteady},
                 {"mounts", counts.mounts},
                 {"too_deep", counts.too_deep}});
}

}  // namespace

struct Guard::Result {
  std::vector<Difference> found;     // unexplained, at most kMostListed
  std::vector<Difference> expected;  // at most kMostExpected
  std::uint64_t all = 0;             // unexplained ones
  std::uint64_t not_taken = 0;       // expected ones beyond kMostExpected
  std::string root;                  // of a baseline that is written with it; empty: none is
};

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

util::Status Guard::scan(const Pace::Rest& rest) {
  const auto thoroughness =
      full_due_ <= clock_.monotonic() ? Thoroughness::kFull : Thoroughness::kQuick;
  scanning_ = true;
  looked_at_.clear();
  auto baseline = stored_baseline(hooks_, options_.name);
  util::Status done;
  if (wants_baseline_ || (baseline && !*baseline)) {
    done = make_baseline(rest);
  } else if (!baseline) {
    done = baseline.error();
  } else if (!newest_root_.empty() && util::to_hex((*baseline)->root()) != newest_root_) {
    // A signature says who, not when.
    done = util::Error(
        util::ErrorCode::kDenied,
        fmt::format("the stored baseline is not the newest that the history names "
                    "({} instead of {})",
                    util::to_hex((*baseline)->root()).substr(0, 16), newest_root_.substr(0, 16)));
  } else {
    done = compare_all(**baseline, thoroughness, rest);
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

Manifest Guard::next_manifest(const Baseline* before) const {
  Manifest manifest;
  manifest.name = options_.name;
  manifest.made = clock_.now();
  manifest.generation = before == nullptr ? 1 : before->manifest().generation + 1;
  manifest.paths = options_.scope.paths();
  manifest.exclusions = options_.scope.exclusions();
  return manifest;
}

std::string Guard::limits_in_words(const WalkCounts& counts) const {
  std::string text;
  const auto add = [&](std::uint64_t count, std::string_view what) {
    if (count > 0) {
      text += fmt::format(", {} {}", count, what);
    }
  };
  add(counts.denied, "could not be read");
  add(counts.too_large, "too large to be read");
  add(counts.unsteady, "changed while they were read");
  add(counts.mounts, "mounts not entered");
  add(counts.too_deep, "folders too deep");
  return text;
}

util::Status Guard::make_baseline(const Pace::Rest& rest) {
  const std::string name = options_.name;
  const Packages::Paths packaged =
      options_.expects_packages ? packages_.paths() : Packages::Paths();
  // What is there of an old one is left as it is until the new one stands.
  const auto old = stored_baseline(hooks_, name);
  BaselineParts parts(hooks_, name, {});
  BaselineWriter writer([&](std::string part_name, std::string part) {
    return parts.add(std::move(part_name), std::move(part));
  });
  Pace pace(options_.budget, clock_, rest);
  Walk walk(options_.scope, {.largest_file = options_.largest_file}, pace);
  ComparisonOptions comparison_options{.fields = options_.fields};
  comparison_options.packaged = [&](std::string_view path) {
    return packaged.contains(packages_, path);
  };
  Comparison comparison(nullptr, options_.scope, comparison_options, {}, &writer);
  WARDER_ASSIGN_OR_RETURN(const std::vector<std::string> roots, options_.scope.roots());
  const util::MonotonicTime began = clock_.monotonic();
  for (const std::string& root : roots) {
    WARDER_RETURN_IF_ERROR(walk.run(root, Walk::Depth::kAll, comparison));
  }
  WARDER_RETURN_IF_ERROR(comparison.end());
  WARDER_ASSIGN_OR_RETURN(
      std::string header,
      writer.finish(next_manifest(old && *old ? &**old : nullptr), hooks_.seal));
  WARDER_RETURN_IF_ERROR(parts.flush());
  std::vector<Remembered> remembered{{baseline_name(name), std::move(header)},
                                     {differences_name(name), {}}};
  WARDER_RETURN_IF_ERROR(parts.forget_others(&remembered));

  const util::WallTime now = clock_.now();
  const WalkCounts& counts = walk.counts();
  const std::string root = util::to_hex(writer.root());
  std::string paths;
  for (const std::string& path : options_.scope.paths()) {
    paths += (paths.empty() ? "" : ", ") + util::printable(path, 100);
  }
  FilesState state = state_;
  state.state = FilesState::State::kGood;
  state.since = state.full = state.quick = now;
  state.entries = writer.entries();
  state.differences = 0;
  state.wants_baseline = false;
  state.text =
      fmt::format("baseline of {} files and folders, {} of content, root {}{}", writer.entries(),
                  in_words(counts.bytes_read), root.substr(0, 16), limits_in_words(counts));
  json facts{{"entries", writer.entries()},
             {"bytes", counts.bytes_read},
             {"seconds", std::chrono::duration<double>(clock_.monotonic() - began).count()},
             {"root", root},
             {"paths", util::printable(paths, 2000)}};
  add_limits(counts, &facts);
  std::vector<model::Event> events;
  if (old && !*old && !newest_root_.empty() && !wants_baseline_) {
    events.push_back(tell_whole(
        options_, options_.severity, "bad",
        fmt::format("the baseline {} is gone from the agent's database; the new one takes what is "
                    "there now for right",
                    newest_root_.substr(0, 16)),
        "somebody deleted it, or the database was replaced",
        "warder verify; look at the files by hand (debsums -c compares with the packages)", {},
        now));
  }
  events.push_back(
      tell_whole(options_, model::Severity::kNotice, "good",
                 fmt::format("{}; it covers {}", state.text, util::printable_again(paths, 300)), {},
                 {}, facts.dump(), now));
  remembered.push_back({state_name(name), state_text(state)});
  WARDER_RETURN_IF_ERROR(hooks_.record(std::move(events), std::move(remembered)));
  newest_root_ = root;
  state_ = std::move(state);
  listed_.clear();
  wants_baseline_ = false;
  return {};
}

util::Status Guard::explain(std::vector<Difference>* batch, Pace& pace, Result* result) {
  if (options_.expects_packages && !batch->empty()) {
    WARDER_RETURN_IF_ERROR(packages_.explain(*batch, options_.fields, pace));
  }
  for (Difference& one : *batch) {
    if (!one.package.empty()) {
      if (result->expected.size() < kMostExpected) {
        result->expected.push_back(std::move(one));
      } else {
        ++result->not_taken;
      }
      continue;
    }
    ++result->all;
    if (result->found.size() < kMostListed) {
      result->found.push_back(std::move(one));
    }
  }
  batch->clear();
  return {};
}

util::Status Guard::compare_all(const Baseline& baseline, Thoroughness thoroughness,
                                const Pace::Rest& rest) {
  const bool other_scope = baseline.manifest().paths != options_.scope.paths() ||
                           baseline.manifest().exclusions != options_.scope.exclusions();
  BaselineParts parts(hooks_, options_.name, parts_of(baseline));
  BaselineWriter writer([&](std::string name, std::string part) {
    return parts.add(std::move(name), std::move(part));
  });
  Pace pace(options_.budget, clock_, rest);
  Walk walk(options_.scope, {.largest_file = options_.largest_file}, pace);
  Result result;
  std::vector<Difference> batch;
  Comparison comparison(
      &baseline, options_.scope, {options_.fields, thoroughness, {}},
      [&](Difference difference) -> util::Status {
        batch.push_back(std::move(difference));
        return batch.size() < kBatch ? util::Status() : explain(&batch, pace, &result);
      },
      other_scope ? &writer : nullptr);
  WARDER_ASSIGN_OR_RETURN(const std::vector<std::string> roots, options_.scope.roots());
  const util::MonotonicTime began = clock_.monotonic();
  WARDER_RETURN_IF_ERROR(comparison.begin_all());
  for (const std::string& root : roots) {
    WARDER_RETURN_IF_ERROR(walk.run(root, Walk::Depth::kAll, comparison));
  }
  WARDER_RETURN_IF_ERROR(comparison.end());
  WARDER_RETURN_IF_ERROR(explain(&batch, pace, &result));

  const util::WallTime now = clock_.now();
  std::vector<model::Event> events;
  std::vector<Remembered> remembered;
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
    result.root = util::to_hex(writer.root());
  }
  const WalkCounts& counts = walk.counts();
  FilesState state = state_;
  state.entries = counts.entries;
  const double took = std::chrono::duration<double>(clock_.monotonic() - began).count();
  const std::string what =
      fmt::format("{} of {} files and folders, {} read in {:.1f} s{}",
                  thoroughness == Thoroughness::kFull ? "scan" : "quick scan", counts.entries,
                  in_words(counts.bytes_read), took, limits_in_words(counts));
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
      std::move(result),
      [&](const std::string& path) {
        return !looked_at_.contains(path) && (last.empty() || compare_paths(path, last) <= 0);
      },
      std::move(events), std::move(remembered), std::move(state));
}

util::Status Guard::look(const TouchedPaths& paths, const Pace::Rest& rest) {
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
  Pace pace(options_.budget, clock_, rest);
  Walk walk(options_.scope, {.largest_file = options_.largest_file}, pace);
  Result result;
  std::vector<Difference> batch;
  std::string by;
  Comparison comparison(
      &*baseline, options_.scope, {options_.fields, Thoroughness::kFull, {}},
      [&](Difference difference) -> util::Status {
        difference.by = by;
        batch.push_back(std::move(difference));
        return batch.size() < kBatch ? util::Status() : explain(&batch, pace, &result);
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
  WARDER_RETURN_IF_ERROR(explain(&batch, pace, &result));
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
  return conclude(std::move(result), is_in_range, {}, {}, std::move(state));
}

util::Status Guard::conclude(Result result,
                             const std::function<bool(const std::string&)>& is_in_range,
                             std::vector<model::Event> events, std::vector<Remembered> remembered,
                             FilesState state) {
  const util::WallTime now = clock_.now();
  const bool found_any = !result.found.empty();
  Reconciled seen = reconcile(listed_, std::move(result.found), result.expected, options_,
                              is_in_range, kMostListed);
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
    auto baseline = stored_baseline(hooks_, options_.name);
    if (!baseline) {
      return baseline.error();
    }
    Updates updates;
    for (Difference& one : result.expected) {
      if (one.after) {
        one.after->packaged = true;
      }
      updates.emplace(one.path, std::move(one.after));
    }
    WARDER_ASSIGN_OR_RETURN(const crypto::merkle::Hash root,
                            rewrite(**baseline, updates, &remembered));
    result.root = util::to_hex(root);
    events.push_back(tell_whole(
        options_, model::Severity::kInfo, !found_any && seen.listed.empty() ? "good" : "bad",
        fmt::format("the baseline takes {}, root {}",
                    util::counted(updates.size(), "expected change"), result.root.substr(0, 16)),
        {}, {}, json{{"root", result.root}, {"changes", updates.size()}}.dump(), now));
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
  if (!result.root.empty()) {
    newest_root_ = result.root;
  }
  state_ = std::move(state);
  listed_ = std::move(seen.listed);
  return {};
}

util::Result<crypto::merkle::Hash> Guard::rewrite(const Baseline& baseline, const Updates& updates,
                                                  std::vector<Remembered>* remembered) const {
  Manifest manifest = next_manifest(&baseline);
  manifest.paths = baseline.manifest().paths;
  manifest.exclusions = baseline.manifest().exclusions;
  return rewrite_baseline(hooks_, baseline, updates, std::move(manifest), remembered);
}

util::Status Guard::accept(const std::vector<Difference>& accepted) {
  WARDER_ASSIGN_OR_RETURN(const std::optional<Baseline> baseline,
                          stored_baseline(hooks_, options_.name));
  if (!baseline) {
    return util::Error(util::ErrorCode::kNotFound, "there is no baseline yet");
  }
  Updates updates;
  std::vector<Difference> taken;
  std::vector<Difference> left;
  for (const Difference& one : listed_) {
    const Difference* const wanted = find(accepted, one.path);
    if (wanted != nullptr && wanted->finds_the_same(one, options_.fields)) {
      updates.emplace(one.path, one.after);
      taken.push_back(one);
    } else {
      left.push_back(one);
    }
  }
  if (taken.empty()) {
    return {};
  }
  std::vector<Remembered> remembered;
  WARDER_ASSIGN_OR_RETURN(const crypto::merkle::Hash root,
                          rewrite(*baseline, updates, &remembered));
  const util::WallTime now = clock_.now();
  std::vector<model::Event> events = tell(options_, Tale::kAccepted, taken, now);
  events.push_back(tell_whole(
      options_, model::Severity::kNotice, "good",
      fmt::format("the baseline takes {} by the operator's word, root {}",
                  util::counted(taken.size(), "change"), util::to_hex(root).substr(0, 16)),
      {}, {}, json{{"root", util::to_hex(root)}, {"changes", taken.size()}}.dump(), now));
  WARDER_ASSIGN_OR_RETURN(Remembered list, remember_differences(hooks_, options_.name, left));
  remembered.push_back(std::move(list));
  FilesState state = state_;
  state.differences -= std::min<std::uint64_t>(state.differences, taken.size());
  if (state.differences == 0) {
    state.state = FilesState::State::kGood;
    state.since = now;
  }
  remembered.push_back({state_name(options_.name), state_text(state)});
  WARDER_RETURN_IF_ERROR(hooks_.record(std::move(events), std::move(remembered)));
  newest_root_ = util::to_hex(root);
  state_ = std::move(state);
  listed_ = std::move(left);
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
