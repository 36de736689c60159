#pragma once

#include "files/guard.h"
#include "files/options.h"
#include "util/pace.h"
#include "util/result.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace warder::files {

// What happened at a path, as the kernel tells it.
struct Notice {
  enum class What : std::uint8_t {
    kTouched,   // written, or given other rights
    kAppeared,  // made or moved there
    kGone,      // removed or moved away
  };
  What what = What::kTouched;
  bool is_folder = false;
  std::string path;
  std::string by;  // "vi (pid 7, user root)", or empty
};

// The kernel's word on changes in folders that were named to it. One descriptor, which becomes
// readable. Of one thread.
class Notifier {
 public:
  enum class Of : std::uint8_t {
    kContent,  // everything in the folder, or of the file
    kNames,    // what comes into the folder and goes
  };

  virtual ~Notifier() = default;
  virtual int descriptor() const = 0;
  // From now on. What is watched already is watched for both. kUnavailable: the kernel's limit is
  // met, and the text says how to raise it; kNotFound: it is not there (any more); kInvalid: this
  // file system cannot be watched so.
  virtual util::Status add(const std::string& path, Of of) = 0;
  // That folder, and those below, are not watched any more.
  virtual void remove(std::string_view path) = 0;
  // Passes on everything that happened until now. False: the kernel had more than it could keep,
  // and some is lost.
  virtual bool read(const std::function<void(Notice)>& use) = 0;
  virtual std::size_t watched() const = 0;
};

// inotify(7). Needs no right. Does not see writes into mapped memory, nor what another host does
// on a network file system.
util::Result<std::unique_ptr<Notifier>> make_inotify();
// fanotify(7) with FAN_REPORT_DFID_NAME: the same for the same folders, and who did it. kDenied
// without CAP_SYS_ADMIN, or where the kernel has none of it (before 5.9).
util::Result<std::unique_ptr<Notifier>> make_fanotify();

// Which paths of one section are to be looked at between its scans. Of one thread.
class Watch {
 public:
  // Paths that wait at most; beyond it everything is looked at.
  static constexpr std::size_t kMostTouched = 10'000;

  // What is configured, or inotify with the reason in text(). `clock` must outlive it.
  Watch(const FilesOptions& options, const util::Clock& clock);

  // Has all folders watched. kUnavailable when Pace ends it. What cannot be watched is left to the
  // scans; text() says so.
  util::Status start(const util::Pace::Rest& rest);
  // -1: nothing is watched.
  int descriptor() const { return notifier_ ? notifier_->descriptor() : -1; }
  // Reads what the kernel has to tell; false when that was nothing.
  bool read();
  bool is_pending() const { return !touched_.empty(); }
  // Some was lost: everything is to be looked at, and start() called.
  bool lost() const { return lost_; }
  TouchedPaths take();
  // What could not be dealt with is pending again.
  void give_back(TouchedPaths paths);
  // "inotify, 1,234 folders", for people.
  std::string text() const;

 private:
  void add(const std::string& path, Notifier::Of of);
  void add_below(const std::string& folder);
  void touch(std::string path, Walk::Depth depth, std::string by);

  const FilesOptions options_;
  const util::Clock& clock_;
  std::unique_ptr<Notifier> notifier_;
  std::string_view kind_;
  std::string trouble_;
  std::set<std::string, PathLess> roots_;
  TouchedPaths touched_;
  bool lost_ = false;
};

}  // namespace warder::files
