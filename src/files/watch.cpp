#include "files/watch.h"

#include "log/log.h"
#include "util/strings.h"

#include <fmt/core.h>

namespace warder::files {
namespace {

// Has folders watched on the way of a walk, before their names are read: what is made afterwards is
// told, what was made before is seen.
class Adder : public Visitor {
 public:
  explicit Adder(std::function<void(const Entry&)> add) : add_(std::move(add)) {}
  util::Result<const Entry*> at(std::string_view) override { return nullptr; }
  util::Status found(Entry entry) override {
    add_(entry);
    return {};
  }

 private:
  const std::function<void(const Entry&)> add_;
};

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

}  // namespace

Watch::Watch(const FilesOptions& options, const util::Clock& clock)
    : options_(options), clock_(clock) {}

util::Status Watch::start(const util::Pace::Rest& rest) {
  notifier_.reset();
  trouble_.clear();
  roots_.clear();
  lost_ = false;
  if (options_.watching == Watching::kNone) {
    return {};
  }
  if (options_.watching == Watching::kFanotify) {
    if (auto made = make_fanotify()) {
      notifier_ = std::move(*made);
      kind_ = "fanotify";
    } else {
      trouble_ = made.error().message();
    }
  }
  if (!notifier_) {
    auto made = make_inotify();
    if (!made) {
      trouble_ = made.error().message();
      return {};
    }
    notifier_ = std::move(*made);
    kind_ = "inotify";
  }
  auto roots = options_.scope.roots();
  if (!roots) {
    trouble_ = roots.error().message();
    return {};
  }
  // Paths that are not there yet come through the folder they would lie in.
  for (const std::string& path : options_.scope.paths()) {
    if (path != "/" && path.find_first_of("*?") == std::string::npos) {
      add(parent_of(path), Notifier::Of::kNames);
      roots_.insert(path);
    }
  }
  util::Pace pace(util::ByteCount{0}, clock_, rest);
  Walk walk(options_.scope, {.largest_file = util::ByteCount{0}}, pace);
  Adder adder([this](const Entry& entry) {
    if (entry.type == FileType::kFolder) {
      add(entry.path, Notifier::Of::kContent);
    }
  });
  for (const std::string& root : *roots) {
    if (root != "/" && roots_.insert(root).second) {
      add(parent_of(root), Notifier::Of::kNames);
    }
    add(root, Notifier::Of::kContent);
    if (const util::Status walked = walk.run(root, Walk::Depth::kAll, adder); !walked) {
      if (walked.error().code() == util::ErrorCode::kUnavailable) {
        notifier_.reset();
        return walked;
      }
      trouble_ = walked.error().message();
    }
  }
  if (!trouble_.empty()) {
    log::warning("files {}: {}", options_.name, trouble_);
  }
  return {};
}

void Watch::add(const std::string& path, Notifier::Of of) {
  const util::Status added = notifier_->add(path, of);
  if (!added && added.error().code() != util::ErrorCode::kNotFound && trouble_.empty()) {
    trouble_ = fmt::format("{}; what is not watched is seen by the scans", added.error().message());
  }
}

void Watch::add_below(const std::string& folder) {
  util::Pace pace(util::ByteCount{0}, clock_, [](std::chrono::microseconds) { return true; });
  Walk walk(options_.scope, {.largest_file = util::ByteCount{0}}, pace);
  Adder adder([this](const Entry& entry) {
    if (entry.type == FileType::kFolder) {
      add(entry.path, Notifier::Of::kContent);
    }
  });
  // What is too much for a walk is too much for the scan, which says so.
  [[maybe_unused]] const util::Status walked = walk.run(folder, Walk::Depth::kAll, adder);
}

void Watch::touch(std::string path, Walk::Depth depth, std::string by) {
  if (!options_.scope.covers(path)) {
    return;
  }
  if (touched_.size() >= kMostTouched) {
    lost_ = true;
    return;
  }
  Touched& touched = touched_[std::move(path)];
  if (depth == Walk::Depth::kAll) {
    touched.depth = depth;
  }
  if (!by.empty()) {
    touched.by = std::move(by);
  }
}

bool Watch::read() {
  if (!notifier_) {
    return false;
  }
  bool any = false;
  const bool all = notifier_->read([this, &any](Notice notice) {
    any = true;
    const bool is_root = roots_.contains(notice.path);
    switch (notice.what) {
      case Notice::What::kTouched:
        touch(std::move(notice.path), Walk::Depth::kSelf, std::move(notice.by));
        return;
      case Notice::What::kAppeared:
        if (notice.is_folder && options_.scope.covers(notice.path)) {
          add_below(notice.path);
        } else if (is_root) {
          add(notice.path, Notifier::Of::kContent);
        }
        break;
      case Notice::What::kGone:
        if (notice.is_folder) {
          notifier_->remove(notice.path);
        }
        break;
    }
    touch(std::move(notice.path), Walk::Depth::kAll, std::move(notice.by));
  });
  lost_ = lost_ || !all;
  return any || !all;
}

TouchedPaths Watch::take() {
  TouchedPaths taken;
  taken.swap(touched_);
  return taken;
}

void Watch::give_back(TouchedPaths paths) {
  for (auto& [path, touched] : paths) {
    touch(path, touched.depth, std::move(touched.by));
  }
}

std::string Watch::text() const {
  if (options_.watching == Watching::kNone) {
    return "scans alone";
  }
  std::string text =
      notifier_ ? fmt::format("{}, {}", kind_, util::counted(notifier_->watched(), "place"))
                : "scans alone";
  if (!trouble_.empty()) {
    text += fmt::format(" ({})", trouble_);
  }
  return util::printable_again(text, 500);
}

}  // namespace warder::files
