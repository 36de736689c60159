#pragma once

#include "config/file_reader.h"
#include "config/place.h"
#include "fail2ban/remark.h"
#include "net/address.h"
#include "util/result.h"

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace warder::fail2ban {

// The addresses of a host name. May ask the network, so never on the thread that reads lines.
using Resolve = std::function<util::Result<std::vector<net::IpAddress>>(const std::string& name)>;

// `ignoreip`, as addresses. What stands for others (a host name, `file:PATH`) is read once, here;
// `names` and `files` say of what, so that somebody can look again.
struct IgnoreList {
  std::vector<net::Prefix> prefixes;
  std::set<std::string> names;
  std::set<std::string> files;
  std::vector<Remark> remarks;
};

// Reads the words of `ignoreip` (fail2ban-compat 14): addresses, ADDRESS/LENGTH, ADDRESS/MASK,
// names, file:PATH. A name that cannot be looked up protects nobody and is a remark; what is none
// of these is one, too. At most 10,000 words; further ones are refused.
IgnoreList read_ignore_list(std::string_view text, const config::Place& place,
                            config::FileReader& files, const Resolve& resolve);

}  // namespace warder::fail2ban
