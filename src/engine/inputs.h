#pragma once

#include "engine/jail_set.h"
#include "engine/jails.h"
#include "engine/log_positions.h"
#include "engine/notices.h"
#include "engine/remote_input.h"
#include "source/file_source.h"
#include "source/line_listener.h"
#include "source/source.h"
#include "util/clock.h"
#include "util/descriptor.h"
#include "util/result.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace warder::engine {

// The sources of all logs that the running jails read. One for an engine, which owns it; pipeline
// thread only.
class Inputs {
 public:
  // All must outlive it.
  Inputs(Jails& jails, LogPositions& positions, Notices& notices, const OpenRemote& open_remote,
         const util::Clock& clock)
      : jails_(jails),
        positions_(positions),
        notices_(notices),
        open_remote_(open_remote),
        clock_(clock) {}

  struct Input {
    std::unique_ptr<source::Source> source;
    bool more = true;  // pump without waiting
    bool finished = false;
  };

  // What a jail set reads, with all of it that can fail done: its jails are not changed before.
  class Ready;
  // For a set that runs or is about to. Errors: a pattern that cannot be read, no descriptor for
  // standard input; nothing has changed then.
  util::Result<Ready> prepare(const JailSet& set) const;
  // Closes what is open and opens what was prepared for the jails that run now. What cannot be
  // opened (the journal, an address, a log elsewhere) is told as an event, and the rest goes on
  // without it. Listeners and standard input that are wanted still stay as they are.
  void open(Ready ready);

  std::vector<Input>& all() { return inputs_; }
  const std::vector<Input>& all() const { return inputs_; }
  bool any_more() const;
  // What moved since it was asked for last.
  std::vector<model::Position> take_positions();

 private:
  // Places of jails by what they read.
  struct Wanted {
    std::vector<source::Glob> files;
    std::map<std::string, std::vector<std::uint32_t>> journals;   // by match
    std::map<std::string, std::vector<std::uint32_t>> addresses;  // by what is listened at
    std::vector<RemoteInput> remotes;
    std::vector<std::uint32_t> standard_input;
  };
  Wanted wanted_by(const JailSet& set) const;
  void open_files(std::vector<source::Glob> files);
  void open_journals(std::map<std::string, std::vector<std::uint32_t>> journals);
  void open_listeners(const std::map<std::string, std::vector<std::uint32_t>>& addresses);
  void open_remotes(std::vector<RemoteInput> remotes);
  // The one that is open, if any, taken out of the list.
  std::optional<Input> take_standard_input();
  void open_standard_input(std::optional<Input> open, util::Descriptor fd,
                           std::vector<std::uint32_t> jails);
  void not_read(std::string text);

  Jails& jails_;
  LogPositions& positions_;
  Notices& notices_;
  const OpenRemote& open_remote_;
  const util::Clock& clock_;
  std::map<std::string, std::shared_ptr<source::LineListener>> listeners_;  // by address
  std::vector<Input> inputs_;
};

class Inputs::Ready {
 private:
  friend class Inputs;
  Wanted wanted_;
  util::Descriptor standard_input_;  // only if it is wanted and not open yet
};

}  // namespace warder::engine
