#pragma once

#include "util/result.h"

#include <filesystem>

namespace warder::agent {

// The program that makes backups, installed beside this one. kNotFound says how to get it back.
util::Result<std::filesystem::path> backup_program();

}  // namespace warder::agent
