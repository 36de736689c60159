#include "source/file_source.h"

#include "source/file_watch.h"

#include <utility>

namespace warder::source {

class FileSource::Implementation : public FileWatch {
 public:
  using FileWatch::FileWatch;
};

FileSource::FileSource(std::unique_ptr<Implementation> implementation)
    : implementation_(std::move(implementation)) {}

FileSource::~FileSource() = default;

util::Result<std::unique_ptr<FileSource>> FileSource::create(FileOptions options,
                                                             std::vector<Glob> globs,
                                                             PositionLookup positions,
                                                             const util::Clock& clock) {
  std::vector<FileWatch::Pattern> patterns;
  for (const Glob& glob : globs) {
    WARDER_ASSIGN_OR_RETURN(GlobPattern pattern, GlobPattern::parse(glob.pattern));
    patterns.push_back({glob.id, std::move(pattern), glob.start_at.value_or(options.start_at)});
  }
  return std::unique_ptr<FileSource>(new FileSource(std::make_unique<Implementation>(
      std::move(options), std::move(patterns), std::move(positions), clock)));
}

int FileSource::poll_fd() const { return implementation_->poll_fd(); }

std::optional<util::MonotonicTime> FileSource::wake_at() const {
  return implementation_->wake_at();
}

Pumped FileSource::pump(LineHandler& handler, util::ByteCount budget) {
  return implementation_->pump(handler, budget);
}

void FileSource::take_positions(std::vector<model::Position>& positions) {
  implementation_->take_positions(positions);
}

const LogInfo& FileSource::log_info(std::uint32_t log) const {
  return implementation_->log_info(log);
}

SourceStatus FileSource::status() const { return implementation_->status(); }

}  // namespace warder::source
