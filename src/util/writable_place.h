#pragma once

#include "util/result.h"

#include <filesystem>
#include <optional>
#include <sys/types.h>

namespace warder::util {

// Whether a program could make or change a file at `path`, as far as that can be known without
// trying: good, or what stands against it.
//   kInvalid   a folder or something else that is no regular file lies there, or a file lies where
//              a folder has to be
//   kNotFound  a folder on the way does not exist
//   kDenied    `user` may not enter a folder, make the file or change the one there. Judged
//              by owner and mode where `user` is not who asks: group rights count as given (a
//              service has groups that no table knows), and so does everything that has an access
//              list. Not judged without a user.
// A disk that is full or mounted read-only is nobody's mistake in a path, and not told. Any thread.
Status can_keep_file(const std::filesystem::path& path, std::optional<uid_t> user);

}  // namespace warder::util
