// Vault documents: whatever stands in one, each value has a place and each refusal a reason.
#include "config/document.h"
#include "config/json_layer.h"
#include "fuzz/require.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace warder;
  using warder::testing::require;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  config::Diagnostics diagnostics;
  const config::Layer layer = config::parse_json(input, "d", diagnostics);
  require(!layer.interpolates);
  for (const config::Diagnostic& diagnostic : diagnostics.list()) {
    require(diagnostic.place.source.starts_with("vault d") && !diagnostic.problem.empty());
    require(!diagnostic.value);
  }
  // Against the library's own tree of the text: a section is a member of the document, and without
  // an error nothing is left out.
  const auto tree = nlohmann::json::parse(input, nullptr, false);
  if (!tree.is_discarded()) {
    for (const config::RawSection& section : layer.sections) {
      require(tree.is_object() && tree.contains(section.name));
    }
    if (!diagnostics.has_errors()) {
      require(tree.size() == layer.sections.size());
      for (const config::RawSection& section : layer.sections) {
        require(tree[section.name].size() == section.options.size());
      }
    }
  }
  config::Document document;
  document.add(layer);
  for (const config::RawSection& section : layer.sections) {
    require(section.place.source.starts_with("vault d#/"));
    for (const config::RawOption& option : section.options) {
      require(option.place.source.starts_with(section.place.source + "/"));
      require(option.value.size() <= size * 2);
      // Literal: a percent sign is never an error.
      require(document.get(section.name, option.name).has_value());
    }
  }
  return 0;
}
