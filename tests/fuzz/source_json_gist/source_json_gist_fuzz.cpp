// What is kept of an object that is too long. However its bytes come in pieces: the result is the
// same; it is at most as long as allowed; and of good JSON it is good JSON with the same members
// above, and below only those that are wanted.
#include "fuzz/require.h"
#include "source/json_gist.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <string_view>

using namespace warder::source;
using nlohmann::json;
using warder::testing::require;

namespace {

constexpr std::size_t kMost = 2000;
const MemberNames kWanted{"policies", "path", "a"};

std::string gist(std::string_view bytes, std::size_t piece) {
  JsonGist made(kWanted, kMost);
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    made.feed(bytes.substr(at, piece));
  }
  return std::string(made.result());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string whole = gist(bytes, size + 1);
  require(whole == gist(bytes, 1));
  require(whole.size() <= kMost);
  const json document = json::parse(bytes, nullptr, false);
  if (!document.is_object() || whole.empty()) {
    return 0;
  }
  const json kept = json::parse(whole, nullptr, false);
  require(kept.is_object());
  require(kept.size() == document.size());
  for (const auto& [name, value] : document.items()) {
    require(kept.contains(name) && kept[name].type() == value.type());
    if (value.is_object()) {
      require(kept[name].size() == value.size());
    }
    if (value.is_object() && value.contains("a") && value["a"].is_object()) {
      for (const auto& [inner, unused] : kept[name]["a"].items()) {
        require(kWanted.contains(inner) && value["a"].contains(inner));
      }
    }
  }
  return 0;
}
