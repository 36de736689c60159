#include "files/baseline_parts.h"

#include <utility>

namespace warder::files {
namespace {

constexpr std::size_t kPartsAtOnce = 8;  // stored in one step

}  // namespace

BaselineParts::BaselineParts(const FilesHooks& hooks, std::string section,
                             std::set<std::string> known)
    : hooks_(hooks), section_(std::move(section)), known_(std::move(known)) {}

util::Status BaselineParts::add(std::string name, std::string part) {
  names_.insert(name);
  if (known_.contains(name)) {
    return {};
  }
  waiting_.push_back({chunk_prefix(section_) + name, std::move(part)});
  return waiting_.size() < kPartsAtOnce ? util::Status() : flush();
}

util::Status BaselineParts::flush() {
  if (waiting_.empty()) {
    return {};
  }
  std::vector<Remembered> now;
  now.swap(waiting_);
  return hooks_.record({}, std::move(now));
}

util::Status BaselineParts::forget_others(std::vector<Remembered>* remembered) const {
  const std::string prefix = chunk_prefix(section_);
  WARDER_ASSIGN_OR_RETURN(const std::vector<std::string> names, hooks_.names(prefix));
  for (const std::string& name : names) {
    if (!names_.contains(name.substr(prefix.size()))) {
      remembered->push_back({name, {}});
    }
  }
  return {};
}

std::set<std::string> parts_of(const Baseline& baseline) {
  const std::vector<std::string> names = baseline.chunks();
  return {names.begin(), names.end()};
}

util::Result<crypto::merkle::Hash> rewrite_baseline(const FilesHooks& hooks,
                                                    const Baseline& baseline,
                                                    const Updates& updates, Manifest manifest,
                                                    std::vector<Remembered>* remembered) {
  const std::string section = manifest.name;
  BaselineParts parts(hooks, section, parts_of(baseline));
  BaselineWriter writer([&](std::string name, std::string part) {
    return parts.add(std::move(name), std::move(part));
  });
  Baseline::Cursor cursor(baseline);
  WARDER_RETURN_IF_ERROR(cursor.seek(""));
  auto update = updates.begin();
  const auto put = [&]() -> util::Status {
    const std::optional<Entry>& entry = update->second;
    ++update;
    return entry ? writer.add(*entry) : util::Status();
  };
  while (true) {
    WARDER_ASSIGN_OR_RETURN(const Entry* const entry, cursor.peek());
    while (update != updates.end() &&
           (entry == nullptr || compare_paths(update->first, entry->path) < 0)) {
      WARDER_RETURN_IF_ERROR(put());
    }
    if (entry == nullptr) {
      break;
    }
    if (update != updates.end() && update->first == entry->path) {
      WARDER_RETURN_IF_ERROR(put());
    } else {
      WARDER_RETURN_IF_ERROR(writer.add(*entry));
    }
    cursor.next();
  }
  WARDER_ASSIGN_OR_RETURN(std::string header, writer.finish(std::move(manifest), hooks.seal));
  WARDER_RETURN_IF_ERROR(parts.flush());
  remembered->push_back({baseline_name(section), std::move(header)});
  WARDER_RETURN_IF_ERROR(parts.forget_others(remembered));
  return writer.root();
}

}  // namespace warder::files
