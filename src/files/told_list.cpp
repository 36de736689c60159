#include "files/told_list.h"

#include "files/scope.h"

#include <algorithm>
#include <utility>

namespace warder::files {

const Difference* find(const std::vector<Difference>& list, std::string_view path) {
  const auto found = std::lower_bound(
      list.begin(), list.end(), path,
      [](const Difference& one, std::string_view p) { return compare_paths(one.path, p) < 0; });
  return found != list.end() && found->path == path ? &*found : nullptr;
}

Reconciled reconcile(const std::vector<Difference>& told, std::vector<Difference> found,
                     const std::vector<Difference>& expected, const FilesOptions& options,
                     const std::function<bool(const std::string& path)>& is_in_range,
                     std::size_t most) {
  Reconciled all;
  auto next = found.begin();
  const auto take = [&](const Difference* before) {
    if (!is_in_range(next->path)) {
      return;  // it was looked at meanwhile
    }
    if (before != nullptr && before->finds_the_same(*next, options.fields)) {
      next->by = before->by;
    } else {
      all.fresh.push_back(*next);
    }
    if (all.listed.size() < most) {
      all.listed.push_back(std::move(*next));
    } else {
      ++all.beyond;
    }
  };
  for (const Difference& old : told) {
    for (; next != found.end() && compare_paths(next->path, old.path) < 0; ++next) {
      take(nullptr);
    }
    const bool in_range = is_in_range(old.path);
    if (next != found.end() && next->path == old.path) {
      if (in_range) {
        take(&old);
      } else {
        all.listed.push_back(old);
      }
      ++next;
    } else if (!in_range) {
      all.listed.push_back(old);
    } else if (find(expected, old.path) == nullptr && options.scope.covers(old.path)) {
      all.over.push_back(old);
    }
  }
  for (; next != found.end(); ++next) {
    take(nullptr);
  }
  return all;
}

}  // namespace warder::files
