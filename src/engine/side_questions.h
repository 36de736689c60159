#pragma once

#include "engine/inquiry.h"
#include "jail/options.h"
#include "net/address.h"
#include "util/clock.h"
#include "util/descriptor.h"
#include "util/result.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace warder::engine {

// What the pipeline asks about a finding and must not wait for: the addresses of a name, and a
// jail's ignorecommand. Answers come back on the pipeline thread, which is the only one to use it.
// The resolver and the programs have a thread each, so that neither delays the other.
class SideQuestions {
 public:
  using LookUp = std::function<util::Result<std::vector<net::IpAddress>>(const std::string&)>;
  using Deliver = std::function<void(std::function<void()>)>;

  SideQuestions(LookUp look_up, Deliver deliver, const util::Clock& clock);
  // Ends a program that runs.
  ~SideQuestions();
  SideQuestions(const SideQuestions&) = delete;
  SideQuestions& operator=(const SideQuestions&) = delete;

  // The first 16 addresses; the error of the resolver. Kept for five minutes, as in fail2ban. False
  // when too many names wait.
  using Names = util::Result<std::vector<net::IpAddress>>;
  bool look_up(const std::string& name, std::function<void(const Names&)> then);

  struct Ignore {
    bool ignore = false;
    std::string trouble;  // of the program, for the operator: neither 0 nor 1
  };
  // Has the jail's ignorecommand say whether the address is ignored. False when too many wait.
  bool ask_command(const jail::JailOptions& jail, const net::Prefix& address,
                   std::function<void(const Ignore&)> then);

  struct Counts {
    std::size_t waiting = 0;
    std::uint64_t dropped = 0;
  };
  Counts names() const { return {names_.waiting(), names_.dropped()}; }
  Counts commands() const { return {commands_.waiting(), commands_.dropped()}; }

 private:
  const LookUp look_up_;
  const std::shared_ptr<util::Descriptor> cancel_;
  Inquiry<Names> names_;
  Inquiry<Ignore> commands_;
};

}  // namespace warder::engine
