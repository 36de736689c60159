// Documents of a vault, which whoever may write there writes. Whatever they hold: no crash, and
// every option that comes of them has a name, a place and no line break but between queries.
#include "engine/sqlite_documents.h"

#include <cstdint>
#include <cstdlib>
#include <string>

using namespace warder;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  config::Diagnostics diagnostics;
  engine::SqliteDocuments documents;
  (size % 2 == 0 ? documents.security : documents.performance) = text;
  const config::Layer layer =
      engine::sqlite_layer(documents, {"monitor a", "monitor b"}, diagnostics);
  if (layer.sections.size() != 2 || layer.interpolates) {
    std::abort();
  }
  for (const config::RawOption& option : layer.sections[0].options) {
    if (option.name.empty() || option.place.source.empty()) {
      std::abort();
    }
  }
  return 0;
}
