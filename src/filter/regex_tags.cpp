#include "filter/regex_tags.h"

#include "util/strings.h"

#include <algorithm>

namespace warder::filter {
namespace {

constexpr std::string_view kIp4 = R"((?:::f{4,6}:)?(?P<ip4>(?:\d{1,3}\.){3}\d{1,3}))";
// The reference ends it in a look-behind that always holds.
constexpr std::string_view kIp6 =
    R"((?P<ip6>(?:[0-9a-fA-F]{1,4}::?|:){1,7}(?:[0-9a-fA-F]{1,4}|:)))";
constexpr std::string_view kDns = R"((?P<dns>[\w\-.^_]*\w))";
constexpr std::string_view kCidr = R"((?P<cidr>\d+))";
constexpr std::string_view kAddressRun = R"([0-9a-fA-F:.\[\]]+)";
constexpr std::string_view kNameRun = R"([\w\-.^:\[\]\xff]+)";
constexpr std::string_view kSubnetRun = R"([0-9a-fA-F:.\[\]/]+)";

std::vector<RegexTag> make_tags(HostTag host) {
  const std::string ip4(kIp4);
  const std::string ip6(kIp6);
  const std::string dns(kDns);
  const std::string cidr(kCidr);
  const std::string address = R"(\[?(?:)" + ip4 + "|" + ip6 + R"()\]?)";
  const std::string subnet = R"(\[?(?:)" + ip4 + "|" + ip6 + ")(?:/" + cidr + R"()?\]?)";
  const bool named = host == HostTag::kAddressOrName;
  return {
      {"<HOST>", named ? "(?:" + address + "|" + dns + ")" : address,
       named ? kNameRun : kAddressRun},
      {"<ADDR>", address, kAddressRun},
      {"<F-ADDR/>", address, kAddressRun},
      {"<IP4>", ip4, kAddressRun},
      {"<F-IP4/>", ip4, kAddressRun},
      {"<IP6>", ip6, kAddressRun},
      {"<F-IP6/>", ip6, kAddressRun},
      {"<DNS>", dns, {}},
      {"<F-DNS/>", dns, {}},
      {"<CIDR>", cidr, {}},
      {"<F-CIDR/>", cidr, {}},
      {"<SUBNET>", subnet, kSubnetRun},
      {"<F-SUBNET/>", subnet, kSubnetRun},
      {"<F-ID/>", R"((?P<fid>\S+))", {}},
      {"<F-PORT/>", R"((?P<fport>\w+))", {}},
  };
}

// <F-NAME> or </F-NAME>: the NAME, else empty.
std::string_view free_tag_name(std::string_view text, std::string_view begin) {
  if (!text.starts_with(begin)) {
    return {};
  }
  const std::size_t end = text.find('>');
  if (end == std::string_view::npos) {
    return {};
  }
  const std::string_view name = text.substr(begin.size(), end - begin.size());
  const bool fits = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
  return fits ? name : std::string_view();
}

}  // namespace

const std::vector<RegexTag>& tags_of(HostTag host) {
  static const std::vector<RegexTag> addresses = make_tags(HostTag::kAddress);
  static const std::vector<RegexTag> names = make_tags(HostTag::kAddressOrName);
  return host == HostTag::kAddress ? addresses : names;
}

std::string_view opening_tag_name(std::string_view text) { return free_tag_name(text, "<F-"); }

std::string_view closing_tag_name(std::string_view text) { return free_tag_name(text, "</F-"); }

std::string_view option_tag(std::string_view text) {
  const std::size_t end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-/", 1);
  return end != std::string_view::npos && end > 1 && text[end] == '>' ? text.substr(1, end - 1)
                                                                      : std::string_view();
}

std::string group_of_tag(std::string_view tag_name) {
  if (tag_name == "ID") {
    return "fid";
  }
  if (tag_name == "PORT") {
    return "fport";
  }
  std::string name = util::to_lower(tag_name);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

}  // namespace warder::filter
