#pragma once

#include "util/result.h"

#include <curl/curl.h>

#include <string_view>

namespace warder::http {

// What libcurl's failure means to an operator: the cause and what to do. `where` is
// Target::to_string(); libcurl's own texts are not used, since they may quote the URL.
util::Error describe_failure(CURLcode code, CURL* handle, std::string_view where);

}  // namespace warder::http
