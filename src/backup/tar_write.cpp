#include "backup/streams.h"
#include "backup/tar.h"
#include "util/strings.h"

#include <archive.h>
#include <fmt/core.h>

#include <algorithm>
#include <archive_entry.h>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

namespace warder::backup {
namespace {

namespace fs = std::filesystem;
using util::Error;
using util::ErrorCode;

constexpr std::size_t kRemarks = 20;
constexpr std::size_t kDeepest = 128;

struct FreeWriter {
  void operator()(archive* writer) const { archive_write_free(writer); }
};
struct FreeEntry {
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};
struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

struct Output {
  util::ByteSink& to;
  util::Status status;
};

la_ssize_t write_out(archive*, void* context, const void* bytes, std::size_t size) {
  auto* const output = static_cast<Output*>(context);
  output->status = output->to.write({static_cast<const std::uint8_t*>(bytes), size});
  return output->status ? static_cast<la_ssize_t>(size) : -1;
}

class Writer {
 public:
  Writer(const std::vector<TarReplacement>& replaced, const std::vector<fs::path>& excluded,
         util::ByteSink& to)
      : replaced_(replaced), excluded_(excluded), output_{to, {}}, archive_(archive_write_new()) {
    archive_write_set_format_pax_restricted(archive_.get());
    archive_write_set_bytes_per_block(archive_.get(), 64 * 1024);
    archive_write_set_bytes_in_last_block(archive_.get(), 1);
  }

  util::Status open() {
    if (archive_write_open(archive_.get(), &output_, nullptr, write_out, nullptr) != ARCHIVE_OK) {
      return failure();
    }
    return {};
  }

  util::Status add_path(const fs::path& path) {
    const util::Descriptor parent(
        ::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!parent) {
      return util::errno_error(path.string(), errno);
    }
    return add(parent.get(), path.filename().string(), path, 0);
  }

