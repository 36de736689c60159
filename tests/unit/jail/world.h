#pragma once

#include "jail/jail.h"

#include <catch2/catch.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace warder::jail {

// 2026-11-02T12:00:00Z
constexpr util::WallTime kNoon{std::chrono::seconds(1793620800)};

inline HashKey test_key() {
  HashKey key;
  for (std::size_t i = 0; i < key.bytes.size(); ++i) {
    key.bytes[i] = static_cast<std::uint8_t>(i * 17 + 3);
  }
  return key;
}

inline net::Prefix prefix(std::string_view text) {
  auto parsed = net::Prefix::parse(text);
  REQUIRE(parsed);
  return *parsed;
}

inline model::Finding finding_of(const net::Prefix& address, util::WallTime time) {
  model::Finding finding;
  finding.address = address;
  finding.time = time;
  finding.time_from_line = true;
  return finding;
}

// The shared tables and jails on them.
struct World {
  BanTable bans{test_key()};
  OffenderTable offenders{test_key()};

  static JailOptions options() {
    JailOptions options;
    options.name = "test";
    options.enabled = true;
    return options;
  }
  JailContext context(JailIndex index = 1) {
    JailContext context;
    context.index = index;
    context.key = test_key();
    context.bans = &bans;
    context.offenders = &offenders;
    return context;
  }
  Jail make(JailOptions options = World::options(), JailIndex index = 1) {
    auto jail = Jail::create(std::move(options), context(index));
    REQUIRE(jail);
    return std::move(*jail);
  }
};

// A finding of `address` that is judged the moment it happens.
inline Decision fail(Jail& jail, const net::Prefix& address, util::WallTime time) {
  return jail.on_finding(finding_of(address, time), time);
}
inline Decision fail(Jail& jail, std::string_view address, util::WallTime time) {
  return fail(jail, prefix(address), time);
}

// "counted 1/5", "ban 192.0.2.1", ... for short expectations.
inline std::string summary(const Decision& decision) {
  std::string text(to_string(decision.kind));
  if (decision.kind == DecisionKind::kCounted) {
    text += " " + std::to_string(decision.count) + "/" + std::to_string(decision.limit);
  } else if (decision.kind == DecisionKind::kIgnored) {
    text += ": " + std::string(to_string(decision.ignored));
  } else if (decision.ban) {
    text += " " + decision.ban->address.to_string();
  }
  return text;
}

}  // namespace warder::jail
