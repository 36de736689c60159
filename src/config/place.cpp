#include "config/place.h"

#include "util/strings.h"

#include <fmt/core.h>

namespace warder::config {

std::string Place::to_string() const {
  const std::string name = util::printable(source);
  return line == 0 ? name : fmt::format("{}:{}", name, line);
}

}  // namespace warder::config
