#pragma once

#include "model/event.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace warder::source {

// What a source has to report besides lines. The text of a kind is for people, the kind for the
// program.
enum class NoticeKind : std::uint8_t {
  kRotated,          // the log was renamed away; its rest is read, then the new file from 0
  kTruncated,        // the log was cut; reading begins anew at 0
  kReplaced,         // another file took the log's place (an editor saved it): judged as a new one
  kFoundAgain,       // what was rolled while nobody looked was found and is read
  kMissing,          // the log (or what a literal path names) is not there
  kBack,             // a log that was missing, unreadable or refused is read again
  kOversized,        // a line longer than the limit was not judged; range and digest name it
  kIncomplete,       // a log ended for good in a line without line end, which was not judged
  kUnreadable,       // opening or reading failed; `error` is the errno
  kRefused,          // the path names something that is never read (FIFO, device, foreign link...)
  kLost,             // bytes that existed were not judged; range names them where known
  kHole,             // a hole in a sparse file was skipped: it holds no bytes
  kPositionInvalid,  // a stored position could not be used; the log is read from its start
  kScanning,         // the kernel cannot tell of changes here: the source looks each second
  kOverflow,         // the kernel dropped change notifications; everything was looked at again
  kTooMany,          // more logs than the limit match; the named one is not followed
  kJournalGap,       // the journal no longer holds the entry at the stored cursor
};

std::string_view to_string(NoticeKind kind);

// A fact about a source that operators should see. Plain value; the engine turns it into an event.
// Notices of state (all but kOversized, kIncomplete, kLost, kHole) come once a state, and for one
// log at most ten of a kind in a minute: the next one then says how many were left out.
struct Notice {
  NoticeKind kind = NoticeKind::kUnreadable;
  model::Severity severity = model::Severity::kInfo;
  // Name of the log (LogInfo::name), or of the folder or glob concerned. From outside: file names
  // are chosen by others.
  std::string log;
  // One sentence: what happened, why, what to do. Already printable.
  std::string text;
  // Of the bytes concerned in their generation, for kOversized, kIncomplete, kLost, kHole.
  std::optional<std::uint64_t> offset;
  std::optional<std::uint64_t> length;
  // kOversized: SHA-256 of these bytes, line end included, in hexadecimal.
  std::string sha256;
  // kUnreadable: the errno.
  int error = 0;
};

}  // namespace warder::source
