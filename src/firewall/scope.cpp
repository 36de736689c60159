#include "firewall/scope.h"

#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>

namespace warder::firewall {
namespace {

// nft shows names up to 128 bytes; a set's name adds "_v6_128".
constexpr std::size_t kLongestName = 80;

std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  }
  return hash;
}

util::Result<Protocol> parse_protocol(std::string_view word, bool has_ports) {
  const std::string name = util::to_lower(util::trim(word));
  if (name.empty()) {
    return has_ports ? Protocol::kTcp : Protocol::kAny;
  }
  if (name == "tcp") {
    return Protocol::kTcp;
  }
  if (name == "udp") {
    return Protocol::kUdp;
  }
  if (name == "all" || name == "any") {
    return Protocol::kAny;
  }
  return util::Error(
      util::ErrorCode::kInvalid,
      fmt::format("'{}' is no protocol: write tcp, udp or all", util::printable(word, 64)));
}

}  // namespace

util::Result<Scope> Scope::make(Protocol protocol, std::vector<PortRange> ports) {
  std::sort(ports.begin(), ports.end());
  Scope scope;
  scope.protocol_ = protocol;
  for (const PortRange& range : ports) {
    if (range.first > range.last) {
      return util::Error(util::ErrorCode::kInvalid,
                         fmt::format("the port range {}:{} runs backwards; did you mean {}:{}?",
                                     range.first, range.last, range.last, range.first));
    }
    if (!scope.ports_.empty() && range.first <= scope.ports_.back().last + 1U) {
      scope.ports_.back().last = std::max(scope.ports_.back().last, range.last);
    } else {
      scope.ports_.push_back(range);
    }
  }
  if (scope.ports_.size() > kMostRanges) {
    return util::Error(util::ErrorCode::kInvalid,
                       fmt::format("{} separate port ranges, at most {} are possible; leave the "
                                   "ports out to ban on every port",
                                   scope.ports_.size(), kMostRanges));
  }
  if (scope.ports_ == std::vector{PortRange{0, 65535}}) {
    scope.ports_.clear();
  }
  return scope;
}

util::Result<Scope> Scope::parse(std::string_view protocol, std::string_view ports) {
  const std::string word = util::to_lower(util::trim(ports));
  const bool has_ports = !word.empty() && word != "all" && word != "any";
  WARDER_ASSIGN_OR_RETURN(const Protocol parsed, parse_protocol(protocol, has_ports));
  if (!has_ports) {
    return make(parsed, {});
  }
  WARDER_ASSIGN_OR_RETURN(std::vector<PortRange> ranges, net::parse_ports(ports));
  return make(parsed, std::move(ranges));
}

std::string Scope::name() const {
  if (is_all()) {
    return "all";
  }
  std::string name = protocol_ == Protocol::kTcp   ? "tcp"
                     : protocol_ == Protocol::kUdp ? "udp"
                                                   : "any";
  for (const PortRange& range : ports_) {
    name += range.first == range.last ? fmt::format("_{}", range.first)
                                      : fmt::format("_{}-{}", range.first, range.last);
  }
  if (name.size() > kLongestName) {
    name = fmt::format("{}_h{:016x}", name.substr(0, 3), fnv1a(name));
  }
  return name;
}

}  // namespace warder::firewall
