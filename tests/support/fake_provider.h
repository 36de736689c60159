#pragma once

#include "vault/provider.h"

#include <map>
#include <mutex>
#include <string>

namespace warder::testing {

// A vault in memory whose answers a test decides. Thread safe.
class FakeProvider : public vault::Provider {
 public:
  std::string_view kind() const override { return "fake"; }

  util::Result<vault::Document> get(std::string_view name,
                                    std::optional<std::uint64_t> /*version*/ = {}) override {
    const std::lock_guard lock(mutex_);
    ++calls_;
    if (failure_) {
      return *failure_;
    }
    const auto found = documents_.find(name);
    if (found == documents_.end()) {
      return util::Error(util::ErrorCode::kNotFound, "no document");
    }
    return vault::Document{crypto::SecretString(found->second.second), found->second.first,
                           util::WallTime(std::chrono::seconds(found->second.first))};
  }
  util::Result<std::uint64_t> put(std::string_view name, const crypto::SecretString& content,
                                  const vault::PutOptions& /*options*/) override {
    const std::lock_guard lock(mutex_);
    auto& slot = documents_[std::string(name)];
    slot.second = content.view();
    return ++slot.first;
  }
  util::Result<std::vector<vault::DocumentInfo>> list() override {
    return std::vector<vault::DocumentInfo>{};
  }
  util::Result<std::vector<vault::VersionInfo>> history(std::string_view /*name*/) override {
    return std::vector<vault::VersionInfo>{};
  }
  util::Status remove(std::string_view name) override {
    const std::lock_guard lock(mutex_);
    documents_.erase(std::string(name));
    return {};
  }
  util::Result<vault::Health> health() override {
    const std::lock_guard lock(mutex_);
    return vault::Health{!failure_.has_value(), ""};
  }

  // Every later get() fails so, until it is called without one.
  void fail(std::optional<util::Error> failure = {}) {
    const std::lock_guard lock(mutex_);
    failure_ = std::move(failure);
  }
  unsigned calls() const {
    const std::lock_guard lock(mutex_);
    return calls_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::pair<std::uint64_t, std::string>, std::less<>> documents_;
  std::optional<util::Error> failure_;
  unsigned calls_ = 0;
};

}  // namespace warder::testing
