#include "engine/inputs.h"

#include "engine/event_ids.h"
#include "source/journal_source.h"
#include "source/listener_source.h"
#include "source/stdin_source.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <unistd.h>
#include <utility>

namespace warder::engine {
namespace {

constexpr const char* kStandardInput = "-";

}  // namespace

util::Status Inputs::open() {
  inputs_.clear();
  Wanted wanted_now = wanted();
  if (!wanted_now.files.empty()) {
    WARDER_RETURN_IF_ERROR(open_files(std::move(wanted_now.files)));
  }
  open_journals(std::move(wanted_now.journals));
  open_listeners(wanted_now.addresses);
  open_remotes(std::move(wanted_now.remotes));
  if (!wanted_now.standard_input.empty()) {
    WARDER_RETURN_IF_ERROR(open_standard_input(std::move(wanted_now.standard_input)));
  }
  return {};
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

Inputs::Wanted Inputs::wanted() const {
  Wanted wanted;
  const source::StartAt usual = jails_.set().files.start_at;
  for (const jail::Jail* jail : jails_.running()) {
    const jail::JailOptions& options = jail->options();
    if (reads_journal(options)) {
      wanted.journals[journal_match(options)].push_back(jail->index());
      continue;
    }
    for (const std::string& pattern : options.logpath) {
      if (pattern == kStandardInput) {
        wanted.standard_input.push_back(jail->index());
      } else if (source::is_listen_address(pattern)) {
        wanted.addresses[pattern].push_back(jail->index());
      } else if (pattern.starts_with(kOciAudit)) {
        const LogPattern log = log_pattern(pattern, usual);
        const auto known = std::ranges::find(wanted.remotes, log.pattern, &RemoteInput::address);
        RemoteInput& remote =
            known != wanted.remotes.end() ? *known : wanted.remotes.emplace_back();
        remote.address = log.pattern;
        remote.jails.push_back(jail->index());
        if (log.start_at == source::StartAt::kHead) {
          remote.start_at = source::StartAt::kHead;
        }
      } else {
        const LogPattern log = log_pattern(pattern, usual);
        wanted.files.push_back({jail->index(), std::string(log.pattern), log.start_at});
      }
    }
  }
  // A log that one jail wants from its head is read from its head.
  std::stable_partition(wanted.files.begin(), wanted.files.end(), [](const source::Glob& glob) {
    return glob.start_at == source::StartAt::kHead;
  });
  return wanted;
}

util::Status Inputs::open_files(std::vector<source::Glob> files) {
  WARDER_ASSIGN_OR_RETURN(auto source,
                          source::FileSource::create(jails_.set().files, std::move(files),
                                                     positions_.lookup_for("file"), clock_));
  inputs_.push_back({std::move(source)});
  return {};
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

util::Status Inputs::open_standard_input(std::vector<std::uint32_t> jails) {
  source::StdinOptions options;
  options.longest_line = jails_.set().files.longest_line;
  options.inputs = std::move(jails);
  util::Descriptor duplicate(::dup(STDIN_FILENO));
  if (!duplicate) {
    return util::errno_error("standard input", errno);
  }
  inputs_.push_back({std::make_unique<source::StdinSource>(options, std::move(duplicate), clock_)});
  return {};
}

void Inputs::not_read(std::string text) {
  notices_.plain(model::EventKind::kSource, model::Severity::kHigh, std::move(text));
}

}  // namespace warder::engine
