#pragma once

#include "source/generation.h"
#include "source/open_log.h"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace warder::source {

using Generations = std::vector<std::unique_ptr<Generation>>;

// A file that may be a generation of a log: the one at its path, or one with a rolled name.
struct Candidate {
  std::string path;
  FileFacts facts;
  Compression compression = Compression::kNone;
  std::optional<RolledName> rolled;  // nothing for the file at the path
  Generation* generation = nullptr;  // whose file this is
  bool moved_in = false;             // known by content alone: another file than it was
  // Known by its beginning: what was judged behind this offset is gone from it.
  std::optional<std::uint64_t> cut_at;
};

// Which file is which generation, and what is new. One look at the log's folder.
struct Succession {
  std::vector<Candidate> candidates;   // newest first; the file at the path, if any, leads
  bool has_current = false;            // candidates[0] is the file at the path
  std::vector<Generation*> not_found;  // have no file here; an open one may still be read
  std::vector<std::size_t> fresh;      // candidates never seen, the oldest first
};

// Tells files and generations together:
//  1. an open generation by device and inode, which nobody else can have meanwhile;
//  2. another by inode and time of birth, if the bytes judged are still there;
//  3. the newest, if there is no such file, by inode, time of birth and its beginning, where the
//     end is missing or zero: a machine that lost its power did not write it;
//  4. else by the bytes judged alone: a copy, a compressed file, a file put back from elsewhere.
//  The
//     file at the path only counts so if all of LineCursor::kTail bytes agree: a program that
//     starts anew may well begin its log with the same words.
// What is newer than the newest generation found is new. If that one was not found, what was
// changed after it was last read is. With no generation at all only the file at the path is.
Succession find_succession(const Generations& generations, const LookedAt& now,
                           const std::string& real_path, const ReadAt& read_at);

}  // namespace warder::source
