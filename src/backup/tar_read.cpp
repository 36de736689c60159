#include "backup/tar.h"
#include "util/descriptor.h"
#include "util/file.h"
#include "util/strings.h"

#include <archive.h>
#include <fmt/core.h>

#include <archive_entry.h>
#include <cerrno>
#include <fcntl.h>
#include <memory>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

namespace warder::backup {
namespace {

namespace fs = std::filesystem;
using util::Error;
using util::ErrorCode;

constexpr std::uint64_t kMostEntries = 1'000'000;
constexpr std::size_t kDeepest = 130;
constexpr mode_t kModeBits = 0777;

struct FreeReader {
  void operator()(archive* reader) const { archive_read_free(reader); }
};

struct Input {
  util::ByteSource& from;
  util::Bytes buffer = util::Bytes(128UL * 1024);
  util::Status status;
};

la_ssize_t read_in(archive* reader, void* context, const void** bytes) {
  auto* const input = static_cast<Input*>(context);
  const auto got = input->from.read(input->buffer);
  if (!got) {
    input->status = got.error();
    archive_set_error(reader, EIO, "reading");
    return -1;
  }
  *bytes = input->buffer.data();
  return static_cast<la_ssize_t>(*got);
}

struct Attributes {
  mode_t mode = 0;
  uid_t user = 0;
  gid_t group = 0;
  timespec time{};
};

class Unpacker {
 public:
  Unpacker(util::ByteSource& from, util::Descriptor root, const UntarOptions& options)
      : input_{from, util::Bytes(128UL * 1024), {}},
        root_(std::move(root)),
        options_(options),
        left_(options.limit.value),
        archive_(archive_read_new()) {
    archive_read_support_format_tar(archive_.get());
  }

  util::Result<TarFacts> run() {
    if (archive_read_open(archive_.get(), &input_, nullptr, read_in, nullptr) != ARCHIVE_OK) {
      return failure();
    }
    while (true) {
      archive_entry* entry = nullptr;
      const int result = archive_read_next_header(archive_.get(), &entry);
      if (result == ARCHIVE_EOF) {
        break;
      }
      if (result != ARCHIVE_OK) {
        return failure();
      }
      if (++facts_.entries > kMostEntries) {
        return Error(ErrorCode::kInvalid, "the archive has more than a million entries");
      }
      WARDER_RETURN_IF_ERROR(take(entry));
    }
    // What stands behind the archive's end must still be read: only its end proves the whole.
    while (true) {
      WARDER_ASSIGN_OR_RETURN(const std::size_t got, input_.from.read(input_.buffer));
      if (got == 0) {
        break;
      }
    }
    for (const auto& [path, target] : links_) {
      WARDER_RETURN_IF_ERROR(make_link(path, target));
    }
    // Folders last: a folder without write permission could not be filled, and filling changes its
    // time.
    for (auto folder = folders_.rbegin(); folder != folders_.rend(); ++folder) {
      WARDER_ASSIGN_OR_RETURN(const util::Descriptor fd, open_folder(folder->first, false));
      WARDER_RETURN_IF_ERROR(apply(fd.get(), folder->second, folder->first));
    }
    return facts_;
  }

 private:
  util::Error failure() {
    if (!input_.status) {
      return input_.status.error();
    }
    const char* text = archive_error_string(archive_.get());
    return Error(ErrorCode::kInvalid,
                 fmt::format("the archive is damaged: {}", text == nullptr ? "" : text));
  }

  static util::Error refuse(std::string_view name, std::string_view why) {
    return Error(ErrorCode::kInvalid,
                 fmt::format("the archive holds \"{}\": {}", util::printable(name), why));
  }

  static util::Result<fs::path> safe_path(const char* name) {
    const std::string_view text = name == nullptr ? "" : name;
    if (text.empty() || text.front() == '/') {
      return refuse(text, "an absolute or empty name");
    }
    fs::path path;
    std::size_t depth = 0;
    for (const std::string_view part : util::split(text, '/')) {
      if (part == "..") {
        return refuse(text, "a name that leads out of the folder");
      }
      if (part.empty() || part == ".") {
        continue;
      }
      if (++depth > kDeepest) {
        return refuse(text, "too deep");
      }
      path /= part;
    }
    return path;
  }

