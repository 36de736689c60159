#include "firewall/recording_firewall.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <sys/eventfd.h>
#include <unistd.h>

namespace warder::firewall {

RecordingFirewall::RecordingFirewall(const util::Clock& clock)
    : clock_(clock), event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void RecordingFirewall::drop_ended() {
  std::erase_if(elements_, [now = clock_.now()](const auto& entry) {
    return entry.second.end && *entry.second.end <= now;
  });
}

util::Status RecordingFirewall::ensure(std::span<const Scope> scopes) {
  if (failure_) {
    return *failure_;
  }
  scopes_.assign(scopes.begin(), scopes.end());
  std::erase_if(elements_, [&](const auto& entry) {
    return std::none_of(scopes_.begin(), scopes_.end(),
                        [&](const Scope& scope) { return scope.name() == entry.first.first; });
  });
  ensured_ = true;
  return {};
}

void RecordingFirewall::apply_one(const Change& change, std::uint32_t index, ApplyReport& report) {
  if (change.scope >= scopes_.size()) {
    report.refusals.push_back({index, Reason::kUnknownScope, std::nullopt, 0});
    return;
  }
  const Key key(scopes_[change.scope].name(), change.prefix);
  const std::string name = fmt::format("{} {}", key.first, key.second.to_string());
  const bool past = change.end && *change.end <= clock_.now();
  if (change.kind == Change::Kind::kRemove || (change.kind == Change::Kind::kSet && past)) {
    if (elements_.erase(key) > 0) {
      ++report.removed;
      journal_.push_back("remove " + name);
    } else {
      ++report.unchanged;
    }
    return;
  }
  if (const auto refused = refused_.find(change.prefix); refused != refused_.end()) {
    report.refusals.push_back({index, refused->second, change.prefix, EINVAL});
    return;
  }
  const auto held = elements_.find(key);
  if (past || (held != elements_.end() &&
               (held->second.end == change.end ||
                (change.kind == Change::Kind::kAdd &&
                 (!held->second.end || (change.end && *change.end < *held->second.end)))))) {
    ++report.unchanged;
    report.outlasting +=
        !past && change.kind == Change::Kind::kAdd && held->second.end != change.end ? 1 : 0;
    return;
  }
  const std::string until =
      change.end ? "until " + util::format_rfc3339(*change.end) : std::string("for ever");
  if (held == elements_.end()) {
    ++report.added;
    elements_[key].end = change.end;
    journal_.push_back(fmt::format("add {} {}", name, until));
  } else {
    ++report.extended;
    held->second.end = change.end;
    journal_.push_back(fmt::format("extend {} {}", name, until));
  }
}

util::Result<ApplyReport> RecordingFirewall::apply(std::span<const Change> changes) {
  if (failure_) {
    return *failure_;
  }
  if (!ensured_) {
    return util::Error(util::ErrorCode::kConflict,
                       "the firewall's rules are not there; they are being rebuilt");
  }
  drop_ended();
  ApplyReport report;
  for (std::uint32_t i = 0; i < changes.size(); ++i) {
    apply_one(changes[i], i, report);
  }
  return report;
}

util::Status RecordingFirewall::list(const Visit& visit) {
  if (failure_) {
    return *failure_;
  }
  drop_ended();
  for (const auto& [key, held] : elements_) {
    const auto scope = std::find_if(scopes_.begin(), scopes_.end(), [&](const Scope& candidate) {
      return candidate.name() == key.first;
    });
    const auto index = static_cast<ScopeIndex>(scope - scopes_.begin());
    if (!visit({index, key.second, held.end, held.traffic})) {
      break;
    }
  }
  return {};
}

util::Result<Traffic> RecordingFirewall::traffic(const net::Prefix& prefix) {
  if (failure_) {
    return *failure_;
  }
  drop_ended();
  Traffic sum;
  bool found = false;
  for (const auto& [key, held] : elements_) {
    if (key.second == prefix) {
      found = true;
      sum.packets += held.traffic.packets;
      sum.bytes += held.traffic.bytes;
    }
  }
  if (!found) {
    return util::Error(util::ErrorCode::kNotFound, prefix.to_string() + " is not banned");
  }
  return sum;
}

util::Status RecordingFirewall::remove_all() {
  if (failure_) {
    return *failure_;
  }
  elements_.clear();
  ensured_ = false;
  journal_.push_back("remove all");
  return {};
}

util::Result<bool> RecordingFirewall::take_outside_change() {
  if (failure_) {
    return *failure_;
  }
  std::uint64_t count = 0;
  return ::read(event_.get(), &count, sizeof count) == sizeof count;
}

void RecordingFirewall::flush_from_outside() {
  elements_.clear();
  ensured_ = false;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(event_.get(), &one, sizeof one);
}

void RecordingFirewall::fail_with(std::optional<util::Error> error) { failure_ = std::move(error); }

void RecordingFirewall::refuse(const net::Prefix& prefix, Reason reason) {
  refused_[prefix] = reason;
}

bool RecordingFirewall::drops(const Scope& scope, const net::IpAddress& source,
                              std::uint64_t bytes) {
  drop_ended();
  for (auto& [key, held] : elements_) {
    if ((key.first == "all" || key.first == scope.name()) && key.second.contains(source)) {
      ++held.traffic.packets;
      held.traffic.bytes += bytes;
      return true;
    }
  }
  return false;
}

}  // namespace warder::firewall
