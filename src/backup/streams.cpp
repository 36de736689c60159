#include "backup/streams.h"

#include "util/file.h"
#include "util/thread_name.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace warder::backup {
namespace {

using util::Error;
using util::ErrorCode;

// Written pages are handed to the disk as they come, so that the last flush is short and the page
// cache of a small host is left to others. The disk works on one part while the next is made.
constexpr std::uint64_t kPart = 8UL * 1024 * 1024;

util::Status go_on(const Progress& progress, std::uint64_t bytes) {
  if (progress && !progress(bytes)) {
    return Error(ErrorCode::kUnavailable, "stopped");
  }
  return {};
}

}  // namespace

util::Status DigestSink::write(util::ByteView bytes) {
  hash_.update(bytes);
  digest_.bytes += bytes.size();
  WARDER_RETURN_IF_ERROR(go_on(progress_, digest_.bytes));
  return next_ == nullptr ? util::Status() : next_->write(bytes);
}

util::Status DigestSink::finish() {
  digest_.sha256 = hash_.finish();
  return next_ == nullptr ? util::Status() : next_->finish();
}

util::Result<std::size_t> DigestSource::read(std::span<std::uint8_t> out) {
  WARDER_ASSIGN_OR_RETURN(const std::size_t got, from_.read(out));
  if (got == 0) {
    digest_.sha256 = hash_.finish();
    return got;
  }
  hash_.update(out.first(got));
  digest_.bytes += got;
  WARDER_RETURN_IF_ERROR(go_on(progress_, digest_.bytes));
  return got;
}

util::Result<FileSink> FileSink::create(std::filesystem::path path, Durability durability) {
  util::Descriptor fd(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) {
    return util::errno_error(path.string(), errno);
  }
  return FileSink(std::move(path), std::move(fd), durability);
}

FileSink::~FileSink() {
  if (fd_) {
    ::unlink(path_.c_str());
  }
}

util::Status FileSink::write(util::ByteView bytes) {
  WARDER_RETURN_IF_ERROR(util::write_all(fd_.get(), bytes, path_.native()));
  written_ += bytes.size();
  return durability_ != Durability::kNone && written_ - begun_ >= kPart ? push_out()
                                                                        : util::Status();
}

util::Status FileSink::push_out() {
  constexpr unsigned kAndWait =
      SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
  const auto sync = [this](std::uint64_t from, std::uint64_t to, unsigned how) {
    return ::sync_file_range(fd_.get(), static_cast<off64_t>(from), static_cast<off64_t>(to - from),
                             how) == 0;
  };
  if (!sync(begun_, written_, SYNC_FILE_RANGE_WRITE) ||
      (begun_ > there_ && !sync(there_, begun_, kAndWait))) {
    return util::errno_error(path_.string(), errno);
  }
  // A length of 0 would be the whole file.
  if (durability_ == Durability::kFlushed && begun_ > there_) {
    ::posix_fadvise(fd_.get(), static_cast<off_t>(there_), static_cast<off_t>(begun_ - there_),
                    POSIX_FADV_DONTNEED);
  }
  there_ = begun_;
  begun_ = written_;
  return {};
}

util::Status FileSink::finish() {
  // That a part was written says nothing of where it lies: only this does.
  if (durability_ != Durability::kNone && ::fsync(fd_.get()) != 0) {
    return util::errno_error(path_.string(), errno);
  }
  // close() tells of a failed write on some file systems.
  if (::close(fd_.release()) != 0) {
    const int error = errno;
    ::unlink(path_.c_str());
    return util::errno_error(path_.string(), error);
  }
  return {};
}

util::Result<FileSource> FileSource::open(std::filesystem::path path) {
  util::Descriptor fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd) {
    return util::errno_error(path.string(), errno);
  }
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) {
    return util::errno_error(path.string(), errno);
  }
  if (!S_ISREG(info.st_mode)) {
    return Error(ErrorCode::kInvalid, fmt::format("{}: is not a regular file", path.string()));
  }
  ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  return FileSource(std::move(path), std::move(fd), static_cast<std::uint64_t>(info.st_size));
}

util::Result<std::size_t> FileSource::read(std::span<std::uint8_t> out) {
  while (true) {
    const ssize_t got = ::read(fd_.get(), out.data(), out.size());
    if (got >= 0) {
      return static_cast<std::size_t>(got);
    }
    if (errno != EINTR) {
      return util::errno_error(path_.string(), errno);
    }
  }
}

util::Result<std::size_t> LimitSource::read(std::span<std::uint8_t> out) {
  WARDER_ASSIGN_OR_RETURN(const std::size_t got, from_.read(out));
  if (got > left_) {
    return Error(ErrorCode::kInvalid,
                 "it unpacks to more than its limit: a damaged file or a compression bomb");
  }
  left_ -= got;
  return got;
}

AheadSource::AheadSource(util::ByteSource& from)
    : pipe_(std::size_t{1} << 20U), thread_([this, &from] {
        util::name_thread("ahead");
        pipe_.close_writer(run(from));
      }) {}

AheadSource::~AheadSource() {
  pipe_.close_reader();
  thread_.join();
}

util::Status AheadSource::run(util::ByteSource& from) {
  util::Bytes buffer(128UL * 1024);
  while (true) {
    WARDER_ASSIGN_OR_RETURN(const std::size_t got, from.read(buffer));
    if (got == 0 || !pipe_.write(util::ByteView(buffer).first(got))) {
      return {};
    }
  }
}

util::Result<Digest> digest_of_file(const std::filesystem::path& path, Progress progress) {
  WARDER_ASSIGN_OR_RETURN(FileSource source, FileSource::open(path));
  DigestSink sink(nullptr, std::move(progress));
  WARDER_RETURN_IF_ERROR(util::copy_all(source, sink));
  WARDER_RETURN_IF_ERROR(sink.finish());
  return sink.digest();
}

util::Status flush_folder(const std::filesystem::path& folder) {
  const util::Descriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) {
    return util::errno_error(fmt::format("flushing {}", folder.string()), errno);
  }
  return {};
}

}  // namespace warder::backup
