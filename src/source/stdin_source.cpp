#include "source/stdin_source.h"

#include "crypto/sha256.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <poll.h>
#include <unistd.h>
#include <utility>

namespace warder::source {
namespace {

constexpr std::size_t kRead = 64UL * 1024;

}  // namespace

struct StdinSource::State {
  explicit State(std::size_t longest) : longest_line(longest), buffer(kRead, '\0') {}

  void take(std::string_view bytes, LineHandler& handler, Pumped& pumped);
  void end_line(LineHandler& handler, Pumped& pumped, util::WallTime now);
  void finish(LineHandler& handler, Pumped& pumped, int error);

  std::size_t longest_line;
  const util::Clock* clock = nullptr;
  std::string buffer;
  std::string line;          // the bytes of a line so far, line end included; at most the limit
  crypto::Sha256 hash;       // of a line beyond the limit
  std::uint64_t offset = 0;  // of the line
  std::uint64_t length = 0;  // of the line so far
  bool oversized = false;
  bool finished = false;
  model::GenerationId generation;
  SourceStatus status;
};

StdinSource::StdinSource(StdinOptions options, util::Descriptor fd, const util::Clock& clock)
    : fd_(std::move(fd)),
      clock_(clock),
      info_{"stdin", std::move(options.inputs)},
      state_(std::make_unique<State>(static_cast<std::size_t>(options.longest_line.value))) {
  state_->clock = &clock_;
  state_->status.logs = 1;
  // What is read here is never read again: any id serves that differs from run to run.
  const std::string seed = fmt::format("warder stdin generation 1\n{} {}", ::getpid(),
                                       clock_.now().time_since_epoch().count());
  const crypto::Sha256Digest digest = crypto::sha256(util::as_bytes(seed));
  std::copy_n(digest.begin(), state_->generation.bytes.size(), state_->generation.bytes.begin());
}

StdinSource::~StdinSource() = default;

void StdinSource::use(StdinOptions options) {
  info_.inputs = std::move(options.inputs);
  state_->longest_line = static_cast<std::size_t>(options.longest_line.value);
}

int StdinSource::poll_fd() const { return fd_.get(); }

void StdinSource::State::take(std::string_view bytes, LineHandler& handler, Pumped& pumped) {
  const util::WallTime now = clock->now();
  while (!bytes.empty()) {
    const std::size_t line_end = bytes.find('\n');
    const std::string_view piece =
        bytes.substr(0, line_end == std::string_view::npos ? bytes.size() : line_end + 1);
    bytes.remove_prefix(piece.size());
    length += piece.size();
    // The limit is for the text; its line end may come on top.
    if (!oversized && length > longest_line + 2) {
      oversized = true;
      hash.update(util::as_bytes(line));
      line.clear();
    }
    if (oversized) {
      hash.update(util::as_bytes(piece));
    } else {
      line += piece;
    }
    if (line_end != std::string_view::npos) {
      end_line(handler, pumped, now);
    }
  }
}

void StdinSource::State::end_line(LineHandler& handler, Pumped& pumped, util::WallTime now) {
  std::string_view text = line;
  if (text.ends_with('\n')) {
    text.remove_suffix(1);
    if (text.ends_with('\r')) {
      text.remove_suffix(1);
    }
  }
  if (oversized || text.size() > longest_line) {
    if (!oversized) {
      hash.update(util::as_bytes(line));
    }
    ++status.oversized;
    Notice notice;
    notice.kind = NoticeKind::kOversized;
    notice.severity = model::Severity::kWarning;
    notice.log = "stdin";
    notice.offset = offset;
    notice.length = length;
    notice.sha256 = util::to_hex(hash.finish());
    notice.text = fmt::format(
        "stdin: a line of {} bytes at offset {} is longer than the limit of {} and was not judged "
        "(SHA-256 {}); the next line is",
        length, offset, util::format_bytes({longest_line}), notice.sha256);
    handler.on_notice(notice);
  } else {
    model::Line whole;
    whole.text = text;
    whole.generation = generation;
    whole.offset = offset;
    whole.length = length;
    whole.received = now;
    ++pumped.lines;
    ++status.lines;
    handler.on_line(whole);
  }
  offset += length;
  length = 0;
  oversized = false;
  line.clear();
}

void StdinSource::State::finish(LineHandler& handler, Pumped& pumped, int error) {
  finished = true;
  if (error != 0) {
    Notice notice;
    notice.kind = NoticeKind::kUnreadable;
    notice.severity = model::Severity::kHigh;
    notice.log = "stdin";
    notice.error = error;
    notice.text =
        fmt::format("stdin: reading failed ({}); no more lines will come", std::strerror(error));
    handler.on_notice(notice);
  }
  if (length != 0) {
    end_line(handler, pumped, clock->now());
  }
}

Pumped StdinSource::pump(LineHandler& handler, util::ByteCount budget) {
  State& state = *state_;
  Pumped pumped;
  while (!state.finished && pumped.read.value < budget.value) {
    // Asked for each read instead of made non-blocking: that would change the terminal or pipe for
    // everybody who shares it.
    pollfd waiting{fd_.get(), POLLIN, 0};
    if (::poll(&waiting, 1, 0) == 0) {
      return pumped;
    }
    const ssize_t got = ::read(fd_.get(), state.buffer.data(), state.buffer.size());
    if (got > 0) {
      const auto count = static_cast<std::size_t>(got);
      pumped.read.value += count;
      state.status.bytes += count;
      state.take({state.buffer.data(), count}, handler, pumped);
    } else if (got == 0) {
      state.finish(handler, pumped, 0);
    } else if (errno == EAGAIN) {
      return pumped;  // somebody else took it
    } else if (errno != EINTR) {
      state.finish(handler, pumped, errno);
    }
  }
  pumped.finished = state.finished;
  pumped.more = !state.finished;
  return pumped;
}

SourceStatus StdinSource::status() const { return state_->status; }

}  // namespace warder::source
