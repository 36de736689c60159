#pragma once

#include "agent/command.h"
#include "store/verify.h"
#include "util/result.h"

#include <string>
#include <vector>

namespace warder::agent {

// What `warder verify --against` takes.
struct WitnessWords {
  std::string against;  // "vault", "oci" or a file
  std::string trail;    // mount of the trail; empty: of the destination of form vault-trail
  std::string log;      // OCID of the log; empty: of the destination of form oci-logging
  std::string host;     // whose; empty: this one
  unsigned days = 30;   // how far back OCI Logging is searched
};

// The checkpoints that were kept there. kNotFound when there are none, since a check that compares
// with nothing would look like one that passed.
util::Result<std::vector<store::VerifyOptions::Outside>> gather_witnesses(
    const Globals& globals, const WitnessWords& words);

}  // namespace warder::agent
