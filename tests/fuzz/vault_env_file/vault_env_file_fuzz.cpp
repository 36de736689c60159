// An operator's settings.env, whatever is in it.
#include "fuzz/require.h"
#include "vault/env_file.h"

#include <cstdint>
#include <set>
#include <string>

using namespace warder;
using warder::testing::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto variables = vault::parse_env_file(text);
  if (!variables) {
    require(!variables.error().message().empty());
    return 0;
  }
  std::set<std::string> names;
  std::string again;
  for (const vault::EnvVariable& variable : *variables) {
    require(!variable.name.empty());
    require(names.insert(variable.name).second);
    require(variable.value.size() <= size);
    std::string quoted;
    for (const char c : variable.value.view()) {
      quoted +=
          c == '"' || c == '\\' || c == '$' || c == '`' ? std::string("\\") + c : std::string(1, c);
    }
    again += variable.name + "=\"" + quoted + "\"\n";
  }
  // Written back in quotes it is the same.
  const auto twice = vault::parse_env_file(again);
  require(again.size() > (std::size_t{1} << 20U) || twice.has_value());
  if (twice) {
    require(twice->size() == variables->size());
    for (std::size_t i = 0; i < twice->size(); ++i) {
      require((*twice)[i].name == (*variables)[i].name);
      require((*twice)[i].value == (*variables)[i].value);
    }
  }
  return 0;
}
