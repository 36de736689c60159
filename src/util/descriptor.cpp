#include "util/descriptor.h"

#include <unistd.h>

namespace warder::util {

void Descriptor::reset(int fd) {
  if (fd_ >= 0) {
    // Linux closes the descriptor even when close() reports EINTR: never try twice.
    ::close(fd_);
  }
  fd_ = fd;
}

}  // namespace warder::util
