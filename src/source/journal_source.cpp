#include "source/journal_source.h"

#include "crypto/sha256.h"
#include "source/journal_entry.h"
#include "source/journal_match.h"
#include "source/journal_position.h"
#include "source/notice_gate.h"
#include "util/strings.h"

#include <fmt/core.h>
#include <systemd/sd-journal.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace warder::source {
namespace {

using model::Severity;

// Where the kernel cannot tell of a journal's growth (network file systems), and after an error.
constexpr std::chrono::seconds kLookAgain{2};
// Beyond the longest line: field name, host, identifier.
constexpr std::size_t kBesidesMessage = 4096;

struct CloseJournal {
  void operator()(sd_journal* journal) const { ::sd_journal_close(journal); }
};
using Journal = std::unique_ptr<sd_journal, CloseJournal>;

util::Error journal_error(std::string_view what, int result) {
  return util::errno_error(what, -result);
}

util::Result<Journal> open_journal(const std::filesystem::path& path) {
  sd_journal* opened = nullptr;
  int result = 0;
  std::error_code ignored;
  if (path.empty()) {
    result = ::sd_journal_open(&opened, SD_JOURNAL_LOCAL_ONLY);
  } else if (std::filesystem::is_directory(path, ignored)) {
    result = ::sd_journal_open_directory(&opened, path.c_str(), 0);
  } else {
    const char* files[] = {path.c_str(), nullptr};
    result = ::sd_journal_open_files(&opened, files, 0);
  }
  if (result < 0) {
    return journal_error(
        path.empty() ? "opening the journal" : fmt::format("opening the journal {}", path.string()),
        result);
  }
  return Journal(opened);
}

// libsystemd opens nothing, and says nothing, when no file may be read.
util::Status check_readable(sd_journal* journal) {
  if (::sd_journal_has_runtime_files(journal) > 0 ||
      ::sd_journal_has_persistent_files(journal) > 0) {
    return {};
  }
  for (const char* folder : {"/var/log/journal", "/run/log/journal"}) {
    struct stat info{};
    if (::stat(folder, &info) == 0 && ::eaccess(folder, R_OK | X_OK) != 0) {
      return util::Error(util::ErrorCode::kDenied,
                         fmt::format("the journal in {} cannot be read; add the agent's user to "
                                     "the group systemd-journal",
                                     folder));
    }
  }
  return {};
}

util::Status add_matches(sd_journal* journal, const JournalMatch& match) {
  for (const std::vector<std::string>& terms : match) {
    for (const std::string& term : terms) {
      if (const int result = ::sd_journal_add_match(journal, term.data(), term.size());
          result < 0) {
        return journal_error(fmt::format("journalmatch '{}'", util::printable(term, 128)), result);
      }
    }
    if (const int result = ::sd_journal_add_disjunction(journal); result < 0) {
      return journal_error("journalmatch", result);
    }
  }
  return {};
}

struct BootStart {
  std::string boot;
  std::uint64_t realtime = 0;  // of its first entry, microseconds since 1970
};

std::string boot_of_entry(sd_journal* journal, std::uint64_t& monotonic) {
  sd_id128_t boot{};
  char name[SD_ID128_STRING_MAX] = "";
  if (::sd_journal_get_monotonic_usec(journal, &monotonic, &boot) < 0) {
    return {};
  }
  return ::sd_id128_to_string(boot, name);
}

// When the boot began that wrote the newest entry of all, whoever's it is.
std::optional<BootStart> newest_boot(const std::filesystem::path& path) {
  const util::Result<Journal> opened = open_journal(path);
  if (!opened) {
    return std::nullopt;
  }
  sd_journal* const journal = opened->get();
  if (::sd_journal_seek_tail(journal) < 0 || ::sd_journal_previous(journal) <= 0) {
    return std::nullopt;
  }
  BootStart start;
  std::uint64_t monotonic = 0;
  start.boot = boot_of_entry(journal, monotonic);
  const std::string term = "_BOOT_ID=" + start.boot;
  if (::sd_journal_add_match(journal, term.data(), term.size()) < 0 ||
      ::sd_journal_seek_head(journal) < 0 || ::sd_journal_next(journal) <= 0 ||
      ::sd_journal_get_realtime_usec(journal, &start.realtime) < 0) {
    return std::nullopt;
  }
  return start;
}

}  // namespace

struct JournalSource::State {
  State(JournalOptions given, const util::Clock& used_clock)
      : options(std::move(given)), clock(used_clock) {}

  void seek(const PositionLookup& positions);
  void seek_new();
  void seek_behind_lost();
  // Whether the entry stepped on is one that was judged before a restart.
  bool judged_before() const;
  void read_entry(LineHandler& handler, Pumped& pumped);
  void say(LineHandler& handler, NoticeKind kind, Severity severity, std::string text, int error);

  JournalOptions options;
  const util::Clock& clock;
  Journal journal;
  int fd = -1;
  LogInfo info;
  model::GenerationId generation;
  JournalPosition position;
  bool dirty = false;
  // Of the last entry judged, when the journal has lost it: until when its boot's were judged.
  std::optional<JournalMoment> judged;
  bool entry_lost = false;       // told at the first pump
  std::string position_refused;  // why the stored position is not used
  std::optional<util::MonotonicTime> retry_at;
  NoticeGate gate;
  bool failing = false;
  SourceStatus status;
};

