#include "filter/tags.h"

#include "filter/regex_scanner.h"
#include "filter/unsupported.h"
#include "util/strings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

namespace warder::filter {
namespace {

constexpr std::string_view kIp4 = R"((?:::f{4,6}:)?(?P<ip4>(?:\d{1,3}\.){3}\d{1,3}))";
// The reference ends it in a look-behind that always holds.
constexpr std::string_view kIp6 =
    R"((?P<ip6>(?:[0-9a-fA-F]{1,4}::?|:){1,7}(?:[0-9a-fA-F]{1,4}|:)))";
constexpr std::string_view kDns = R"((?P<dns>[\w\-.^_]*\w))";
constexpr std::string_view kCidr = R"((?P<cidr>\d+))";
constexpr std::string_view kAddressRun = R"([0-9a-fA-F:.\[\]]+)";
constexpr std::string_view kSubnetRun = R"([0-9a-fA-F:.\[\]/]+)";

struct Tag {
  std::string_view name;
  std::string exact;
  std::string sieve;
};

const std::vector<Tag>& fixed_tags() {
  static const std::vector<Tag> tags = [] {
    const std::string ip4(kIp4);
    const std::string ip6(kIp6);
    const std::string dns(kDns);
    const std::string cidr(kCidr);
    const std::string run(kAddressRun);
    const std::string address = R"(\[?(?:)" + ip4 + "|" + ip6 + R"()\]?)";
    const std::string subnet = R"(\[?(?:)" + ip4 + "|" + ip6 + ")(?:/" + cidr + R"()?\]?)";
    const std::string subnet_run(kSubnetRun);
    return std::vector<Tag>{
        {"<HOST>", address, run},
        {"<ADDR>", address, run},
        {"<F-ADDR/>", address, run},
        {"<IP4>", ip4, run},
        {"<F-IP4/>", ip4, run},
        {"<IP6>", ip6, run},
        {"<F-IP6/>", ip6, run},
        {"<DNS>", dns, dns},
        {"<F-DNS/>", dns, dns},
        {"<CIDR>", cidr, cidr},
        {"<F-CIDR/>", cidr, cidr},
        {"<SUBNET>", subnet, subnet_run},
        {"<F-SUBNET/>", subnet, subnet_run},
        {"<F-ID/>", R"((?P<fid>\S+))", R"(\S+)"},
        {"<F-PORT/>", R"((?P<fport>\w+))", R"(\w+)"},
    };
  }();
  return tags;
}

util::Error refuse(std::size_t at, std::string_view tag, std::string_view instead) {
  return {util::ErrorCode::kInvalid,
          fmt::format("column {}: {} is not supported; {}", at + 1, tag, instead)};
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

// <name> as options of a filter are used; one that is still there has no such option, mostly
// because a parameter has a wrong value (<lines-agressive>).
std::string_view option_tag(std::string_view text) {
  const std::size_t end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-/", 1);
  return end != std::string_view::npos && end > 1 && text[end] == '>' ? text.substr(1, end - 1)
                                                                      : std::string_view();
}

std::string group_name(std::string_view tag_name) {
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

// Builds both forms of one expression from left to right.
class Expander {
 public:
  explicit Expander(std::string_view text) : scanner_(text) {}

  util::Result<Expanded> run() {
    while (!scanner_.done()) {
      if (scanner_.is('<')) {
        WARDER_ASSIGN_OR_RETURN(const std::size_t length, expand_tag());
        if (length > 0) {
          scanner_.skip(length);
          continue;
        }
      }
      copy_element();
      scanner_.next();
    }
    if (content_tags_ != 1) {
      out_.content_begin.reset();
      out_.content_end.reset();
    }
    return std::move(out_);
  }

 private:
  // How many bytes of the text the tag at the current place took; 0 when it is none.
  util::Result<std::size_t> expand_tag() {
    const std::string_view rest = scanner_.rest();
    for (const Tag& tag : fixed_tags()) {
      if (rest.starts_with(tag.name)) {
        out_.exact += tag.exact;
        out_.sieve += tag.sieve;
        return tag.name.size();
      }
    }
    if (rest.starts_with("<SKIPLINES>")) {
      return refuse(scanner_.at(), "<SKIPLINES>",
                    "join the lines of one session with <F-MLFID> instead");
    }
    if (const std::string_view name = option_tag(rest); !name.empty() && !after_group_begin()) {
      return util::Error(
          util::ErrorCode::kInvalid,
          fmt::format("column {}: the filter has no option '{}' for <{}>; write [<] where '<' "
                      "itself is meant",
                      scanner_.at() + 1, name, name));
    }
    if (const std::string_view name = free_tag_name(rest, "</F-"); !name.empty()) {
      return close(name) ? name.size() + 5 : std::size_t{0};
    }
    const std::string_view name = free_tag_name(rest, "<F-");
    if (name.empty()) {
      return std::size_t{0};
    }
    if (name.starts_with("TUPLE_")) {
      return refuse(scanner_.at(), fmt::format("<F-{}>", name),
                    "an offender is one address: capture it with <HOST> or <F-ID>");
    }
    if (name == "CONTENT") {
      out_.content_begin = out_.sieve.size();
      ++content_tags_;
    }
    open_.emplace_back(name);
    out_.exact += fmt::format("(?P<{}>", group_name(name));
    out_.sieve += "(?:";
    return name.size() + 4;
  }

  // "(?P" stands before the current element.
  bool after_group_begin() const { return out_.exact.ends_with("(?P"); }

  // Closes the free tag if it is open; a stray one stays text.
  bool close(std::string_view name) {
    const auto found = std::find(open_.begin(), open_.end(), name);
    if (found == open_.end()) {
      return false;
    }
    open_.erase(found);
    out_.exact += ')';
    out_.sieve += ')';
    if (name == "CONTENT") {
      out_.content_end = out_.sieve.size();
    }
    return true;
  }

  void copy_element() {
    const std::string_view element = scanner_.element();
    if (scanner_.is_escape() && !scanner_.in_class()) {
      const char c = element[1];
      if (c == 'Z') {
        out_.exact += "\\z";
        out_.sieve += "\\z";
        return;
      }
      out_.exact += element;
      if (c != 'b' && c != 'B') {
        out_.sieve += element;
      } else {
        out_.sieve += "(?:)";
      }
      return;
    }
    out_.exact += element;
    out_.sieve += element;
  }

  RegexScanner scanner_;
  Expanded out_;
  std::vector<std::string> open_;
  int content_tags_ = 0;
};

// "(?i)" at the begin of an expression: the letters, else empty.
std::string_view leading_flags(std::string_view text) {
  if (!text.starts_with("(?")) {
    return {};
  }
  const std::size_t end = text.find_first_not_of("imsU", 2);
  return end != std::string_view::npos && end > 2 && text[end] == ')' ? text.substr(2, end - 2)
                                                                      : std::string_view();
}

struct Shape {
  bool ends_in_anchor = false;
  bool has_alternatives = false;  // outside of groups
  bool has_inner_anchors = false;
};

// Looks at an expression whose leading '^' is gone.
Shape shape_of(std::string_view text) {
  Shape shape;
  for (RegexScanner scanner(text); !scanner.done(); scanner.next()) {
    if (scanner.in_class()) {
      continue;
    }
    const bool last = scanner.rest().size() == scanner.element().size();
    if (scanner.is('$') && last && scanner.depth() == 0) {
      shape.ends_in_anchor = true;
    } else if (scanner.is('^') || scanner.is('$')) {
      shape.has_inner_anchors = true;
    } else if (scanner.is_escape()) {
      const char c = scanner.element()[1];
      shape.has_inner_anchors |= c == 'A' || c == 'z';
    } else if (scanner.is('|') && scanner.depth() == 0) {
      shape.has_alternatives = true;
    }
  }
  return shape;
}

}  // namespace

util::Result<Expanded> expand_tags(std::string_view text) {
  WARDER_RETURN_IF_ERROR(check_supported(text));
  return Expander(text).run();
}

std::optional<std::string> join_sieves(const Expanded& prefix, const Expanded& pattern) {
  if (!prefix.content_begin || !prefix.content_end) {
    return std::nullopt;
  }
  std::string_view body = pattern.sieve;
  const std::string_view flags = leading_flags(body);
  if (!flags.empty()) {
    body.remove_prefix(flags.size() + 3);
  }
  const bool begins = body.starts_with('^');
  if (begins) {
    body.remove_prefix(1);
  }
  const Shape shape = shape_of(body);
  if (shape.has_alternatives || shape.has_inner_anchors) {
    return std::nullopt;
  }
  if (shape.ends_in_anchor) {
    body.remove_suffix(1);
  }
  const std::string_view before = std::string_view(prefix.sieve).substr(0, *prefix.content_begin);
  const std::string_view after = std::string_view(prefix.sieve).substr(*prefix.content_end);
  const std::string joined =
      fmt::format("{}{}(?{}:{})", before, begins ? "" : "(?s:.*)", flags, body);
  if (shape.ends_in_anchor) {
    return joined + std::string(after);
  }
  // What follows in the line need not be read when it can be anything.
  return after.empty() || after == "$" ? joined : joined + "(?s:.*)" + std::string(after);
}

bool begins_with_anchor(std::string_view sieve) {
  const std::string_view flags = leading_flags(sieve);
  if (!flags.empty()) {
    sieve.remove_prefix(flags.size() + 3);
  }
  return sieve.starts_with('^') && flags.find('m') == std::string_view::npos &&
         !shape_of(sieve.substr(1)).has_alternatives;
}

}  // namespace warder::filter
