// The document `backup` of a vault, which whoever may write there writes. Whatever it holds: no
// crash, every option that comes of it has a name and a place, and what is kept of it holds no
// passphrase.
#include "engine/backup_document.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <cstdlib>
#include <string>

using namespace warder;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto rules = engine::backup_rules(text);
  if (rules) {
    const auto kept = nlohmann::json::parse(*rules, nullptr, false);
    if (kept.is_object() && (kept.contains("passphrase") || kept.contains("BACKUP_PASSPHRASE"))) {
      std::abort();
    }
  }
  config::Diagnostics diagnostics;
  const config::Layer layer = engine::backup_layer(rules, {"backup a", "backup b"}, diagnostics);
  if (layer.interpolates || layer.sections.size() != (rules ? 2 : 0)) {
    std::abort();
  }
  for (const config::RawSection& section : layer.sections) {
    for (const config::RawOption& option : section.options) {
      if (option.name.empty() || option.place.source.empty()) {
        std::abort();
      }
    }
  }
  return 0;
}
