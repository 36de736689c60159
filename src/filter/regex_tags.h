#pragma once

#include "filter/regex_tree.h"

#include <string>
#include <string_view>
#include <vector>

// The tags of fail2ban in expressions (fail2ban-compat 11): what they stand for, and their names.
namespace warder::filter {

struct RegexTag {
  std::string_view name;  // as it is written: "<HOST>"
  std::string expansion;  // the expression that it stands for, groups included
  // The characters that it takes, for coarser forms; empty: as the expression has them.
  std::string_view run;
};

// Those that stand for an expression of their own. The reference lives as long as the program.
const std::vector<RegexTag>& tags_of(HostTag host);

// The NAME of a free tag that `text` begins with, <F-NAME> or </F-NAME>, as a part of `text`; else
// empty.
std::string_view opening_tag_name(std::string_view text);
std::string_view closing_tag_name(std::string_view text);

// The name of <name> at the begin of `text`, as options of a filter are used; else empty. One that
// is still there has no such option, mostly because a parameter has a wrong value
// (<lines-agressive>).
std::string_view option_tag(std::string_view text);

// The group that a free tag captures: "fid" of ID, "alt_user" of ALT_USER.
std::string group_of_tag(std::string_view tag_name);

}  // namespace warder::filter
