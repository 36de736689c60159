#include "ship/detail.h"

namespace warder::ship {
namespace {

constexpr int kDeepest = 16;

}  // namespace

nlohmann::ordered_json parse_detail(std::string_view detail) {
  using Json = nlohmann::ordered_json;
  const auto keep = [](int depth, Json::parse_event_t /*event*/, Json& /*parsed*/) {
    return depth < kDeepest;
  };
  return Json::parse(detail.begin(), detail.end(), keep, false);
}

}  // namespace warder::ship
