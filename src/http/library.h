#pragma once

#include <curl/curl.h>

#include <string_view>

namespace warder::http {

// The functions of libcurl that are in use, by their names without "curl_".
struct Library {
  decltype(&::curl_easy_cleanup) easy_cleanup;
  decltype(&::curl_easy_getinfo) easy_getinfo;
  decltype(&::curl_easy_init) easy_init;
  decltype(&::curl_easy_perform) easy_perform;
  decltype(&::curl_easy_reset) easy_reset;
  decltype(&::curl_easy_setopt) easy_setopt;
  decltype(&::curl_easy_strerror) easy_strerror;
  decltype(&::curl_free) free;
  decltype(&::curl_getdate) getdate;
  decltype(&::curl_global_init) global_init;
  decltype(&::curl_multi_add_handle) multi_add_handle;
  decltype(&::curl_multi_cleanup) multi_cleanup;
  decltype(&::curl_multi_info_read) multi_info_read;
  decltype(&::curl_multi_init) multi_init;
  decltype(&::curl_multi_perform) multi_perform;
  decltype(&::curl_multi_poll) multi_poll;
  decltype(&::curl_multi_remove_handle) multi_remove_handle;
  decltype(&::curl_multi_wakeup) multi_wakeup;
  decltype(&::curl_slist_append) slist_append;
  decltype(&::curl_slist_free_all) slist_free_all;
  decltype(&::curl_url) url;
  decltype(&::curl_url_cleanup) url_cleanup;
  decltype(&::curl_url_get) url_get;
  decltype(&::curl_url_set) url_set;
};

// libcurl, loaded and made ready for this process when it is first asked for, which also has the
// process ignore SIGPIPE unless it handles it: OpenSSL writes to sockets without MSG_NOSIGNAL, so a
// peer that went away would end it. It is not linked to, since it brings thirty libraries and four
// megabytes that an agent without destinations on the network never needs. Null when it cannot be
// loaded, which the log tells. Thread safe.
const Library* library();

// What to say where it is null.
constexpr std::string_view kNoLibrary =
    "libcurl.so.4 cannot be loaded; install the package libcurl4 and restart warder";

}  // namespace warder::http
