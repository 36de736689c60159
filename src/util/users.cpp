#include "util/users.h"

#include "util/strings.h"

#include <array>
#include <grp.h>
#include <pwd.h>

namespace warder::util {
namespace {

constexpr std::size_t kRoom = 16384;
constexpr std::size_t kLongestName = 64;

}  // namespace

std::optional<std::string> find_user_name(uid_t user) {
  std::array<char, kRoom> buffer;
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(user, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) {
    return std::nullopt;
  }
  return printable(found->pw_name, kLongestName);
}

std::string user_name(uid_t user) { return find_user_name(user).value_or(std::to_string(user)); }

std::string group_name(gid_t group) {
  std::array<char, kRoom> buffer;
  ::group entry{};
  ::group* found = nullptr;
  if (::getgrgid_r(group, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) {
    return std::to_string(group);
  }
  return printable(found->gr_name, kLongestName);
}

std::optional<gid_t> find_group(const std::string& name) {
  std::array<char, kRoom> buffer;
  ::group entry{};
  ::group* found = nullptr;
  if (::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 ||
      found == nullptr) {
    return std::nullopt;
  }
  return found->gr_gid;
}

}  // namespace warder::util
