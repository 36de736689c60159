#pragma once

#include "util/result.h"

#include <filesystem>

namespace warder::util {

// Makes way for a Unix socket that is to be bound at `path`: takes away a socket that is there, and
// nothing else. The caller has found out that nobody answers on it. kConflict when something that
// is no socket lies there (a file, a link, which is not followed): it stays as it is.
Status clear_socket_path(const std::filesystem::path& path);

}  // namespace warder::util
