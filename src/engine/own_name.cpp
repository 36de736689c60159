#include "engine/own_name.h"

#include <array>
#include <unistd.h>

namespace warder::engine {

std::string own_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name.front() == '\0') {
    return "localhost";
  }
  return name.data();
}

}  // namespace warder::engine
