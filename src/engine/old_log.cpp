#include "engine/old_log.h"

#include "source/byte_reader.h"
#include "source/gzip_reader.h"
#include "source/line_cursor.h"
#include "source/rolled_name.h"
#include "source/stdin_source.h"
#include "util/descriptor.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace warder::engine {
namespace {

constexpr std::uint64_t kProgressStep = 8U << 20U;
constexpr util::ByteCount kPump = util::mebibytes(1);

// Hands lines over as a followed log's would be.
class Lines : public source::LineSink {
 public:
  Lines(const std::string& path, const OldLogOptions& options, const util::Clock& clock,
        source::LineHandler& handler)
      : path_(path), options_(options), clock_(clock), handler_(handler) {}

  void on_text(std::string_view text, std::uint64_t offset, std::uint64_t length) override {
    model::Line line;
    line.text = text;
    line.log = options_.log;
    line.offset = offset;
    line.length = length;
    line.received = clock_.now();
    handler_.on_line(line);
  }
  void on_oversized(std::uint64_t offset, std::uint64_t length, const crypto::Sha256Digest&,
                    std::string_view) override {
    source::Notice notice;
    notice.kind = source::NoticeKind::kOversized;
    notice.log = path_;
    notice.offset = offset;
    notice.length = length;
    notice.text = fmt::format("{}: a line of {} bytes at byte {} is too long and was not judged",
                              path_, length, offset);
    handler_.on_notice(notice);
  }
  void on_hole(std::uint64_t, std::uint64_t) override {}

 private:
  const std::string& path_;
  const OldLogOptions& options_;
  const util::Clock& clock_;
  source::LineHandler& handler_;
};

util::Status read_stream(util::Descriptor fd, const OldLogOptions& options,
                         const util::Clock& clock, source::LineHandler& handler) {
  // Numbers the lines as those of this log.
  class Numbered : public source::LineHandler {
   public:
    Numbered(source::LineHandler& inner, std::uint32_t log) : inner_(inner), log_(log) {}
    void on_line(const model::Line& line) override {
      model::Line numbered = line;
      numbered.log = log_;
      inner_.on_line(numbered);
    }
    void on_notice(const source::Notice& notice) override { inner_.on_notice(notice); }

   private:
    source::LineHandler& inner_;
    std::uint32_t log_;
  } numbered(handler, options.log);
  source::StdinOptions stream;
  stream.longest_line = options.longest_line;
  source::StdinSource source(stream, std::move(fd), clock);
  std::uint64_t done = 0;
  std::uint64_t told = 0;
  while (true) {
    const source::Pumped pumped = source.pump(numbered, kPump);
    done += pumped.read.value;
    if (options.progress && done - told >= kProgressStep) {
      told = done;
      options.progress(done, 0);
    }
    if (pumped.finished) {
      return {};
    }
    if (!pumped.more) {
      pollfd waiting{source.poll_fd(), POLLIN, 0};
      ::poll(&waiting, 1, -1);
    }
  }
}

bool is_gzip(source::ByteReader& reader) {
  std::array<char, 2> magic{};
  const source::ReadResult got = source::read_fully(reader, 0, magic);
  return got.count == 2 && magic[0] == '\x1f' && magic[1] == '\x8b';
}

util::Error failure(const std::string& path, int error, std::uint64_t offset) {
  if (error != EBADMSG) {
    return util::errno_error(path, error);
  }
  return util::Error(
      util::ErrorCode::kIo,
      fmt::format("{}: the archive is damaged or cut after {} bytes of text; `gzip -t` says more",
                  path, offset));
}

util::Status read_file(const std::string& path, util::Descriptor fd, std::uint64_t size,
                       const OldLogOptions& options, const util::Clock& clock,
                       source::LineHandler& handler) {
  const auto longest = static_cast<std::size_t>(options.longest_line.value);
  std::string buffer(source::LineCursor::buffer_size(longest), '\0');
  const int number = fd.get();
  std::unique_ptr<source::ByteReader> reader =
      std::make_unique<source::FileReader>(std::move(fd), source::ReadAt());
  const bool compressed = is_gzip(*reader);
  std::uint64_t compressed_done = 0;
  if (compressed) {
    // Counts the compressed bytes, which are what the file's size is about.
    class Counting : public source::ByteReader {
     public:
      Counting(std::unique_ptr<source::ByteReader> inner, std::uint64_t& done)
          : inner_(std::move(inner)), done_(done) {}
      source::ReadResult read_at(std::uint64_t offset, std::span<char> into) override {
        const source::ReadResult got = inner_->read_at(offset, into);
        done_ = std::max<std::uint64_t>(done_, offset + got.count);
        return got;
      }

     private:
      std::unique_ptr<source::ByteReader> inner_;
      std::uint64_t& done_;
    };
    reader = std::make_unique<source::GzipReader>(
        std::make_unique<Counting>(std::move(reader), compressed_done), buffer.size());
  } else {
    ::posix_fadvise(number, 0, 0, POSIX_FADV_SEQUENTIAL);
  }
  Lines lines(path, options, clock, handler);
  source::LineCursor cursor(compressed ? 0 : options.begin, "");
  std::uint64_t told = 0;
  while (true) {
    const source::LineCursor::Step step = cursor.step(*reader, buffer, longest, lines);
    const std::uint64_t done = compressed ? compressed_done : cursor.offset();
    if (options.progress && done - told >= kProgressStep) {
      told = done;
      options.progress(done, size);
    }
    if (step.outcome == source::LineCursor::Outcome::kMore) {
      continue;
    }
    if (step.outcome == source::LineCursor::Outcome::kFailed) {
      return failure(path, step.error, cursor.offset());
    }
    if (step.outcome == source::LineCursor::Outcome::kChanged) {
      return util::Error(util::ErrorCode::kIo,
                         fmt::format("{} was written anew while it was read; try again", path));
    }
    break;
  }
  // A last line without its end: nothing will follow it, but for an error.
  const source::ReadResult rest = source::read_fully(*reader, cursor.offset(), buffer);
  if (rest.count > 0 && rest.count <= longest) {
    lines.on_text(std::string_view(buffer.data(), rest.count), cursor.offset(), rest.count);
  }
  char beyond = 0;
  const source::ReadResult end =
      reader->read_at(cursor.offset() + rest.count, std::span(&beyond, 1));
  if (end.error != 0) {
    return failure(path, end.error, cursor.offset());
  }
  return {};
}

}  // namespace

