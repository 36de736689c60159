#include "firewall/scope.h"

#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <netdb.h>

namespace warder::firewall {
namespace {

// nft shows names up to 128 bytes; a set's name adds "_v6_128".
constexpr std::size_t kLongestName = 80;

// The services that jails name most, so that a host without /etc/services (package netbase) can
// still read them.
struct Service {
  std::string_view name;
  std::uint16_t port;
};
constexpr std::array<Service, 14> kServices{{{"ssh", 22},
                                             {"http", 80},
                                             {"https", 443},
                                             {"ftp", 21},
                                             {"ftp-data", 20},
                                             {"smtp", 25},
                                             {"submission", 587},
                                             {"submissions", 465},
                                             {"pop3", 110},
                                             {"pop3s", 995},
                                             {"imap2", 143},
                                             {"imap", 143},
                                             {"imaps", 993},
                                             {"domain", 53}}};

std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  }
  return hash;
}

util::Result<std::uint16_t> parse_port(std::string_view word, Protocol protocol) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error == std::errc{} && end == word.data() + word.size() && number <= 65535) {
    return static_cast<std::uint16_t>(number);
  }
  const std::string name = util::to_lower(word);
  for (const Service& service : kServices) {
    if (service.name == name) {
      return service.port;
    }
  }
  servent entry{};
  servent* found = nullptr;
  std::array<char, 2048> buffer{};
  const char* wanted = protocol == Protocol::kUdp ? "udp" : "tcp";
  if (getservbyname_r(name.c_str(), wanted, &entry, buffer.data(), buffer.size(), &found) == 0 &&
      found != nullptr) {
    return ntohs(static_cast<std::uint16_t>(found->s_port));
  }
  return util::Error(
      util::ErrorCode::kInvalid,
      fmt::format("'{}' is no port: write a number from 0 to 65535, a range like 1000:2000 or a "
                  "service of /etc/services",
                  util::printable(word, 64)));
}

util::Result<PortRange> parse_range(std::string_view word, Protocol protocol) {
  // A service may have a dash in its name (ftp-data), so a range with a dash is digits only.
  std::size_t separator = word.find(':');
  if (separator == std::string_view::npos &&
      word.find_first_not_of("0123456789-") == std::string_view::npos) {
    separator = word.find('-');
  }
  WARDER_ASSIGN_OR_RETURN(const std::uint16_t first,
                          parse_port(word.substr(0, separator), protocol));
  if (separator == std::string_view::npos) {
    return PortRange{first, first};
  }
  WARDER_ASSIGN_OR_RETURN(const std::uint16_t last,
                          parse_port(word.substr(separator + 1), protocol));
  return PortRange{first, last};
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
  std::vector<std::string_view> words = util::split_words(ports, ", \t\r\n");
  std::erase_if(words, [](std::string_view word) {
    const std::string name = util::to_lower(word);
    return name == "all" || name == "any";
  });
  WARDER_ASSIGN_OR_RETURN(const Protocol parsed, parse_protocol(protocol, !words.empty()));
  std::vector<PortRange> ranges;
  for (const std::string_view word : words) {
    WARDER_ASSIGN_OR_RETURN(const PortRange range, parse_range(word, parsed));
    ranges.push_back(range);
  }
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
