#include "ship/json_lines.h"

#include "ship/fail2ban_line.h"
#include "ship/forms.h"
#include "util/descriptor.h"
#include "util/result.h"

#include <fmt/core.h>

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace warder::ship {
namespace {

using util::Error;
using util::ErrorCode;

constexpr std::size_t kBatch = 500;
constexpr mode_t kMode = 0640;

class JsonLines : public Destination {
 public:
  explicit JsonLines(JsonLinesOptions options) : options_(std::move(options)) {}

  std::string_view name() const override { return options_.name; }
  std::size_t batch_limit() const override { return kBatch; }

  std::vector<Outcome> deliver(std::span<const Message> messages) override {
    std::string text;
    for (const Message& message : messages) {
      if (options_.lines == JsonLinesOptions::Lines::kFail2ban) {
        text += fail2ban_line(message, ::getpid());
        continue;
      }
      text += json_line(Sender{options_.host, options_.name}, message);
      text += '\n';
    }
    const util::Status written = write(text);
    if (written) {
      return std::vector<Outcome>(messages.size());
    }
    return std::vector<Outcome>(messages.size(),
                                Outcome{Outcome::Kind::kRetry, {}, written.error().message()});
  }

  // Writing to a file does not wait for anybody.
  void cancel() override {}

 private:
  util::Status write(std::string_view text) {
    WARDER_RETURN_IF_ERROR(open_current());
    const off_t before = ::lseek(fd_.get(), 0, SEEK_END);
    if (before < 0) {
      return failure("finding the end", errno);
    }
    while (!text.empty()) {
      const ssize_t written = ::write(fd_.get(), text.data(), text.size());
      if (written < 0 && errno == EINTR) {
        continue;
      }
      if (written <= 0) {
        return take_back(before, failure("writing", written == 0 ? EIO : errno));
      }
      text.remove_prefix(static_cast<std::size_t>(written));
    }
    if (options_.sync == JsonLinesOptions::Sync::kBatch && ::fdatasync(fd_.get()) != 0) {
      // After a failed sync the kernel may have dropped what it could not write and calls the rest
      // clean: write it all again, through a new descriptor.
      return take_back(before, failure("flushing to disk", errno));
    }
    return {};
  }

  // All lines of a failed batch are sent again, so none of them stays.
  util::Status take_back(off_t before, Error error) {
    if (::ftruncate(fd_.get(), before) != 0) {
      error = Error(error.code(),
                    fmt::format("{}; and the half-written end could not be cut off ({}): that is "
                                "done when the file is opened again",
                                error.message(), failure("cutting", errno).message()));
    }
    fd_.reset();
    return error;
  }

  // The open file, if it is still the one at the path; otherwise (rotated, removed, first use)
  // opens what is there now.
  util::Status open_current() {
    struct stat named{};
    const bool present = ::lstat(options_.path.c_str(), &named) == 0;
    if (fd_ && present && named.st_dev == device_ && named.st_ino == inode_) {
      return {};
    }
    fd_.reset(::open(options_.path.c_str(),
                     O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, kMode));
    if (!fd_) {
      if (errno == ELOOP) {
        return Error(ErrorCode::kDenied,
                     fmt::format("{}: is a symbolic link, which is not followed; name the file "
                                 "itself",
                                 options_.path.string()));
      }
      return failure("opening", errno);
    }
    if (const util::Status ready = prepare(); !ready) {
      fd_.reset();
      return ready;
    }
    return {};
  }

  util::Status prepare() {
    struct stat info{};
    if (::fstat(fd_.get(), &info) != 0) {
      return failure("looking at it", errno);
    }
    if (!S_ISREG(info.st_mode)) {
      return Error(ErrorCode::kInvalid,
                   fmt::format("{}: is not a regular file", options_.path.string()));
    }
    if (::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0) {
      return Error(ErrorCode::kConflict,
                   fmt::format("{}: another process writes to it; give each its own file",
                               options_.path.string()));
    }
    device_ = info.st_dev;
    inode_ = info.st_ino;
    return cut_half_line(info.st_size);
  }

  // Back to the last line end; the event of a half line was never counted as delivered.
  util::Status cut_half_line(off_t size) {
    std::array<char, 4096> buffer;
    off_t keep = size;
    while (keep > 0) {
      const off_t from = std::max<off_t>(0, keep - static_cast<off_t>(buffer.size()));
      const ssize_t got =
          ::pread(fd_.get(), buffer.data(), static_cast<std::size_t>(keep - from), from);
      if (got != keep - from) {
        return failure("reading its end", got < 0 ? errno : EIO);
      }
      const std::size_t end =
          std::string_view(buffer.data(), static_cast<std::size_t>(got)).rfind('\n');
      if (end != std::string_view::npos) {
        keep = from + static_cast<off_t>(end) + 1;
        break;
      }
      keep = from;
    }
    if (keep != size && ::ftruncate(fd_.get(), keep) != 0) {
      return failure("cutting off a half line", errno);
    }
    return {};
  }

  Error failure(std::string_view doing, int errno_value) const {
    return util::errno_error(fmt::format("{}: {}", options_.path.string(), doing), errno_value);
  }

  const JsonLinesOptions options_;
  util::Descriptor fd_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace

std::unique_ptr<Destination> make_json_lines(JsonLinesOptions options) {
  return std::make_unique<JsonLines>(std::move(options));
}

}  // namespace warder::ship