util::Result<std::unique_ptr<JournalSource>> JournalSource::open(JournalOptions options,
                                                                 const PositionLookup& positions,
                                                                 const util::Clock& clock) {
  WARDER_ASSIGN_OR_RETURN(const JournalMatch match, parse_journal_match(options.match));
  auto state = std::make_unique<State>(std::move(options), clock);
  WARDER_ASSIGN_OR_RETURN(state->journal, open_journal(state->options.path));
  sd_journal* const journal = state->journal.get();
  if (state->options.path.empty()) {
    WARDER_RETURN_IF_ERROR(check_readable(journal));
  }
  WARDER_RETURN_IF_ERROR(add_matches(journal, match));
  const std::size_t threshold =
      static_cast<std::size_t>(state->options.longest_line.value) + kBesidesMessage;
  if (const int result = ::sd_journal_set_data_threshold(journal, threshold); result < 0) {
    return journal_error("limiting the length of journal fields", result);
  }
  state->fd = std::max(::sd_journal_get_fd(journal), -1);

  std::string name = state->options.path.empty()
                         ? "journal"
                         : fmt::format("journal {}", state->options.path.string());
  for (std::size_t i = 0; i < match.size(); ++i) {
    name += i == 0 ? ":" : " +";
    for (const std::string& term : match[i]) {
      name += fmt::format(" {}", term);
    }
  }
  const crypto::Sha256Digest digest =
      crypto::sha256(util::as_bytes(fmt::format("warder journal generation 1\n{}", name)));
  std::copy_n(digest.begin(), state->generation.bytes.size(), state->generation.bytes.begin());
  state->info = {std::move(name), state->options.inputs};
  state->status.logs = 1;
  state->seek(positions);
  return std::unique_ptr<JournalSource>(new JournalSource(std::move(state)));
}

JournalSource::JournalSource(std::unique_ptr<State> state) : state_(std::move(state)) {}
JournalSource::~JournalSource() = default;

void JournalSource::State::seek(const PositionLookup& positions) {
  const std::optional<std::string> record =
      positions ? positions(info.name) : std::optional<std::string>();
  if (!record) {
    seek_new();
    return;
  }
  const util::Result<JournalPosition> decoded = decode_journal_position(*record);
  if (!decoded) {
    position_refused = decoded.error().message();
    seek_new();
    return;
  }
  position = *decoded;
  sd_journal* const j = journal.get();
  if (const int result = ::sd_journal_seek_cursor(j, position.cursor.c_str()); result < 0) {
    position_refused = std::strerror(-result);
    seek_new();
    return;
  }
  if (::sd_journal_next(j) <= 0 || ::sd_journal_test_cursor(j, position.cursor.c_str()) <= 0) {
    entry_lost = true;
    seek_behind_lost();
  }
}

// The entry judged last is not there: rotated away, or never on the disk when the machine lost its
// power. After that journald gives the numbers of lost entries again, so that a search by the
// cursor's number would pass over everything until the numbers have caught up; and a machine
// without a clock of its own starts in the past. So: by time, but no later than the first entry of
// the boot that wrote the newest one, if that is another than the lost one's.
void JournalSource::State::seek_behind_lost() {
  judged = moment_of(position.cursor);
  std::uint64_t from = position.realtime + 1;
  if (const std::optional<BootStart> newest = newest_boot(options.path);
      newest && judged && newest->boot != judged->boot) {
    from = std::min(from, newest->realtime);
  }
  ::sd_journal_seek_realtime_usec(journal.get(), from);
}

void JournalSource::State::seek_new() {
  sd_journal* const j = journal.get();
  if (options.look_back > std::chrono::seconds(0)) {
    const auto from = (clock.now() - options.look_back).time_since_epoch();
    ::sd_journal_seek_realtime_usec(j, static_cast<std::uint64_t>(std::max<std::int64_t>(
                                           0, std::chrono::microseconds(from).count())));
    return;
  }
  // From the tail itself no step leads on: stand on the last entry, or, if there is none, before
  // the first one to come.
  if (::sd_journal_seek_tail(j) < 0 || ::sd_journal_previous(j) <= 0) {
    ::sd_journal_seek_head(j);
  }
}

bool JournalSource::State::judged_before() const {
  std::uint64_t monotonic = 0;
  return judged && boot_of_entry(journal.get(), monotonic) == judged->boot &&
         monotonic <= judged->monotonic;
}

