#include "files/comparison.h"

namespace warder::files {

Comparison::Comparison(const Baseline* baseline, const Scope& scope, ComparisonOptions options,
                       Found found, BaselineWriter* writer)
    : scope_(scope), options_(options), found_(std::move(found)), writer_(writer) {
  if (baseline != nullptr) {
    cursor_.emplace(*baseline);
    if (auto parsed = Scope::parse(baseline->manifest().paths, baseline->manifest().exclusions)) {
      old_scope_ = std::move(*parsed);
    }
  }
}

util::Status Comparison::begin_all() {
  range_.reset();
  closed_.clear();
  return cursor_ ? cursor_->seek("") : util::Status();
}

util::Status Comparison::begin(std::string path, Walk::Depth depth) {
  closed_.clear();
  depth_ = depth;
  range_ = std::move(path);
  return cursor_ ? cursor_->seek(*range_) : util::Status();
}

util::Status Comparison::end() { return pass(std::nullopt); }

bool Comparison::is_in_range(std::string_view path) const {
  return !range_ || (depth_ == Walk::Depth::kAll ? is_within(path, *range_) : path == *range_);
}

util::Status Comparison::pass(std::optional<std::string_view> path) {
  if (!cursor_) {
    return {};
  }
  while (true) {
    WARDER_ASSIGN_OR_RETURN(const Entry* const entry, cursor_->peek());
    if (entry == nullptr || !is_in_range(entry->path) ||
        (path && compare_paths(entry->path, *path) >= 0)) {
      return {};
    }
    WARDER_RETURN_IF_ERROR(missing(*entry));
    cursor_->next();
  }
}

util::Status Comparison::missing(const Entry& entry) {
  if (!scope_.covers(entry.path)) {
    return {};  // no longer looked at
  }
  WARDER_RETURN_IF_ERROR(write(entry));
  if (!closed_.empty() && is_within(entry.path, closed_)) {
    return {};
  }
  Difference difference;
  difference.path = entry.path;
  difference.before = entry;
  return found_(std::move(difference));
}

util::Status Comparison::write(const Entry& entry) {
  return writer_ == nullptr ? util::Status() : writer_->add(entry);
}

util::Status Comparison::write_new(Entry entry) {
  entry.packaged = options_.packaged && options_.packaged(entry.path);
  return write(entry);
}

util::Result<const Entry*> Comparison::at(std::string_view path) {
  WARDER_RETURN_IF_ERROR(pass(path));
  if (!cursor_ || options_.thoroughness == Thoroughness::kFull) {
    return nullptr;
  }
  WARDER_ASSIGN_OR_RETURN(const Entry* const entry, cursor_->peek());
  return entry != nullptr && entry->path == path ? entry : nullptr;
}

util::Status Comparison::found(Entry entry) {
  if (!cursor_) {
    return write_new(std::move(entry));
  }
  if (entry.type == FileType::kFolder && entry.content == Content::kDenied) {
    closed_ = entry.path;
  }
  WARDER_ASSIGN_OR_RETURN(const Entry* const known, cursor_->peek());
  Difference difference;
  difference.path = entry.path;
  if (known != nullptr && known->path == entry.path) {
    WARDER_RETURN_IF_ERROR(write(*known));
    const bool differs = changes_between(*known, entry, options_.fields).any();
    if (differs) {
      difference.before = *known;
      difference.after = std::move(entry);
    }
    cursor_->next();
    return differs ? found_(std::move(difference)) : util::Status();
  }
  if (!old_scope_.covers(entry.path)) {
    return write_new(std::move(entry));
  }
  difference.after = std::move(entry);
  return found_(std::move(difference));
}

}  // namespace warder::files
