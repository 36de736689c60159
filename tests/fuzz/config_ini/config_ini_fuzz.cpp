// The INI reader, layering, includes and interpolation. The input is up to four files, parted by
// NUL bytes: a.conf, b.conf, a.local, c.conf.
#include "config/diagnostics.h"
#include "config/ini.h"
#include "config/load.h"
#include "fuzz/require.h"
#include "support/memory_files.h"
#include "util/strings.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

namespace {

using namespace warder;
using warder::testing::require;

// Writes a layer as a file again. False where the dialect has no way to write it: conditional
// sections were folded, so that names hold their '=', or that a section comes twice.
bool print(const config::Layer& layer, std::string* out) {
  std::set<std::string> seen;
  for (const config::RawSection& section : layer.sections) {
    if (!seen.insert(section.name).second && section.name != "DEFAULT") {
      return false;
    }
    *out += "[" + section.name + "]\n";
    for (const config::RawOption& option : section.options) {
      if (option.name.find_first_of("=:") != std::string::npos) {
        return false;
      }
      // No blank before the value: "= ;x" would be a comment.
      std::string indent = option.name + "=";
      for (const std::string_view line : util::split(option.value, '\n')) {
        *out += indent + std::string(line) + "\n";
        indent = " ";
      }
    }
  }
  return true;
}

bool same(const config::Layer& a, const config::Layer& b) {
  const auto same_option = [](const config::RawOption& x, const config::RawOption& y) {
    return x.name == y.name && x.value == y.value;
  };
  const auto same_section = [&](const config::RawSection& x, const config::RawSection& y) {
    return x.name == y.name && std::equal(x.options.begin(), x.options.end(), y.options.begin(),
                                          y.options.end(), same_option);
  };
  return std::equal(a.sections.begin(), a.sections.end(), b.sections.begin(), b.sections.end(),
                    same_section);
}

void check_file(std::string_view text) {
  config::Diagnostics diagnostics;
  const config::Layer layer = config::parse_ini(text, "f", diagnostics);
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  const auto in_range = [&](const config::Place& place) {
    return place.source == "f" && place.line >= 1 && place.line <= lines;
  };
  for (const config::RawSection& section : layer.sections) {
    require(!section.name.empty() && in_range(section.place));
    for (const config::RawOption& option : section.options) {
      require(!option.name.empty() && util::to_lower(option.name) == option.name);
      require(in_range(option.place));
    }
  }
  for (const config::Diagnostic& diagnostic : diagnostics.list()) {
    require(in_range(diagnostic.place) && !diagnostic.problem.empty());
  }
  std::string printed;
  if (diagnostics.has_errors() || !print(layer, &printed)) {
    return;
  }
  config::Diagnostics again;
  require(same(config::parse_ini(printed, "f", again), layer) && !again.has_errors());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  std::map<std::string, std::string> content;
  const char* const names[] = {"a.conf", "b.conf", "a.local", "c.conf"};
  std::size_t next = 0;
  for (const std::string_view part : util::split(input, '\0')) {
    if (next < std::size(names)) {
      content[names[next++]] = part;
      check_file(part);
    }
  }
  testing::MemoryFiles files(content);
  config::Diagnostics diagnostics;
  const config::Document document = config::load_name(files, "a", diagnostics);
  for (const std::string& name : document.sections()) {
    for (const config::Option& option : document.section(name).options) {
      require(content.contains(option.place.source) && option.place.line >= 1);
      require(option.problem.empty() || option.text.empty());
      require(option.text.size() <= 512 * 1024);
    }
  }
  require(diagnostics.to_json().front() == '{');
  return 0;
}
