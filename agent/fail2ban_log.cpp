#include "agent/fail2ban_log.h"

#include "fail2ban/log_line.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace warder::agent {
namespace {

constexpr std::size_t kLongestLine = 1 << 16;
constexpr std::size_t kMostOffenders = 100'000;
constexpr std::size_t kMostFound = 32;  // of one
// How long after its finding a ban may be written.
constexpr std::int64_t kDelay = 5000;  // ms

// Local time written as if it were UTC, to the time it was. An hour that comes twice (end of summer
// time) is the one the C library takes.
util::WallTime from_local(std::int64_t milliseconds) {
  const std::time_t as_utc = milliseconds / 1000;
  std::tm parts{};
  ::gmtime_r(&as_utc, &parts);
  parts.tm_isdst = -1;
  const std::time_t time = std::mktime(&parts);
  return util::WallTime(std::chrono::seconds(time)) +
         std::chrono::milliseconds(milliseconds % 1000);
}

}  // namespace

Fail2banLog::Fail2banLog(std::string path, util::WallTime since, OnBan on_ban)
    : path_(std::move(path)), since_(since), on_ban_(std::move(on_ban)) {}

util::Status Fail2banLog::open() {
  file_.reset(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file_) {
    return opened_once_ ? util::Status{} : util::errno_error(path_, errno);
  }
  struct stat info{};
  if (::fstat(file_.get(), &info) != 0) {
    return util::errno_error(path_, errno);
  }
  if (!S_ISREG(info.st_mode)) {
    return util::Error(util::ErrorCode::kInvalid, path_ + ": is no file");
  }
  inode_ = info.st_ino;
  device_ = info.st_dev;
  offset_ = 0;
  opened_once_ = true;
  half_.clear();
  return {};
}

util::Status Fail2banLog::read() {
  if (!file_) {
    WARDER_RETURN_IF_ERROR(open());
  }
  if (!file_) {
    return {};
  }
  WARDER_RETURN_IF_ERROR(read_open_file());
  struct stat there{};
  if (::stat(path_.c_str(), &there) == 0 &&
      (there.st_ino != inode_ || there.st_dev != device_ || there.st_size < offset_)) {
    WARDER_RETURN_IF_ERROR(open());
    return file_ ? read_open_file() : util::Status{};
  }
  return {};
}

util::Status Fail2banLog::read_open_file() {
  std::array<char, 65536> buffer{};
  while (true) {
    const ssize_t got = ::pread(file_.get(), buffer.data(), buffer.size(), offset_);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return util::errno_error(path_, errno);
    }
    if (got == 0) {
      return {};
    }
    offset_ += got;
    std::string_view rest(buffer.data(), static_cast<std::size_t>(got));
    for (std::size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
      half_.append(rest.substr(0, end));
      on_line(half_);
      half_.clear();
      rest.remove_prefix(end + 1);
    }
    if (half_.size() < kLongestLine) {
      half_.append(rest);
    }
  }
}

void Fail2banLog::on_line(std::string_view line) {
  auto said = fail2ban::parse_log_line(line);
  if (!said) {
    return;
  }
  Offender offender(said->jail, said->address);
  if (said->saying == fail2ban::Saying::kFound && said->found) {
    remember(std::move(offender), {said->written, *said->found * 1000});
    return;
  }
  if (said->saying != fail2ban::Saying::kBan) {
    return;
  }
  Fail2banBan ban;
  ban.jail = std::move(said->jail);
  ban.address = said->address;
  std::int64_t first = said->written;
  std::int64_t last = said->written;
  if (const auto known = found_.find(offender); known != found_.end()) {
    const std::deque<Found>& found = known->second;
    first = last = found.back().found;
    for (const Found& one : found) {
      if (one.written >= said->written - kDelay) {
        first = std::min(first, one.found);
        last = std::max(last, one.found);
      }
    }
  }
  ban.earliest = from_local(first);
  ban.time = from_local(last);
  if (ban.time >= since_) {
    on_ban_(std::move(ban));
  }
}

void Fail2banLog::remember(Offender offender, Found found) {
  const auto [place, is_new] = found_.try_emplace(offender);
  place->second.push_back(found);
  if (place->second.size() > kMostFound) {
    place->second.pop_front();
  }
  if (!is_new) {
    return;
  }
  order_.push_back(std::move(offender));
  if (order_.size() > kMostOffenders) {
    found_.erase(order_.front());
    order_.pop_front();
  }
}

}  // namespace warder::agent
