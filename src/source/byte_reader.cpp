#include "source/byte_reader.h"

#include <cerrno>
#include <limits>
#include <unistd.h>

namespace warder::source {

ReadResult read_fully(ByteReader& reader, std::uint64_t offset, std::span<char> buffer) {
  std::size_t filled = 0;
  while (filled < buffer.size()) {
    const ReadResult got = reader.read_at(offset + filled, buffer.subspan(filled));
    if (got.error != 0 && filled == 0) {
      return got;
    }
    if (got.count == 0) {
      break;
    }
    filled += got.count;
  }
  return {filled, 0};
}

ReadResult FileReader::read_at(std::uint64_t offset, std::span<char> buffer) {
  if (offset > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max())) {
    return {0, EINVAL};
  }
  while (true) {
    const auto place = static_cast<off_t>(offset);
    const ssize_t got = read_at_ ? read_at_(fd_.get(), buffer.data(), buffer.size(), place)
                                 : ::pread(fd_.get(), buffer.data(), buffer.size(), place);
    if (got >= 0) {
      return {static_cast<std::size_t>(got), 0};
    }
    if (errno != EINTR) {
      return {0, errno};
    }
  }
}

std::uint64_t FileReader::data_from(std::uint64_t offset) {
  // ENXIO: nothing but a hole from here to the end, which is left alone until data follows. Other
  // errors: the file system cannot tell.
  const off_t data = ::lseek(fd_.get(), static_cast<off_t>(offset), SEEK_DATA);
  return data < 0 ? offset : static_cast<std::uint64_t>(data);
}

}  // namespace warder::source
