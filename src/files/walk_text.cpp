#include "files/walk_text.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <string_view>

namespace warder::files {
namespace {

constexpr std::uint64_t kMega = std::uint64_t{1} << 20U;

}  // namespace

std::string size_in_words(std::uint64_t bytes) {
  return bytes < 10 * kMega ? fmt::format("{} KiB", (bytes + 1023) / 1024)
                            : fmt::format("{} MiB", bytes / kMega);
}

std::string limits_in_words(const WalkCounts& counts) {
  std::string text;
  const auto add = [&](std::uint64_t count, std::string_view what) {
    if (count > 0) {
      text += fmt::format(", {} {}", count, what);
    }
  };
  add(counts.denied, "could not be read");
  add(counts.too_large, "too large to be read");
  add(counts.unsteady, "changed while they were read");
  add(counts.mounts, "mounts not entered");
  add(counts.too_deep, "folders too deep");
  return text;
}

void add_limits(const WalkCounts& counts, nlohmann::json* facts) {
  facts->update({{"denied", counts.denied},
                 {"too_large", counts.too_large},
                 {"unsteady", counts.unsteady},
                 {"mounts", counts.mounts},
                 {"too_deep", counts.too_deep}});
}

}  // namespace warder::files