  util::Status take(archive_entry* entry) {
    WARDER_ASSIGN_OR_RETURN(const fs::path path, safe_path(archive_entry_pathname(entry)));
    if (path.empty()) {
      return {};
    }
    if (archive_entry_hardlink(entry) != nullptr) {
      return refuse(path.string(), "a hard link");
    }
    if (!seen_.insert(path.string()).second) {
      return refuse(path.string(), "the same name twice");
    }
    const Attributes attributes{archive_entry_mode(entry) & kModeBits,
                                static_cast<uid_t>(archive_entry_uid(entry)),
                                static_cast<gid_t>(archive_entry_gid(entry)),
                                {archive_entry_mtime(entry), archive_entry_mtime_nsec(entry)}};
    switch (archive_entry_filetype(entry)) {
      case AE_IFDIR: {
        WARDER_ASSIGN_OR_RETURN(const util::Descriptor made, open_folder(path, true));
        folders_.emplace_back(path, attributes);
        return {};
      }
      case AE_IFREG:
        return take_file(path, attributes);
      case AE_IFLNK: {
        const char* target = archive_entry_symlink(entry);
        links_.emplace_back(path, target == nullptr ? "" : target);
        return {};
      }
      default:
        return refuse(path.string(), "neither file, folder nor symbolic link");
    }
  }

  // Each step is opened for itself and no link is followed.
  util::Result<util::Descriptor> open_folder(const fs::path& path, bool make) {
    util::Descriptor at(::fcntl(root_.get(), F_DUPFD_CLOEXEC, 0));
    for (const fs::path& part : path) {
      if (make && ::mkdirat(at.get(), part.c_str(), 0700) != 0 && errno != EEXIST) {
        return util::errno_error(path.string(), errno);
      }
      util::Descriptor next(
          ::openat(at.get(), part.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (!next) {
        return util::errno_error(path.string(), errno);
      }
      at = std::move(next);
    }
    return at;
  }

  util::Status take_file(const fs::path& path, const Attributes& attributes) {
    WARDER_ASSIGN_OR_RETURN(const util::Descriptor folder, open_folder(path.parent_path(), true));
    const util::Descriptor fd(::openat(folder.get(), path.filename().c_str(),
                                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd) {
      return util::errno_error(path.string(), errno);
    }
    util::Bytes buffer(128UL * 1024);
    while (true) {
      const la_ssize_t got = archive_read_data(archive_.get(), buffer.data(), buffer.size());
      if (got < 0) {
        return failure();
      }
      if (got == 0) {
        break;
      }
      const auto count = static_cast<std::size_t>(got);
      if (count > left_) {
        return Error(ErrorCode::kInvalid, "the archive holds more than its limit of bytes");
      }
      left_ -= count;
      facts_.bytes += count;
      WARDER_RETURN_IF_ERROR(
          util::write_all(fd.get(), util::ByteView(buffer).first(count), path.native()));
    }
    WARDER_RETURN_IF_ERROR(apply(fd.get(), attributes, path));
    if (::fsync(fd.get()) != 0) {
      return util::errno_error(path.string(), errno);
    }
    return {};
  }

  util::Status apply(int fd, const Attributes& attributes, const fs::path& path) const {
    if (options_.keep_owners && ::fchown(fd, attributes.user, attributes.group) != 0) {
      return util::errno_error(fmt::format("{}: chown", path.string()), errno);
    }
    if (::fchmod(fd, attributes.mode) != 0) {
      return util::errno_error(fmt::format("{}: chmod", path.string()), errno);
    }
    const timespec times[2] = {attributes.time, attributes.time};
    ::futimens(fd, times);
    return {};
  }

  util::Status make_link(const fs::path& path, const std::string& target) {
    WARDER_ASSIGN_OR_RETURN(const util::Descriptor folder, open_folder(path.parent_path(), true));
    if (::symlinkat(target.c_str(), folder.get(), path.filename().c_str()) != 0) {
      return util::errno_error(path.string(), errno);
    }
    return {};
  }

  Input input_;
  util::Descriptor root_;
  const UntarOptions& options_;
  std::uint64_t left_;
  std::unique_ptr<archive, FreeReader> archive_;
  std::set<std::string> seen_;
  std::vector<std::pair<fs::path, std::string>> links_;
  std::vector<std::pair<fs::path, Attributes>> folders_;
  TarFacts facts_;
};

}  // namespace

util::Result<TarFacts> read_tar(util::ByteSource& from, const fs::path& folder,
                                const UntarOptions& options) {
  util::Descriptor root(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root) {
    return util::errno_error(folder.string(), errno);
  }
  return Unpacker(from, std::move(root), options).run();
}

}  // namespace warder::backup
