#pragma once

#include <string>
#include <string_view>

namespace warder::filter {

// The path of a request's URI as a server routes it: without scheme and authority of an absolute
// URI ("GET http://host/admin"), without query, percent escapes undone once, repeated slashes, "."
// and ".." resolved, without a slash at the end. So "/admin", "//x/../%61dmin/?a" and
// "http://h/admin" are one path, and nobody slips past a filter by spelling.
// Writes to `out`, whose storage is reused, and never more bytes than `uri` has plus one.
void uri_path(std::string_view uri, std::string& out);

}  // namespace warder::filter
