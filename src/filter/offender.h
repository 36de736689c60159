#pragma once

#include "filter/notice.h"
#include "filter/text_options.h"
#include "filter/text_pattern.h"
#include "net/address.h"

#include <list>
#include <optional>
#include <string>
#include <string_view>

namespace warder::filter {

// Whom a match names.
struct Offender {
  std::optional<net::Prefix> address;
  // With UseDns::kRaw and kLookUp: what identifies it, if that is no address.
  std::string_view identifier;
  // Why there is no address, and the text that stood in its place.
  NoticeKind problem = NoticeKind::kNoAddress;
  std::string_view subject;
};

// Reads the identifying captures: `fid` if it is an address or prefix, else `ip4` or `ip6` (with
// `cidr` the prefix), else `dns` if it is written as an address. Nothing is resolved, and what is
// no address is never passed on (the reference bans such text). With UseDns::kRaw any text
// is an identifier as it stands, with UseDns::kLookUp a host name.
Offender identify(const Captures& captures, UseDns usedns);

// Gives each capture that is empty the first non-empty one of its <F-ALT_NAME> or <F-ALT_NAME_n>,
// in the order of their names, and each that has <F-TUPLE_NAME> or <F-TUPLE_NAME_n> the tuple of
// them all, written as in the reference: ('a', 'b'). Removes those. `kept` holds new texts.
void fill_alternatives(Captures& captures, std::list<std::string>& kept);

}  // namespace warder::filter
