// Tag substitution of a filter: always ends, stays bounded, leaves nothing to replace. The input is
// a filter file.
#include "config/definition.h"
#include "config/ini.h"
#include "fuzz/require.h"

#include <cstdint>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace warder;
  using warder::testing::require;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  config::Diagnostics diagnostics;
  config::Document document;
  document.add(config::parse_ini(input, "f", diagnostics));
  const config::Definition definition(document, {{"p", "<q>"}, {"q", "Q%(p)s"}},
                                      config::Place{"jail", 1}, {{"logtype", "file"}});
  for (const config::Option& option : definition.section().options) {
    require(option.text.size() <= 512 * 1024);
    const auto value = definition.get(option.name);
    require(value.has_value() == option.problem.empty());
    if (!value) {
      continue;
    }
    require(value->has_value() && (*value)->text == option.text);
    // What get() returns holds no tag any more that means something.
    const auto again = config::substitute_tags(
        option.text, "", [&](std::string_view tag) -> util::Result<std::optional<std::string>> {
          require(tag != "p" && tag != "q" && tag != "logtype");
          return std::optional<std::string>();
        });
    require(again && *again == option.text);
  }
  return 0;
}
