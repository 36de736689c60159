#include "agent/user_name.h"

#include <fmt/core.h>

#include <cstdlib>
#include <unistd.h>

namespace warder::agent {

std::string user_name() {
  for (const char* variable : {"SUDO_USER", "USER"}) {
    if (const char* name = std::getenv(variable); name != nullptr && *name != '\0') {
      return name;
    }
  }
  return fmt::format("uid {}", ::getuid());
}

}  // namespace warder::agent
