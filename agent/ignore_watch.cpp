#include "agent/ignore_watch.h"

#include "engine/host_names.h"
#include "util/thread_name.h"

#include <fmt/core.h>

#include <chrono>
#include <sys/stat.h>
#include <utility>

namespace warder::agent {
namespace {

constexpr std::chrono::seconds kFiles{30};
constexpr int kNamesEvery = 10;  // looks at files: five minutes

}  // namespace

IgnoreWatch::IgnoreWatch(std::function<void()> changed)
    : changed_(std::move(changed)), thread_([this] { run(); }) {}

IgnoreWatch::~IgnoreWatch() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void IgnoreWatch::watch(const engine::JailSet& set) {
  {
    const std::lock_guard lock(mutex_);
    if (names_ == set.ignored_names && files_ == set.ignored_files) {
      return;
    }
    names_ = set.ignored_names;
    files_ = set.ignored_files;
    ++generation_;
  }
  wake_.notify_all();
}

void IgnoreWatch::run() {
  util::name_thread("ignore");
  std::unique_lock lock(mutex_);
  while (!ending_) {
    if (names_.empty() && files_.empty()) {
      wake_.wait(lock);
      continue;
    }
    const std::uint64_t generation = generation_;
    const std::set<std::string> names = names_;
    const std::set<std::string> files = files_;
    lock.unlock();
    State file_state = files_now(files);
    State name_state = names_now(names, {});
    lock.lock();
    for (int round = 1; !ending_ && generation == generation_; ++round) {
      wake_.wait_for(lock, kFiles, [&] { return ending_ || generation != generation_; });
      if (ending_ || generation != generation_) {
        break;
      }
      lock.unlock();
      State file_new = files_now(files);
      State name_new = round % kNamesEvery == 0 ? names_now(names, name_state) : name_state;
      if (file_new != file_state || name_new != name_state) {
        file_state = std::move(file_new);
        name_state = std::move(name_new);
        changed_();
      }
      lock.lock();
    }
  }
}

IgnoreWatch::State IgnoreWatch::files_now(const std::set<std::string>& files) {
  State state;
  for (const std::string& file : files) {
    struct stat info{};
    state[file] = ::stat(file.c_str(), &info) != 0
                      ? "none"
                      : fmt::format("{} {} {} {}.{}", info.st_dev, info.st_ino, info.st_size,
                                    info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
  }
  return state;
}

IgnoreWatch::State IgnoreWatch::names_now(const std::set<std::string>& names, const State& before) {
  State state;
  for (const std::string& name : names) {
    const auto addresses = engine::look_up_host(name);
    std::string& text = state[name];
    if (!addresses) {
      const auto known = before.find(name);
      text = known == before.end() ? "" : known->second;
      continue;
    }
    for (const net::IpAddress& address : *addresses) {
      text += address.to_string() + ' ';
    }
  }
  return state;
}

}  // namespace warder::agent
