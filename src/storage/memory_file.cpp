#include "storage/memory_file.h"

#include "util/bytes.h"
#include "util/encoding.h"
#include "util/file.h"

#include <fmt/core.h>

#include <cerrno>
#include <sys/mman.h>
#include <sys/stat.h>

namespace warder::storage {

MemoryFile::MemoryFile(util::Descriptor file)
    : file_(std::move(file)), path_(fmt::format("/proc/self/fd/{}", file_.get())) {}

util::Result<MemoryFile> MemoryFile::holding(std::string_view text) {
  util::Descriptor file(::memfd_create("warder", MFD_CLOEXEC));
  if (!file || ::fchmod(file.get(), S_IRUSR | S_IWUSR) != 0) {
    return util::errno_error("making a file in memory", errno);
  }
  WARDER_RETURN_IF_ERROR(
      util::write_all(file.get(), util::as_bytes(text), "writing a file in memory"));
  return MemoryFile(std::move(file));
}

}  // namespace warder::storage
