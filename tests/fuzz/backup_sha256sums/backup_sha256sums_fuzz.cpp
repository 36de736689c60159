// The list of check sums in a raft snapshot: no name that is taken leads out of the folder, and the
// list written anew is read as the same.
#include "backup/raft_snapshot.h"
#include "util/encoding.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto sums = warder::backup::parse_sha256sums({reinterpret_cast<const char*>(data), size});
  if (!sums) {
    return 0;
  }
  std::string again;
  for (const auto& [name, sum] : *sums) {
    if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
        name.find('\n') != std::string::npos) {
      std::abort();
    }
    again += warder::util::to_hex(sum) + "  " + name + "\n";
  }
  const auto read = warder::backup::parse_sha256sums(again);
  if (!read || *read != *sums) {
    std::abort();
  }
  return 0;
}
