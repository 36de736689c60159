#pragma once

#include "source/file_source.h"
#include "support/manual_clock.h"
#include "support/temporary_folder.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace warder::testing {

// Keeps everything a source says.
class Recorder : public source::LineHandler {
 public:
  struct Read {
    std::string text;
    std::uint32_t log;
    model::GenerationId generation;
    std::uint64_t offset;
    std::uint64_t length;
    std::size_t message_at = 0;
  };
  std::vector<Read> lines;
  std::vector<source::Notice> notices;

  void on_line(const model::Line& line) override {
    lines.push_back({std::string(line.text), line.log, line.generation, line.offset, line.length,
                     line.message_at});
  }
  void on_notice(const source::Notice& notice) override { notices.push_back(notice); }

  // The texts since the last call.
  std::vector<std::string> take() {
    std::vector<std::string> texts;
    for (const Read& line : lines) {
      texts.push_back(line.text);
    }
    lines.clear();
    return texts;
  }
  std::vector<source::NoticeKind> take_kinds() {
    std::vector<source::NoticeKind> kinds;
    for (const source::Notice& notice : notices) {
      kinds.push_back(notice.kind);
    }
    notices.clear();
    return kinds;
  }
};

using Texts = std::vector<std::string>;
using Kinds = std::vector<source::NoticeKind>;

// A FileSource that can be killed and started again from the positions it gave.
class Following {
 public:
  Following(std::vector<std::string> patterns, source::FileOptions options = head())
      : patterns_(std::move(patterns)), options_(std::move(options)) {
    start();
  }

  static source::FileOptions head() {
    source::FileOptions options;
    options.start_at = source::StartAt::kHead;
    return options;
  }

  void start() {
    std::vector<source::Glob> globs;
    for (const std::string& pattern : patterns_) {
      globs.push_back({static_cast<std::uint32_t>(globs.size()), pattern});
    }
    auto made = source::FileSource::create(
        options_, globs,
        [this](std::string_view log) -> std::optional<std::string> {
          const auto found = positions.find(std::string(log));
          return found == positions.end() ? std::nullopt : std::optional(found->second);
        },
        clock);
    if (!made) {
      throw std::runtime_error(made.error().message());
    }
    source = std::move(made).value();
  }
  // As kill -9 does: what was not stored is forgotten.
  void stop() { source.reset(); }
  void restart() {
    stop();
    start();
  }

  // Reads until nothing waits.
  Recorder& pump(util::ByteCount budget = util::mebibytes(1)) {
    while (source->pump(recorder, budget).more) {
    }
    return recorder;
  }
  Texts lines() { return pump().take(); }
  void store() {
    std::vector<model::Position> changed;
    source->take_positions(changed);
    for (const model::Position& position : changed) {
      positions[position.log] = position.record;
    }
  }
  // Time passes, and the source does what it wanted to do by then.
  void pass(std::chrono::seconds time) {
    for (std::chrono::seconds i{0}; i < time; ++i) {
      clock.advance(std::chrono::seconds(1));
      pump();
    }
  }

  ManualClock clock;
  Recorder recorder;
  std::map<std::string, std::string> positions;
  std::unique_ptr<source::FileSource> source;

 private:
  std::vector<std::string> patterns_;
  source::FileOptions options_;
};

}  // namespace warder::testing