  util::Status add_replacement(const TarReplacement& one) {
    const util::Descriptor fd(::open(one.file.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat info{};
    if (!fd || ::fstat(fd.get(), &info) != 0) {
      return util::errno_error(one.file.string(), errno);
    }
    // Owner and mode are those of the file it stands for.
    struct stat original{};
    if (::stat(one.stored_as.c_str(), &original) == 0) {
      info.st_mode = original.st_mode;
      info.st_uid = original.st_uid;
      info.st_gid = original.st_gid;
      info.st_mtim = original.st_mtim;
    }
    return add_file(fd.get(), one.stored_as, info);
  }

  util::Result<TarFacts> close() {
    if (archive_write_close(archive_.get()) != ARCHIVE_OK) {
      return failure();
    }
    return facts_;
  }

 private:
  util::Error failure() {
    if (!output_.status) {
      return output_.status.error();
    }
    const char* text = archive_error_string(archive_.get());
    return Error(ErrorCode::kIo,
                 fmt::format("writing the archive: {}", text == nullptr ? "" : text));
  }

  void remark(std::string text) {
    if (facts_.remarks.size() < kRemarks) {
      facts_.remarks.push_back(std::move(text));
    }
  }

  bool is_left_out(const fs::path& path) const {
    for (const TarReplacement& one : replaced_) {
      const std::string base = one.stored_as.string();
      const std::string& name = path.native();
      if (name == base || name == base + "-wal" || name == base + "-shm" ||
          name == base + "-journal") {
        return true;
      }
    }
    return std::ranges::find(excluded_, path) != excluded_.end();
  }

  util::Status add(int parent, const std::string& name, const fs::path& path, std::size_t depth) {
    if (is_left_out(path)) {
      return {};
    }
    struct stat info{};
    if (::fstatat(parent, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT && depth > 0) {
        remark(fmt::format("{}: went away while the archive was made",
                           util::printable(path.string())));
        return {};
      }
      return util::errno_error(path.string(), errno);
    }
    if (S_ISLNK(info.st_mode)) {
      return add_link(parent, name, path, info);
    }
    if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) {
      remark(fmt::format("{}: neither file, folder nor link; left out",
                         util::printable(path.string())));
      return {};
    }
    util::Descriptor fd(
        ::openat(parent, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!fd || ::fstat(fd.get(), &info) != 0) {
      if (errno == ENOENT && depth > 0) {
        return {};
      }
      return util::errno_error(path.string(), errno);
    }
    if (S_ISREG(info.st_mode)) {
      return add_file(fd.get(), path, info);
    }
    return add_folder(std::move(fd), path, info, depth);
  }

  util::Status begin(const fs::path& path, const struct stat& info, const char* link) {
    const std::unique_ptr<archive_entry, FreeEntry> entry(archive_entry_new());
    archive_entry_copy_stat(entry.get(), &info);
    archive_entry_set_pathname(entry.get(), path.relative_path().c_str());
    if (link != nullptr) {
      archive_entry_set_symlink(entry.get(), link);
    }
    if (!S_ISREG(info.st_mode)) {
      archive_entry_set_size(entry.get(), 0);
    }
    ++facts_.entries;
    return archive_write_header(archive_.get(), entry.get()) == ARCHIVE_OK
               ? util::Status()
               : util::Status(failure());
  }

  util::Status add_link(int parent, const std::string& name, const fs::path& path,
                        const struct stat& info) {
    char target[4096];
    const ssize_t size = ::readlinkat(parent, name.c_str(), target, sizeof target - 1);
    if (size < 0) {
      return util::errno_error(path.string(), errno);
    }
    target[size] = '\0';
    return begin(path, info, target);
  }

  // Exactly as many bytes as the header says, whatever happens to the file meanwhile.
  util::Status add_file(int fd, const fs::path& path, const struct stat& info) {
    WARDER_RETURN_IF_ERROR(begin(path, info, nullptr));
    util::Bytes buffer(128UL * 1024);
    auto left = static_cast<std::uint64_t>(info.st_size);
    facts_.bytes += left;
    while (left > 0) {
      const ssize_t got = ::read(fd, buffer.data(), std::min<std::uint64_t>(buffer.size(), left));
      if (got < 0 && errno == EINTR) {
        continue;
      }
      if (got < 0) {
        return util::errno_error(path.string(), errno);
      }
      if (got == 0) {
        remark(fmt::format("{}: became shorter while it was read", util::printable(path.string())));
        break;  // the archive is filled up with zeros
      }
      if (archive_write_data(archive_.get(), buffer.data(), static_cast<std::size_t>(got)) != got) {
        return failure();
      }
      left -= static_cast<std::uint64_t>(got);
    }
    return archive_write_finish_entry(archive_.get()) == ARCHIVE_OK ? util::Status()
                                                                    : util::Status(failure());
  }

  util::Status add_folder(util::Descriptor fd, const fs::path& path, const struct stat& info,
                          std::size_t depth) {
    if (depth > kDeepest) {
      return Error(ErrorCode::kInvalid,
                   fmt::format("{}: more than {} folders deep", path.string(), kDeepest));
    }
    WARDER_RETURN_IF_ERROR(begin(path, info, nullptr));
    const int raw = fd.get();
    const std::unique_ptr<DIR, CloseFolder> folder(::fdopendir(fd.release()));
    if (!folder) {
      return util::errno_error(path.string(), errno);
    }
    std::vector<std::string> names;
    while (const dirent* const entry = ::readdir(folder.get())) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") {
        names.push_back(name);
      }
    }
    std::ranges::sort(names);
    for (const std::string& name : names) {
      WARDER_RETURN_IF_ERROR(add(raw, name, path / name, depth + 1));
    }
    return {};
  }

  const std::vector<TarReplacement>& replaced_;
  const std::vector<fs::path>& excluded_;
  Output output_;
  std::unique_ptr<archive, FreeWriter> archive_;
  TarFacts facts_;
};

}  // namespace

util::Result<TarFacts> write_tar(const std::vector<fs::path>& paths,
                                 const std::vector<TarReplacement>& replaced,
                                 const std::vector<fs::path>& excluded, util::ByteSink& to) {
  Writer writer(replaced, excluded, to);
  WARDER_RETURN_IF_ERROR(writer.open());
  for (const TarReplacement& one : replaced) {
    WARDER_RETURN_IF_ERROR(writer.add_replacement(one));
  }
  for (const fs::path& path : paths) {
    WARDER_RETURN_IF_ERROR(writer.add_path(path));
  }
  return writer.close();
}

}  // namespace warder::backup
