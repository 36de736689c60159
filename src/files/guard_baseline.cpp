#include "files/guard.h"
#include "files/told_list.h"
#include "files/walk_text.h"
#include "util/encoding.h"
#include "util/strings.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

// How a guard's baseline comes about and changes.
namespace warder::files {

using nlohmann::json;

Manifest Guard::next_manifest(const Baseline* before) const {
  Manifest manifest;
  manifest.name = options_.name;
  manifest.made = clock_.now();
  manifest.generation = before == nullptr ? 1 : before->manifest().generation + 1;
  manifest.paths = options_.scope.paths();
  manifest.exclusions = options_.scope.exclusions();
  return manifest;
}

util::Result<Baseline> Guard::the_baseline() const {
  WARDER_ASSIGN_OR_RETURN(std::optional<Baseline> stored, stored_baseline(hooks_, options_.name));
  if (!stored) {
    return util::Error(util::ErrorCode::kNotFound, "there is no baseline yet");
  }
  return std::move(*stored);
}

util::Status Guard::make_baseline(const util::Pace::Rest& rest) {
  const std::string name = options_.name;
  const Packages::Paths packaged =
      options_.expects_packages ? packages_.paths() : Packages::Paths();
  // What is there of an old one is left as it is until the new one stands.
  const auto read = stored_baseline(hooks_, name);
  const Baseline* const old = pointer_to(read);
  BaselineParts parts(hooks_, name, {});
  BaselineWriter writer([&](std::string part_name, std::string part) {
    return parts.add(std::move(part_name), std::move(part));
  });
  util::Pace pace(options_.budget, clock_, rest);
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
  WARDER_ASSIGN_OR_RETURN(std::string header, writer.finish(next_manifest(old), hooks_.seal));
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
                  size_in_words(counts.bytes_read), root.substr(0, 16), limits_in_words(counts));
  json facts{{"entries", writer.entries()},
             {"bytes", counts.bytes_read},
             {"seconds", std::chrono::duration<double>(clock_.monotonic() - began).count()},
             {"root", root},
             {"paths", util::printable(paths, 2000)}};
  add_limits(counts, &facts);
  std::vector<model::Event> events;
  if (read && old == nullptr && !newest_root_.empty() && !wants_baseline_) {
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

util::Result<crypto::merkle::Hash> Guard::rewrite(const Baseline& baseline, const Updates& updates,
                                                  std::vector<Remembered>* remembered) const {
  Manifest manifest = next_manifest(&baseline);
  manifest.paths = baseline.manifest().paths;
  manifest.exclusions = baseline.manifest().exclusions;
  return rewrite_baseline(hooks_, baseline, updates, std::move(manifest), remembered);
}

util::Status Guard::accept(const std::vector<Difference>& accepted) {
  WARDER_ASSIGN_OR_RETURN(const Baseline baseline, the_baseline());
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
  WARDER_ASSIGN_OR_RETURN(const crypto::merkle::Hash root, rewrite(baseline, updates, &remembered));
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

}  // namespace warder::files
