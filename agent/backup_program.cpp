#include "agent/backup_program.h"

#include <fmt/core.h>

#include <system_error>
#include <unistd.h>

namespace warder::agent {

util::Result<std::filesystem::path> backup_program() {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::filesystem::path program = self.parent_path() / "warder-backup";
  if (error || ::access(program.c_str(), X_OK) != 0) {
    return util::Error(
        util::ErrorCode::kNotFound,
        fmt::format("{} is missing; it is installed beside warder", program.string()));
  }
  return program;
}

}  // namespace warder::agent
