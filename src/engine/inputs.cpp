#include "engine/inputs.h"

#include "engine/event_ids.h"
#include "source/glob.h"
#include "source/journal_source.h"
#include "source/listener_source.h"
#include "source/stdin_source.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

namespace warder::engine {
namespace {

constexpr const char* kStandardInput = "-";

bool is_standard_input(const Inputs::Input& input) {
  return dynamic_cast<const source::StdinSource*>(input.source.get()) != nullptr;
}

}  // namespace

util::Result<Inputs::Ready> Inputs::prepare(const JailSet& set) const {
  Ready ready;
  ready.wanted_ = wanted_by(set);
  for (const source::Glob& glob : ready.wanted_.files) {
    WARDER_RETURN_IF_ERROR(source::GlobPattern::parse(glob.pattern));
  }
  const bool open = std::any_of(inputs_.begin(), inputs_.end(), is_standard_input);
  if (!ready.wanted_.standard_input.empty() && !open) {
    ready.standard_input_ = util::Descriptor(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0));
    if (!ready.standard_input_) {
      return util::errno_error("standard input cannot be opened for the logpath '-'", errno);
    }
  }
  return ready;
}

void Inputs::open(Ready ready) {
  std::optional<Input> standard_input = take_standard_input();
  inputs_.clear();
  Wanted& wanted = ready.wanted_;
  if (!wanted.files.empty()) {
    open_files(std::move(wanted.files));
  }
  open_journals(std::move(wanted.journals));
  open_listeners(wanted.addresses);
  open_remotes(std::move(wanted.remotes));
  if (!wanted.standard_input.empty()) {
    open_standard_input(std::move(standard_input), std::move(ready.standard_input_),
                        std::move(wanted.standard_input));
  }
}

bool Inputs::any_more() const {
  return std::any_of(inputs_.begin(), inputs_.end(), [](const Input& input) { return input.more; });
}

std::vector<model::Position> Inputs::take_positions() {
  std::vector<model::Position> taken;
  for (const Input& input : inputs_) {
    input.source->take_positions(taken);
  }
  return taken;
}

Inputs::Wanted Inputs::wanted_by(const JailSet& set) const {
  Wanted wanted;
  const source::StartAt usual = set.files.start_at;
  const std::vector<jail::JailIndex> places = jails_.places_of(set);
  for (std::size_t i = 0; i < places.size(); ++i) {
    const jail::JailOptions& options = set.jails[i].options;
    const jail::JailIndex place = places[i];
    if (reads_journal(options)) {
      wanted.journals[journal_match(options)].push_back(place);
      continue;
    }
    for (const std::string& pattern : options.logpath) {
      if (pattern == kStandardInput) {
        wanted.standard_input.push_back(place);
      } else if (source::is_listen_address(pattern)) {
        wanted.addresses[pattern].push_back(place);
      } else if (pattern.starts_with(kOciAudit)) {
        const LogPattern log = log_pattern(pattern, usual);
        const auto known = std::ranges::find(wanted.remotes, log.pattern, &RemoteInput::address);
        RemoteInput& remote =
            known != wanted.remotes.end() ? *known : wanted.remotes.emplace_back();
        remote.address = log.pattern;
        remote.jails.push_back(place);
        if (log.start_at == source::StartAt::kHead) {
          remote.start_at = source::StartAt::kHead;
        }
      } else {
        const LogPattern log = log_pattern(pattern, usual);
        wanted.files.push_back({place, std::string(log.pattern), log.start_at});
      }
    }
  }
  // A log that one jail wants from its head is read from its head.
  std::stable_partition(wanted.files.begin(), wanted.files.end(), [](const source::Glob& glob) {
    return glob.start_at == source::StartAt::kHead;
  });
  return wanted;
}

void Inputs::open_files(std::vector<source::Glob> files) {
  auto opened = source::FileSource::create(jails_.set().files, std::move(files),
                                           positions_.lookup_for("file"), clock_);
  if (!opened) {
    return not_read(fmt::format("files are not read: {}", opened.error().message()));
  }
  inputs_.push_back({std::move(*opened)});
}

void Inputs::open_journals(std::map<std::string, std::vector<std::uint32_t>> journals) {
  for (auto& [match, jails] : journals) {
    source::JournalOptions options;
    options.match = match;
    options.inputs = std::move(jails);
    options.longest_line = jails_.set().files.longest_line;
    auto journal = source::JournalSource::open(options, positions_.lookup_for("journal"), clock_);
    if (!journal) {
      not_read(fmt::format("the journal is not read: {}", journal.error().message()));
      continue;
    }
    inputs_.push_back({std::move(*journal)});
  }
}

// Those that are wanted still go on listening: whoever hands lines in must not be turned away while
// rules change.
void Inputs::open_listeners(const std::map<std::string, std::vector<std::uint32_t>>& addresses) {
  std::erase_if(listeners_, [&](const auto& known) { return !addresses.contains(known.first); });
  for (const auto& [address, jails] : addresses) {
    auto& listener = listeners_[address];
    if (listener && listener->longest_line().value != jails_.set().files.longest_line.value) {
      listener.reset();
    }
    if (!listener) {
      source::LineListener::Options options;
      options.address = address;
      options.longest_line = jails_.set().files.longest_line;
      auto opened = source::LineListener::open(options);
      if (!opened) {
        not_read(fmt::format("no lines are taken at {}: {}", util::printable(address, 120),
                             opened.error().message()));
        listeners_.erase(address);
        continue;
      }
      listener = std::move(*opened);
    }
    listener->keep(jails_.set().files.kept_members);
    // What was handed in does not come again, so no line of one life is one of another.
    const model::GenerationId life{random_event_id().bytes};
    inputs_.push_back(
        {std::make_unique<source::ListenerSource>(address, jails, listener, life, clock_)});
  }
}

void Inputs::open_remotes(std::vector<RemoteInput> remotes) {
  for (RemoteInput& remote : remotes) {
    remote.longest_line = jails_.set().files.longest_line;
    remote.kept_members = jails_.set().files.kept_members;
    auto opened = open_remote_
                      ? open_remote_(remote, positions_.lookup_for("remote"))
                      : util::Result<std::unique_ptr<source::Source>>(util::Error(
                            util::ErrorCode::kInvalid, "there is nobody here to ask for it"));
    if (!opened) {
      not_read(fmt::format("{} is not read: {}", util::printable(remote.address, 120),
                           opened.error().message()));
      continue;
    }
    inputs_.push_back({std::move(*opened)});
  }
}

std::optional<Inputs::Input> Inputs::take_standard_input() {
  const auto found = std::find_if(inputs_.begin(), inputs_.end(), is_standard_input);
  if (found == inputs_.end()) {
    return std::nullopt;
  }
  std::optional<Input> taken(std::move(*found));
  inputs_.erase(found);
  return taken;
}

// What was read of it does not come again: half a line that came before new rules stays.
void Inputs::open_standard_input(std::optional<Input> open, util::Descriptor fd,
                                 std::vector<std::uint32_t> jails) {
  source::StdinOptions options;
  options.longest_line = jails_.set().files.longest_line;
  options.inputs = std::move(jails);
  if (open) {
    static_cast<source::StdinSource&>(*open->source).use(std::move(options));
    inputs_.push_back(std::move(*open));
    return;
  }
  inputs_.push_back({std::make_unique<source::StdinSource>(options, std::move(fd), clock_)});
}

void Inputs::not_read(std::string text) {
  notices_.plain(model::EventKind::kSource, model::Severity::kHigh, std::move(text));
}

}  // namespace warder::engine
