#include "jail/validate.h"

#include "jail/ban_time.h"
#include "util/strings.h"

#include <fmt/core.h>

#include <charconv>
#include <cmath>
#include <optional>

namespace warder::jail {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::microseconds kShortestTime = 1s;
constexpr std::chrono::microseconds kLongestFindtime = std::chrono::hours(24 * 366);
constexpr unsigned kWidestV4 = 16;
constexpr unsigned kWidestV6 = 32;
constexpr std::size_t kMostSteps = 8;
// What the runs of WindowCounting and the failures of DensityTable have room for.
constexpr std::uint32_t kMostRetries = 10'000;
constexpr std::uint32_t kMostCompatRetries = 1'000'000;

util::Error invalid(std::string text) { return {util::ErrorCode::kInvalid, std::move(text)}; }

util::Status check_range(std::string_view name, std::uint64_t value, std::uint64_t least,
                         std::uint64_t most) {
  if (value < least || value > most) {
    return invalid(fmt::format("{} = {} is not from {} to {}", name, value, least, most));
  }
  return {};
}

std::optional<unsigned> parse_number(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

}  // namespace

util::Status validate(const JailOptions& options) {
  const bool many = options.counting == Counting::kCompat && options.outcome == Outcome::kBan &&
                    options.ipv4_widen.empty() && options.ipv6_widen.empty();
  if (options.maxretry > kMostRetries && options.maxretry <= kMostCompatRetries && !many) {
    return invalid(
        fmt::format("maxretry = {} is more than {}: that takes counting = compat, outcome = ban, "
                    "ipv4.widen = none and ipv6.widen = none",
                    options.maxretry, kMostRetries));
  }
  WARDER_RETURN_IF_ERROR(check_range("maxretry", options.maxretry, 1, kMostCompatRetries));
  WARDER_RETURN_IF_ERROR(check_range("sources", options.sources, 100, 10'000'000));
  WARDER_RETURN_IF_ERROR(check_range("widen.limit", options.widen_limit, 0, 100'000));
  WARDER_RETURN_IF_ERROR(check_range("ipv6.prefix", options.ipv6_prefix, 48, 128));
  if (options.findtime < kShortestTime || options.findtime > kLongestFindtime) {
    return invalid("findtime is not from 1s to 366d");
  }
  if (options.bantime && (*options.bantime < kShortestTime || *options.bantime > kLongestBan)) {
    return invalid("bantime is neither from 1s to 50 years nor -1 (permanent)");
  }
  const IncrementOptions& increment = options.increment;
  if (increment.rndtime < 0s || increment.rndtime > kLongestBan) {
    return invalid("bantime.rndtime is not from 0s to 50 years");
  }
  if (increment.maxtime && *increment.maxtime < kShortestTime) {
    return invalid("bantime.maxtime is less than 1s");
  }
  for (const double multiplier : increment.multipliers) {
    if (!std::isfinite(multiplier) || multiplier <= 0) {
      return invalid("bantime.multipliers holds a number that is not greater than 0");
    }
  }
  WARDER_RETURN_IF_ERROR(
      validate_widening(options.ipv4_widen, net::Family::kIpv4, 32).with_context("ipv4.widen"));
  return validate_widening(options.ipv6_widen, net::Family::kIpv6, options.ipv6_prefix)
      .with_context("ipv6.widen");
}

util::Status validate_widening(const std::vector<WideningStep>& steps, net::Family family,
                               unsigned base) {
  if (steps.size() > kMostSteps) {
    return invalid(
        fmt::format("{} steps are given, at most {} are possible", steps.size(), kMostSteps));
  }
  const unsigned widest = family == net::Family::kIpv4 ? kWidestV4 : kWidestV6;
  unsigned before = base;
  for (const WideningStep& step : steps) {
    if (step.length >= before || step.length < widest) {
      return invalid(
          fmt::format("/{} is not from /{} to /{} (each step is wider than the one "
                      "before)",
                      step.length, widest, before - 1));
    }
    WARDER_RETURN_IF_ERROR(
        check_range(fmt::format("number of children of /{}", step.length), step.children, 2, 256));
    before = step.length;
  }
  return {};
}

util::Result<std::vector<WideningStep>> parse_widening(std::string_view text) {
  std::vector<WideningStep> steps;
  if (util::trim(text) == "none") {
    return steps;
  }
  for (std::string_view word : util::split_words(text, " \t\r\n,")) {
    const std::string_view whole = word;
    if (word.starts_with('/')) {
      word.remove_prefix(1);
    }
    const std::size_t colon = word.find(':');
    const auto length = parse_number(word.substr(0, colon));
    const auto children =
        colon == std::string_view::npos ? std::nullopt : parse_number(word.substr(colon + 1));
    if (!length || !children || *length > 128 || *children > 256) {
      return invalid(
          fmt::format("'{}' is no step; write LENGTH:CHILDREN, for instance 56:8, or "
                      "none",
                      util::printable(whole, 40)));
    }
    steps.push_back({static_cast<std::uint8_t>(*length), static_cast<std::uint16_t>(*children)});
  }
  return steps;
}

}  // namespace warder::jail
