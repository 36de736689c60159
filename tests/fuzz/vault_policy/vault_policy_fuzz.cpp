// The text of a policy as a vault keeps it, which anybody who may write policies may have written.
#include "fuzz/require.h"
#include "vault/server_policy.h"

#include <cstdint>
#include <string>
#include <string_view>

using namespace warder;
using warder::testing::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const std::string& path : vault::granted_paths(text)) {
    require(path.find_first_of("\"\n") == std::string::npos);
  }
  vault::PolicyPlan plan;
  vault::keep_granted(text, &plan);
  // What was taken from it is found again in the text that is made of it.
  const std::string own = vault::policy_text(vault::agent_rights(plan));
  vault::PolicyPlan again;
  vault::keep_granted(own, &again);
  require(vault::policy_text(vault::agent_rights(again)) == own);
  return 0;
}
