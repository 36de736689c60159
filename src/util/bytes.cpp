#include "util/bytes.h"

#include "util/strings.h"

#include <fmt/core.h>

#include <charconv>
#include <limits>

namespace warder::util {

Result<ByteCount> parse_bytes(std::string_view text) {
  const std::string lower = to_lower(trim(text));
  const auto refuse = [&] {
    return Error(ErrorCode::kInvalid,
                 fmt::format("'{}' is no size; write for instance 4096, 256K, 10M or 1G",
                             printable(text, 64)));
  };
  std::uint64_t number = 0;
  const char* const end = lower.data() + lower.size();
  const auto [rest, error] = std::from_chars(lower.data(), end, number);
  if (error != std::errc{} || rest == lower.data()) {
    return refuse();
  }
  std::string_view unit = trim(std::string_view(rest, static_cast<std::size_t>(end - rest)));
  unsigned shift = 0;
  if (!unit.empty() && unit.front() != 'b') {
    const std::size_t power = std::string_view("kmgt").find(unit.front());
    if (power == std::string_view::npos) {
      return refuse();
    }
    shift = static_cast<unsigned>(power + 1) * 10;
    unit.remove_prefix(1);
    if (unit == "ib") {
      unit = {};
    }
  }
  if (!unit.empty() && unit != "b") {
    return refuse();
  }
  if (number > (std::numeric_limits<std::uint64_t>::max() >> shift)) {
    return refuse();
  }
  return ByteCount{number << shift};
}

std::string format_bytes(ByteCount count) {
  constexpr std::string_view kUnits = "KMGT";
  std::uint64_t value = count.value;
  std::size_t unit = 0;
  while (value != 0 && value % 1024 == 0 && unit < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  if (unit == 0) {
    return fmt::format("{}", value);
  }
  return fmt::format("{}{}", value, kUnits[unit - 1]);
}

}  // namespace warder::util
