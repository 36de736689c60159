#include "firewall/login_sessions.h"

#include "util/bytes.h"
#include "util/file.h"
#include "util/strings.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <sys/stat.h>
#include <utmp.h>

namespace warder::firewall {
namespace {

// More than any host has; a bound for what is read.
constexpr std::size_t kMostSessions = 4096;
constexpr util::ByteCount kLongestSession = util::kibibytes(16);
constexpr util::ByteCount kLongestUtmp = util::mebibytes(4);

}  // namespace

std::optional<net::IpAddress> peer_of_session(std::string_view content) {
  std::optional<net::IpAddress> peer;
  for (const std::string_view line : util::split(content, '\n')) {
    if (line.starts_with("REMOTE_HOST=")) {
      peer = net::IpAddress::parse(line.substr(12));
    }
    if (line == "REMOTE=0" || line == "STATE=closing") {
      return std::nullopt;
    }
  }
  return peer;
}

std::vector<net::IpAddress> peers_of_utmp(util::ByteView content) {
  std::vector<net::IpAddress> peers;
  while (content.size() >= sizeof(utmp)) {
    utmp entry{};
    std::memcpy(&entry, content.data(), sizeof entry);
    content = content.subspan(sizeof entry);
    if (entry.ut_type != USER_PROCESS) {
      continue;
    }
    // An IPv4 address is in the first word, the others are zero.
    std::array<std::uint8_t, 16> bytes{};
    static_assert(sizeof entry.ut_addr_v6 == sizeof bytes);
    std::memcpy(bytes.data(), entry.ut_addr_v6, sizeof bytes);
    const bool v4 =
        std::all_of(bytes.begin() + 4, bytes.end(), [](std::uint8_t b) { return b == 0; });
    const auto address =
        net::IpAddress::from_bytes(util::as_text(util::ByteView(bytes).first(v4 ? 4 : 16)));
    if (address && !address->is_unspecified()) {
      peers.push_back(*address);
    }
  }
  return peers;
}

LoginSessions::LoginSessions(std::filesystem::path sessions_folder, std::filesystem::path utmp)
    : sessions_folder_(std::move(sessions_folder)), utmp_(std::move(utmp)) {}

std::optional<LoginSessions::Stamp> LoginSessions::stamp_of(const std::filesystem::path& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    return std::nullopt;
  }
  return Stamp{status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
}

void LoginSessions::read_sessions() {
  std::error_code error;
  std::filesystem::directory_iterator folder(sessions_folder_, error);
  std::size_t seen = 0;
  for (; !error && folder != std::filesystem::directory_iterator() && seen < kMostSessions;
       folder.increment(error), ++seen) {
    const auto content = util::read_file(folder->path(), kLongestSession);
    if (content) {
      if (const auto peer = peer_of_session(*content)) {
        peers_.push_back(*peer);
      }
    }
  }
}

void LoginSessions::read_utmp() {
  if (const auto content = util::read_file(utmp_, kLongestUtmp)) {
    const auto found = peers_of_utmp(util::as_bytes(*content));
    peers_.insert(peers_.end(), found.begin(), found.end());
  }
}

void LoginSessions::refresh() {
  // Logind replaces a session's file by renaming, which changes the folder's stamp.
  const auto sessions = stamp_of(sessions_folder_);
  const auto utmp = stamp_of(utmp_);
  is_known_ = sessions.has_value() || utmp.has_value();
  if (was_read_ && sessions == sessions_stamp_ && utmp == utmp_stamp_) {
    return;
  }
  was_read_ = true;
  sessions_stamp_ = sessions;
  utmp_stamp_ = utmp;
  peers_.clear();
  read_sessions();
  read_utmp();
}

}  // namespace warder::firewall
