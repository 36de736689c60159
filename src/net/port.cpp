#include "net/port.h"

#include "util/strings.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace warder::net {
namespace {

struct Service {
  std::string_view name;
  std::uint16_t port;
};

// The services that stock jails of fail2ban name, with the ports of the IANA registry.
constexpr auto kServices = std::to_array<Service>({
    {"domain", 53},        {"ftp", 21},           {"ftp-data", 20},     {"ftps", 990},
    {"ftps-data", 989},    {"http", 80},          {"https", 443},       {"imap", 143},
    {"imap2", 143},        {"imap3", 220},        {"imaps", 993},       {"ldap", 389},
    {"ldaps", 636},        {"mysql", 3306},       {"pop3", 110},        {"pop3s", 995},
    {"postgresql", 5432},  {"sieve", 4190},       {"sip", 5060},        {"sip-tls", 5061},
    {"smtp", 25},          {"smtps", 465},        {"socks", 1080},      {"ssh", 22},
    {"ssmtp", 465},        {"submission", 587},   {"submissions", 465}, {"telnet", 23},
    {"xmpp-client", 5222}, {"xmpp-server", 5269},
});

std::optional<std::uint16_t> parse_port(std::string_view text) {
  for (const Service& service : kServices) {
    if (service.name == text) {
      return service.port;
    }
  }
  std::uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, port);
  if (text.empty() || error != std::errc{} || rest != end) {
    return std::nullopt;
  }
  return port;
}

// "80", "ssh", "1:100" or "1-100"; a name may hold a '-' itself.
std::optional<PortRange> parse_range(std::string_view text) {
  if (const auto single = parse_port(text)) {
    return PortRange{*single, *single};
  }
  const std::size_t separator = text.find_first_of(":-");
  if (separator == std::string_view::npos) {
    return std::nullopt;
  }
  const auto first = parse_port(text.substr(0, separator));
  const auto last = parse_port(text.substr(separator + 1));
  if (!first || !last || *last < *first) {
    return std::nullopt;
  }
  return PortRange{*first, *last};
}

util::Error refuse(std::string_view word) {
  std::vector<std::string_view> names;
  for (const Service& service : kServices) {
    names.push_back(service.name);
  }
  std::string text = fmt::format("'{}' is no port; write for instance 443, 1000:2000 or https",
                                 util::printable(word, 64));
  if (const auto near = util::nearest(word.substr(0, 64), names);
      near && word.find_first_of("0123456789") == std::string_view::npos) {
    text += fmt::format("; did you mean {}?", *near);
  }
  return util::Error(util::ErrorCode::kInvalid, std::move(text));
}

}  // namespace

util::Result<std::vector<PortRange>> parse_ports(std::string_view text) {
  std::vector<PortRange> ranges;
  for (const std::string_view word : util::split_words(text, " \t\r\n,")) {
    const auto range = parse_range(word);
    if (!range) {
      return refuse(word);
    }
    ranges.push_back(*range);
  }
  if (ranges.empty()) {
    return refuse(text);
  }
  std::sort(ranges.begin(), ranges.end());
  std::vector<PortRange> joined;
  for (const PortRange& range : ranges) {
    if (!joined.empty() && range.first <= std::uint32_t{joined.back().last} + 1) {
      joined.back().last = std::max(joined.back().last, range.last);
    } else {
      joined.push_back(range);
    }
  }
  return joined;
}

std::string format_ports(std::span<const PortRange> ports) {
  std::string text;
  for (const PortRange& range : ports) {
    text += text.empty() ? "" : ",";
    text += range.first == range.last ? fmt::format("{}", range.first)
                                      : fmt::format("{}:{}", range.first, range.last);
  }
  return text;
}

}  // namespace warder::net
