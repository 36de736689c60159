#include "filter/offender.h"

#include <algorithm>
#include <charconv>
#include <iterator>

namespace warder::filter {
namespace {

constexpr std::string_view kAlternative = "alt_";
constexpr std::string_view kTuple = "tuple_";

Offender not_one(NoticeKind problem, std::string_view subject) {
  Offender offender;
  offender.problem = problem;
  offender.subject = subject;
  return offender;
}

Offender from_prefix(const net::Prefix& prefix) {
  Offender offender;
  offender.address = prefix;
  return offender;
}

Offender from_text(std::string_view text) {
  Offender offender;
  offender.identifier = text;
  return offender;
}

Offender from_address(std::string_view text, std::string_view cidr) {
  const auto address = net::IpAddress::parse(text);
  if (!address) {
    return not_one(NoticeKind::kBadAddress, text);
  }
  unsigned length = address->bits();
  if (!cidr.empty()) {
    const auto [end, error] = std::from_chars(cidr.data(), cidr.data() + cidr.size(), length);
    if (error != std::errc() || end != cidr.data() + cidr.size() || length > address->bits()) {
      return not_one(NoticeKind::kBadAddress, cidr);
    }
  }
  return from_prefix(net::Prefix(*address, length));
}

// "alt_user_2" stands for "user".
std::string_view stands_for(std::string_view name, std::string_view mark) {
  name.remove_prefix(mark.size());
  const std::size_t digits = name.find_last_not_of("0123456789");
  if (digits != std::string_view::npos && digits + 1 < name.size() && name[digits] == '_' &&
      digits > 0) {
    name = name.substr(0, digits);
  }
  // As for the tags without a mark.
  return name == "id" ? "fid" : name == "port" ? "fport" : name;
}

}  // namespace

Offender identify(const Captures& captures, UseDns usedns) {
  const std::string_view id = find_capture(captures, "fid");
  if (const auto prefix = net::Prefix::parse(id)) {
    return from_prefix(*prefix);
  }
  if (!id.empty() && usedns == UseDns::kRaw) {
    return from_text(id);
  }
  std::string_view address = find_capture(captures, "ip4");
  if (address.empty()) {
    address = find_capture(captures, "ip6");
  }
  if (!address.empty()) {
    const Offender offender = from_address(address, find_capture(captures, "cidr"));
    return !offender.address && usedns == UseDns::kRaw ? from_text(address) : offender;
  }
  if (!id.empty()) {
    return not_one(NoticeKind::kBadAddress, id);
  }
  const std::string_view name = find_capture(captures, "dns");
  if (name.empty()) {
    return {};
  }
  Offender offender = from_address(name, {});
  if (!offender.address && (usedns == UseDns::kRaw || usedns == UseDns::kLookUp)) {
    return from_text(name);
  }
  offender.problem = NoticeKind::kHostName;
  return offender;
}

namespace {

// Takes the captures out whose names begin with `mark`, in the order of their names.
Captures take_marked(Captures& captures, std::string_view mark) {
  const auto is_marked = [mark](const auto& capture) { return capture.first.starts_with(mark); };
  Captures taken;
  std::copy_if(captures.begin(), captures.end(), std::back_inserter(taken), is_marked);
  std::erase_if(captures, is_marked);
  std::sort(taken.begin(), taken.end());
  return taken;
}

// As Python writes a text.
std::string quoted(std::string_view text) {
  const char quote =
      text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos ? '"'
                                                                                            : '\'';
  std::string out(1, quote);
  for (const char c : text) {
    if (c == quote || c == '\\') {
      out += '\\';
    }
    out += c;
  }
  return out + quote;
}

}  // namespace

void fill_alternatives(Captures& captures, std::list<std::string>& kept) {
  for (const auto& [name, value] : take_marked(captures, kAlternative)) {
    const std::string_view target = stands_for(name, kAlternative);
    if (!value.empty() && find_capture(captures, target).empty()) {
      set_capture(captures, target, value);
    }
  }
  const Captures parts = take_marked(captures, kTuple);
  for (std::size_t begin = 0; begin < parts.size();) {
    const std::string_view target = stands_for(parts[begin].first, kTuple);
    std::string tuple = "(" + quoted(find_capture(captures, target));
    for (; begin < parts.size() && stands_for(parts[begin].first, kTuple) == target; ++begin) {
      tuple += ", " + quoted(parts[begin].second);
    }
    kept.push_back(tuple + ")");
    set_capture(captures, target, kept.back());
  }
}

}  // namespace warder::filter
