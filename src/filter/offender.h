#pragma once

#include "filter/notice.h"
#include "filter/text_pattern.h"
#include "net/address.h"

#include <optional>
#include <string_view>

namespace warder::filter {

// Whom a match names.
struct Offender {
  std::optional<net::Prefix> address;
  // Why there is no address, and the text that stood in its place.
  NoticeKind problem = NoticeKind::kNoAddress;
  std::string_view subject;
};

// Reads the identifying captures: `fid` if it is an address or prefix, else `ip4` or `ip6` (with
// `cidr` the prefix), else `dns` if it is written as an address. Nothing is resolved, and what is
// no address is never passed on (the reference bans such text).
Offender identify(const Captures& captures);

// Gives each capture that is empty the first non-empty one of its <F-ALT_NAME> or <F-ALT_NAME_n>,
// in the order of their names, and removes those.
void fill_alternatives(Captures& captures);

}  // namespace warder::filter
