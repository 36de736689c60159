#include "filter/offender.h"

#include <algorithm>
#include <charconv>

namespace warder::filter {
namespace {

constexpr std::string_view kAlternative = "alt_";

Offender from_address(std::string_view text, std::string_view cidr) {
  const auto address = net::IpAddress::parse(text);
  if (!address) {
    return {std::nullopt, NoticeKind::kBadAddress, text};
  }
  unsigned length = address->bits();
  if (!cidr.empty()) {
    const auto [end, error] = std::from_chars(cidr.data(), cidr.data() + cidr.size(), length);
    if (error != std::errc() || end != cidr.data() + cidr.size() || length > address->bits()) {
      return {std::nullopt, NoticeKind::kBadAddress, cidr};
    }
  }
  return {net::Prefix(*address, length), NoticeKind::kNoAddress, {}};
}

// "alt_user_2" stands for "user".
std::string_view stands_for(std::string_view name) {
  name.remove_prefix(kAlternative.size());
  const std::size_t digits = name.find_last_not_of("0123456789");
  if (digits != std::string_view::npos && digits + 1 < name.size() && name[digits] == '_' &&
      digits > 0) {
    name = name.substr(0, digits);
  }
  return name;
}

}  // namespace

Offender identify(const Captures& captures) {
  const std::string_view id = find_capture(captures, "fid");
  if (const auto prefix = net::Prefix::parse(id)) {
    return {*prefix, NoticeKind::kNoAddress, {}};
  }
  std::string_view address = find_capture(captures, "ip4");
  if (address.empty()) {
    address = find_capture(captures, "ip6");
  }
  if (!address.empty()) {
    return from_address(address, find_capture(captures, "cidr"));
  }
  if (!id.empty()) {
    return {std::nullopt, NoticeKind::kBadAddress, id};
  }
  const std::string_view name = find_capture(captures, "dns");
  if (name.empty()) {
    return {};
  }
  Offender offender = from_address(name, {});
  offender.problem = NoticeKind::kHostName;
  return offender;
}

void fill_alternatives(Captures& captures) {
  Captures alternatives;
  std::copy_if(captures.begin(), captures.end(), std::back_inserter(alternatives),
               [](const auto& capture) { return capture.first.starts_with(kAlternative); });
  if (alternatives.empty()) {
    return;
  }
  std::erase_if(captures,
                [](const auto& capture) { return capture.first.starts_with(kAlternative); });
  std::sort(alternatives.begin(), alternatives.end());
  for (const auto& [name, value] : alternatives) {
    const std::string_view target = stands_for(name);
    const auto known = std::find_if(captures.begin(), captures.end(),
                                    [&](const auto& capture) { return capture.first == target; });
    if (known == captures.end()) {
      captures.emplace_back(target, value);
    } else if (known->second.empty()) {
      known->second = value;
    }
  }
}

}  // namespace warder::filter
