#pragma once

namespace warder::agent {

// How a command ends; listed in `warder --help` and README.md. Append, never renumber: scripts
// branch on them.
enum class ExitStatus {
  kOk = 0,
  kFailed = 1,         // it was tried and did not work; the message says why
  kUsage = 2,          // the words of the command line are wrong
  kConfiguration = 3,  // the configuration has errors
  kNoAgent = 4,        // no agent, or no vault, answers
  kDenied = 5,         // this user may not
  kNotFound = 6,       // no such jail, address, document, file
  kFaultFound = 7,     // verify: the history is not what was signed
};

}  // namespace warder::agent
