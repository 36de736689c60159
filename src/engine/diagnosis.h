#pragma once

#include "engine/jail_set.h"
#include "engine/stage.h"
#include "filter/notice.h"
#include "jail/jail.h"
#include "store/reader.h"
#include "util/clock.h"

#include <cstdint>
#include <string>
#include <vector>

namespace warder::engine {

// What the running pipeline knows of one jail: a copy, to be judged on another thread.
struct JailFacts {
  CompiledJail jail;
  filter::MatcherOptions matcher;
  jail::HostAddresses hosts;
  jail::JailCounters counters;
  // Of the jail's filter, over all its logs, since the configuration was read.
  filter::Counters filter;
  util::WallTime started{};
  util::WallTime now{};
  bool catching_up = false;
  bool enforcing = false;
  bool dry_run = false;         // nobody is to be kept out
  std::string firewall_reason;  // when not enforcing
};

// Follows the way of this jail's lines by what lies open: are its logs there, may this process read
// them, are they read, have their lines dates that are true, do they match, what became of the
// findings, are bans in effect. Called within the agent, whose rights are what counts; reads the
// last 64 KiB of each log and the newest findings. Changes nothing.
std::vector<Stage> diagnose(const JailFacts& facts, store::Reader& history);

// A dry run of a marked line: a sample of the jail's own filter, given the address `mark` and the
// time now, goes through a matcher and a jail of its own, as often as the jail needs for a ban.
// Nothing of it reaches the running jail, the kernel or the history.
std::vector<Stage> dry_run(const JailFacts& facts, const net::IpAddress& mark);

}  // namespace warder::engine
