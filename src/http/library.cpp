#include "http/library.h"

#include "log/log.h"

#include <csignal>
#include <dlfcn.h>
#include <optional>

namespace warder::http {
namespace {

template <typename Function>
bool find(void* handle, const char* name, Function& function) {
  // POSIX has it that a function may be got this way.
  function = reinterpret_cast<Function>(::dlsym(handle, name));
  return function != nullptr;
}

std::optional<Library> load() {
  // Stays loaded: its threads of name look-ups may outlive any client.
  void* const handle = ::dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
  Library made{};
  const bool complete =
      handle != nullptr && find(handle, "curl_easy_cleanup", made.easy_cleanup) &&
      find(handle, "curl_easy_getinfo", made.easy_getinfo) &&
      find(handle, "curl_easy_init", made.easy_init) &&
      find(handle, "curl_easy_perform", made.easy_perform) &&
      find(handle, "curl_easy_reset", made.easy_reset) &&
      find(handle, "curl_easy_setopt", made.easy_setopt) &&
      find(handle, "curl_easy_strerror", made.easy_strerror) &&
      find(handle, "curl_free", made.free) && find(handle, "curl_getdate", made.getdate) &&
      find(handle, "curl_global_init", made.global_init) &&
      find(handle, "curl_multi_add_handle", made.multi_add_handle) &&
      find(handle, "curl_multi_cleanup", made.multi_cleanup) &&
      find(handle, "curl_multi_info_read", made.multi_info_read) &&
      find(handle, "curl_multi_init", made.multi_init) &&
      find(handle, "curl_multi_perform", made.multi_perform) &&
      find(handle, "curl_multi_poll", made.multi_poll) &&
      find(handle, "curl_multi_remove_handle", made.multi_remove_handle) &&
      find(handle, "curl_multi_wakeup", made.multi_wakeup) &&
      find(handle, "curl_slist_append", made.slist_append) &&
      find(handle, "curl_slist_free_all", made.slist_free_all) &&
      find(handle, "curl_url", made.url) && find(handle, "curl_url_cleanup", made.url_cleanup) &&
      find(handle, "curl_url_get", made.url_get) && find(handle, "curl_url_set", made.url_set);
  if (!complete) {
    const char* const why = ::dlerror();
    log::error("{} ({})", kNoLibrary, why == nullptr ? "a function is missing" : why);
    return std::nullopt;
  }
  made.global_init(CURL_GLOBAL_DEFAULT);
  struct sigaction current{};
  if (::sigaction(SIGPIPE, nullptr, &current) == 0 && current.sa_handler == SIG_DFL) {
    ::signal(SIGPIPE, SIG_IGN);
  }
  return made;
}

}  // namespace

const Library* library() {
  static const std::optional<Library> made = load();
  return made ? &*made : nullptr;
}

}  // namespace warder::http
