// The document `recovery` of a vault, which whoever may write there writes. Whatever it holds: no
// crash, what comes of it is of a host that stands there, and only sections of backups and storages
// come of it, none of which is taken to interpolate.
#include "backup/recovery.h"

#include <cstdint>
#include <cstdlib>
#include <string>

using namespace warder;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const char* wanted : {"", "web-1"}) {
    const auto recovery = backup::read_recovery(text, wanted, "host.example");
    if (!recovery) {
      if (recovery.error().message().empty()) {
        std::abort();
      }
      continue;
    }
    if ((*wanted != '\0' && recovery->host != wanted) || recovery->layer.interpolates) {
      std::abort();
    }
    for (const config::RawSection& section : recovery->layer.sections) {
      if (!section.name.starts_with("backup ") && !section.name.starts_with("storage ")) {
        std::abort();
      }
    }
  }
  return 0;
}