util::Status read_old_log(const std::string& path, const OldLogOptions& options,
                          const util::Clock& clock, source::LineHandler& handler) {
  util::Descriptor fd(path == "-" ? ::dup(STDIN_FILENO)
                                  : ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) {
    return util::errno_error(path, errno);
  }
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) {
    return util::errno_error(path, errno);
  }
  if (S_ISDIR(info.st_mode)) {
    return util::Error(util::ErrorCode::kInvalid,
                       fmt::format("{} is a folder; name a log in it", path));
  }
  if (S_ISREG(info.st_mode) && path != "-") {
    return read_file(path, std::move(fd), static_cast<std::uint64_t>(info.st_size), options, clock,
                     handler);
  }
  return read_stream(std::move(fd), options, clock, handler);
}

std::vector<std::string> with_rotated(const std::string& path, std::vector<std::string>* left_out) {
  const std::filesystem::path log(path);
  struct Old {
    source::RolledName rolled;
    std::filesystem::path path;
    std::filesystem::file_time_type changed;
  };
  std::vector<Old> olds;
  std::error_code failed;
  const std::filesystem::path folder =
      log.parent_path().empty() ? std::filesystem::path(".") : log.parent_path();
  for (const auto& entry : std::filesystem::directory_iterator(folder, failed)) {
    auto rolled = source::parse_rolled(log.filename().string(), entry.path().filename().string());
    if (!rolled || !entry.is_regular_file(failed)) {
      continue;
    }
    std::filesystem::path found = log.parent_path() / entry.path().filename();
    if (rolled->compression == source::Compression::kOther) {
      left_out->push_back(found.string());
      continue;
    }
    olds.push_back({std::move(*rolled), std::move(found), entry.last_write_time(failed)});
  }
  std::sort(olds.begin(), olds.end(), [](const Old& a, const Old& b) {
    const source::Age age = source::compare_age(a.rolled, b.rolled);
    if (age == source::Age::kOlder || age == source::Age::kNewer) {
      return age == source::Age::kOlder;
    }
    return a.changed != b.changed ? a.changed < b.changed : a.path < b.path;
  });
  std::sort(left_out->begin(), left_out->end());
  std::vector<std::string> paths;
  for (const Old& old : olds) {
    // While logrotate compresses there are both for a moment.
    if (!paths.empty() && paths.back() + ".gz" == old.path.string()) {
      continue;
    }
    paths.push_back(old.path.string());
  }
  paths.push_back(path);
  return paths;
}

}  // namespace warder::engine
