#pragma once

#include "ship/outbox.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace warder::testing {

// An outbox in memory that outlives the pumps of a test, as the store does. Thread safe.
class MemoryOutbox : public ship::Outbox {
 public:
  struct Letter {
    std::uint64_t id = 0;
    std::string error;
  };

  // The id the item got.
  std::uint64_t add(model::Event event) {
    const std::lock_guard lock(mutex_);
    const std::uint64_t id = ++last_;
    event.id.bytes[15] = static_cast<std::uint8_t>(id);
    event.id.bytes[14] = static_cast<std::uint8_t>(id >> 8U);
    event.id.bytes[13] = static_cast<std::uint8_t>(id >> 16U);
    items_.emplace(id, model::OutboxItem{id, id - 1, 0, std::move(event)});
    return id;
  }

  util::Result<std::vector<model::OutboxItem>> next(std::uint64_t after,
                                                    std::size_t limit) override {
    const std::lock_guard lock(mutex_);
    if (failure_) {
      return *failure_;
    }
    std::vector<model::OutboxItem> found;
    for (auto item = items_.upper_bound(after); item != items_.end() && found.size() < limit;
         ++item) {
      found.push_back(item->second);
    }
    return found;
  }
  util::Status delivered(std::span<const std::uint64_t> ids,
                         std::span<const Receipt> receipts) override {
    const std::lock_guard lock(mutex_);
    if (failure_) {
      return *failure_;
    }
    ++acknowledgements_;
    for (const std::uint64_t id : ids) {
      items_.erase(id);
    }
    for (const Receipt& receipt : receipts) {
      receipts_[receipt.item] = receipt.text;
    }
    return {};
  }
  util::Status retry(std::span<const std::uint64_t> ids, util::WallTime until,
                     std::string_view error) override {
    const std::lock_guard lock(mutex_);
    for (const std::uint64_t id : ids) {
      ++items_.at(id).attempts;
    }
    until_ = until;
    error_ = error;
    return {};
  }
  util::Status give_up(std::span<const std::uint64_t> ids, std::string_view error) override {
    const std::lock_guard lock(mutex_);
    for (const std::uint64_t id : ids) {
      buried_.emplace(id, items_.at(id));
      items_.erase(id);
      dead_.push_back(Letter{id, std::string(error)});
    }
    return {};
  }

  // An operator puts all dead letters back, under their old ids.
  void revive() {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, item] : buried_) {
      items_.emplace(id, item);
    }
    buried_.clear();
  }
  // Reading and acknowledging fail so until it is called without an error.
  void fail(std::optional<util::Error> failure = {}) {
    const std::lock_guard lock(mutex_);
    failure_ = std::move(failure);
  }
  std::size_t waiting() const {
    const std::lock_guard lock(mutex_);
    return items_.size();
  }
  std::uint32_t attempts(std::uint64_t id) const {
    const std::lock_guard lock(mutex_);
    return items_.at(id).attempts;
  }
  std::vector<Letter> dead() const {
    const std::lock_guard lock(mutex_);
    return dead_;
  }
  std::map<std::uint64_t, std::string> receipts() const {
    const std::lock_guard lock(mutex_);
    return receipts_;
  }
  // How often delivered() was told: each is a wait for the disk.
  std::size_t acknowledgements() const {
    const std::lock_guard lock(mutex_);
    return acknowledgements_;
  }
  util::WallTime until() const {
    const std::lock_guard lock(mutex_);
    return until_;
  }
  std::string error() const {
    const std::lock_guard lock(mutex_);
    return error_;
  }

 private:
  mutable std::mutex mutex_;
  std::uint64_t last_ = 0;
  std::map<std::uint64_t, model::OutboxItem> items_;
  std::map<std::uint64_t, model::OutboxItem> buried_;
  std::vector<Letter> dead_;
  std::map<std::uint64_t, std::string> receipts_;
  std::size_t acknowledgements_ = 0;
  std::optional<util::Error> failure_;
  util::WallTime until_{};
  std::string error_;
};

inline model::Event ban(std::string_view address, std::string_view jail, util::WallTime time) {
  model::Event event;
  event.kind = model::EventKind::kBan;
  event.severity = model::Severity::kWarning;
  event.time = time;
  event.jail = jail;
  event.address = net::Prefix(*net::IpAddress::parse(address));
  event.message = "banned " + std::string(address);
  return event;
}

}  // namespace warder::testing
