#pragma once

#include <optional>
#include <string>
#include <sys/types.h>

namespace warder::util {

// Names of the password and group databases (getpwuid_r(3), getgrgid_r(3)), printable, at most 64
// bytes. Any thread; may ask a name service, which takes its time.
std::optional<std::string> find_user_name(uid_t user);
// "root", or the number where there is no name.
std::string user_name(uid_t user);
std::string group_name(gid_t group);
// Empty where there is none of that name.
std::optional<gid_t> find_group(const std::string& name);

}  // namespace warder::util