void JournalSource::State::read_entry(LineHandler& handler, Pumped& pumped) {
  sd_journal* const j = journal.get();
  JournalEntry entry;
  const void* data = nullptr;
  std::size_t length = 0;
  ::sd_journal_restart_data(j);
  while (::sd_journal_enumerate_available_data(j, &data, &length) > 0) {
    entry.take({static_cast<const char*>(data), length});
  }
  std::uint64_t realtime = 0;
  std::uint64_t monotonic = 0;
  sd_id128_t boot{};
  ::sd_journal_get_realtime_usec(j, &realtime);
  ::sd_journal_get_monotonic_usec(j, &monotonic, &boot);
  const JournalLine read = entry.line(monotonic);
  const std::string& text = read.text;
  pumped.read.value += text.size();
  status.bytes += text.size();
  const std::uint64_t sequence = position.sequence++;
  position.realtime = realtime;
  dirty = true;
  if (text.size() > options.longest_line.value) {
    ++status.oversized;
    char* cursor = nullptr;
    ::sd_journal_get_cursor(j, &cursor);
    const std::unique_ptr<char, void (*)(void*)> owned(cursor, std::free);
    Notice notice;
    notice.kind = NoticeKind::kOversized;
    notice.severity = Severity::kWarning;
    notice.log = info.name;
    notice.offset = sequence;
    notice.text = fmt::format(
        "{}: an entry is longer than the limit of {} and was not judged; the next one is. It is "
        "shown by: journalctl --cursor='{}' -n 1",
        util::printable(info.name), util::format_bytes(options.longest_line),
        cursor == nullptr ? "" : cursor);
    handler.on_notice(notice);
    return;
  }
  model::Line line;
  line.text = text;
  line.message_at = read.message_at;
  line.generation = generation;
  line.offset = sequence;
  line.length = 1;
  line.received = clock.now();
  line.stamp = util::WallTime(std::chrono::microseconds(
      static_cast<std::int64_t>(entry.source_realtime.value_or(realtime))));
  ++pumped.lines;
  ++status.lines;
  handler.on_line(line);
}

void JournalSource::State::say(LineHandler& handler, NoticeKind kind, Severity severity,
                               std::string text, int error) {
  if (!gate.pass(kind, clock.monotonic())) {
    ++status.notices_withheld;
    return;
  }
  Notice notice;
  notice.kind = kind;
  notice.severity = severity;
  notice.log = info.name;
  notice.text = std::move(text);
  notice.error = error;
  handler.on_notice(notice);
}

int JournalSource::poll_fd() const { return state_->fd; }

std::optional<util::MonotonicTime> JournalSource::wake_at() const { return state_->retry_at; }

Pumped JournalSource::pump(LineHandler& handler, util::ByteCount budget) {
  State& state = *state_;
  sd_journal* const journal = state.journal.get();
  if (!state.position_refused.empty()) {
    state.say(
        handler, NoticeKind::kPositionInvalid, Severity::kWarning,
        fmt::format("{}: the stored position cannot be used ({}); reading goes on as in a "
                    "journal never seen",
                    util::printable(state.info.name), std::exchange(state.position_refused, {})),
        0);
  }
  if (std::exchange(state.entry_lost, false)) {
    state.say(
        handler, NoticeKind::kJournalGap, Severity::kWarning,
        fmt::format("{}: the entry judged last is no longer in the journal (rotated or vacuumed "
                    "while the agent was stopped, or the machine lost its power before it was "
                    "written); reading goes on with what is younger, entries between may be lost. "
                    "If the machine did not stop, raise SystemMaxUse= in journald.conf",
                    util::printable(state.info.name)),
        0);
  }
  // Takes the events; that files came or went changes nothing about our place.
  ::sd_journal_process(journal);
  Pumped pumped;
  state.retry_at.reset();
  if (state.fd < 0 || ::sd_journal_reliable_fd(journal) == 0) {
    state.retry_at = state.clock.monotonic() + kLookAgain;
  }
  int result = 0;
  while (pumped.read.value < budget.value && (result = ::sd_journal_next(journal)) > 0) {
    if (state.judged_before()) {
      continue;
    }
    state.read_entry(handler, pumped);
  }
  pumped.more = result > 0;
  if (result < 0) {
    state.retry_at = state.clock.monotonic() + kLookAgain;
    if (!std::exchange(state.failing, true)) {
      state.say(handler, NoticeKind::kUnreadable, Severity::kHigh,
                fmt::format("{}: reading failed ({}); it is tried again. If it stays, look at "
                            "journalctl --verify",
                            util::printable(state.info.name), std::strerror(-result)),
                -result);
    }
  } else if (std::exchange(state.failing, false)) {
    state.say(handler, NoticeKind::kBack, Severity::kNotice,
              fmt::format("{}: is read again", util::printable(state.info.name)), 0);
  }
  if (pumped.lines != 0 || state.dirty) {
    char* cursor = nullptr;
    if (::sd_journal_get_cursor(journal, &cursor) >= 0) {
      state.position.cursor = cursor;
      std::free(cursor);
    }
  }
  state.status.unreadable = state.failing ? 1 : 0;
  return pumped;
}

void JournalSource::take_positions(std::vector<model::Position>& positions) {
  if (std::exchange(state_->dirty, false)) {
    positions.push_back({"journal", state_->info.name, encode(state_->position)});
  }
}

std::string_view JournalSource::name() const { return state_->info.name; }

const LogInfo& JournalSource::log_info(std::uint32_t) const { return state_->info; }

SourceStatus JournalSource::status() const { return state_->status; }

}  // namespace warder::source
