// Preloaded into an agent under test: what goes wrong below it. Files in the folder $WARDER_INJECT
// say what does, as long as they are there:
//   hold-sync   fsync() and fdatasync() do not return
//   edquot, erofs, eio   writing below $WARDER_INJECT_BELOW fails so
//   no-inode    nothing can be created there
// $WARDER_INJECT_MALLOC=N has the N-th allocation since main() began fail, and no other.
// $WARDER_INJECT_KILL=N has the process killed at the N-th call since main() began that writes,
// syncs, renames, removes, cuts or sends, before it is done. A line with "this-record-is-poison"
// ends the process when it is matched.
#include <re2/set.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace {

template <typename Function>
Function real(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

bool is_on(const char* fault) {
  const char* const folder = std::getenv("WARDER_INJECT");
  if (folder == nullptr) {
    return false;
  }
  char path[512];
  std::snprintf(path, sizeof path, "%s/%s", folder, fault);
  const int before = errno;
  const bool on = ::access(path, F_OK) == 0;
  errno = before;
  return on;
}

bool is_below(const char* path) {
  const char* const folder = std::getenv("WARDER_INJECT_BELOW");
  return folder != nullptr && std::strncmp(path, folder, std::strlen(folder)) == 0;
}

bool is_below(int fd) {
  char link[64];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  char path[512];
  const ssize_t length = ::readlink(link, path, sizeof path - 1);
  if (length <= 0) {
    return false;
  }
  path[length] = '\0';
  return is_below(path);
}

// The error that writing has now; 0 for none.
int trouble() { return is_on("edquot") ? EDQUOT : is_on("erofs") ? EROFS : is_on("eio") ? EIO : 0; }

bool fails(int fd) {
  const int error = trouble();
  if (error == 0 || !is_below(fd)) {
    return false;
  }
  errno = error;
  return true;
}

bool creation_fails(const char* path, int flags) {
  if ((flags & O_CREAT) == 0 || !is_below(path)) {
    return false;
  }
  struct stat status{};
  if (::stat(path, &status) == 0) {
    return false;
  }
  const int error = is_on("no-inode") ? ENOSPC : trouble();
  errno = error;
  return error != 0;
}

void hold() {
  while (is_on("hold-sync")) {
    ::usleep(1000);
  }
}

// Before anything else of this process allocates; dlsym() itself may allocate.
extern "C" void* __libc_malloc(std::size_t size);

std::atomic<long> g_allocations{0};
std::atomic<bool> g_in_main{false};

long number_in(const char* variable) {
  const char* const text = std::getenv(variable);
  return text == nullptr ? -1 : std::strtol(text, nullptr, 10);
}

long failing_allocation() {
  static const long number = number_in("WARDER_INJECT_MALLOC");
  return number;
}

std::atomic<long> g_effects{0};

// Called before what others can see or a disk keeps.
void about_to_have_an_effect() {
  static const long number = number_in("WARDER_INJECT_KILL");
  if (g_in_main && number > 0 && ++g_effects == number) {
    ::kill(::getpid(), SIGKILL);
  }
}

}  // namespace

extern "C" {

void* malloc(std::size_t size) {
  if (g_in_main && failing_allocation() > 0 && ++g_allocations == failing_allocation()) {
    errno = ENOMEM;
    return nullptr;
  }
  return __libc_malloc(size);
}

// One of the first things that main() does.
sighandler_t signal(int number, sighandler_t handler) noexcept {
  g_in_main = true;
  return real<sighandler_t (*)(int, sighandler_t)>("signal")(number, handler);
}

int fsync(int fd) {
  about_to_have_an_effect();
  hold();
  return fails(fd) ? -1 : real<int (*)(int)>("fsync")(fd);
}

int fdatasync(int fd) {
  about_to_have_an_effect();
  hold();
  return fails(fd) ? -1 : real<int (*)(int)>("fdatasync")(fd);
}

ssize_t write(int fd, const void* data, std::size_t size) {
  about_to_have_an_effect();
  return fails(fd) ? -1 : real<ssize_t (*)(int, const void*, std::size_t)>("write")(fd, data, size);
}

ssize_t pwrite64(int fd, const void* data, std::size_t size, off64_t at) {
  about_to_have_an_effect();
  return fails(fd) ? -1
                   : real<ssize_t (*)(int, const void*, std::size_t, off64_t)>("pwrite64")(
                         fd, data, size, at);
}

ssize_t pwrite(int fd, const void* data, std::size_t size, off_t at) {
  about_to_have_an_effect();
  return fails(fd) ? -1
                   : real<ssize_t (*)(int, const void*, std::size_t, off_t)>("pwrite")(fd, data,
                                                                                       size, at);
}

ssize_t send(int fd, const void* data, std::size_t size, int flags) {
  about_to_have_an_effect();
  return real<ssize_t (*)(int, const void*, std::size_t, int)>("send")(fd, data, size, flags);
}

ssize_t sendto(int fd, const void* data, std::size_t size, int flags, const sockaddr* to,
               socklen_t length) {
  about_to_have_an_effect();
  return real<ssize_t (*)(int, const void*, std::size_t, int, const sockaddr*, socklen_t)>(
      "sendto")(fd, data, size, flags, to, length);
}

int rename(const char* from, const char* to) noexcept {
  about_to_have_an_effect();
  return real<int (*)(const char*, const char*)>("rename")(from, to);
}

int unlink(const char* path) noexcept {
  about_to_have_an_effect();
  return real<int (*)(const char*)>("unlink")(path);
}

int ftruncate64(int fd, off64_t size) noexcept {
  about_to_have_an_effect();
  return real<int (*)(int, off64_t)>("ftruncate64")(fd, size);
}

int ftruncate(int fd, off_t size) noexcept {
  about_to_have_an_effect();
  return real<int (*)(int, off_t)>("ftruncate")(fd, size);
}

int open64(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const auto mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : mode_t{0};
  va_end(rest);
  return creation_fails(path, flags)
             ? -1
             : real<int (*)(const char*, int, mode_t)>("open64")(path, flags, mode);
}

int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const auto mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : mode_t{0};
  va_end(rest);
  return creation_fails(path, flags)
             ? -1
             : real<int (*)(const char*, int, mode_t)>("open")(path, flags, mode);
}

}  // extern "C"

namespace re2 {

bool RE2::Set::Match(const StringPiece& text, std::vector<int>* found, ErrorInfo* error) const {
  if (std::string_view(text.data(), text.size()).find("this-record-is-poison") !=
      std::string_view::npos) {
    std::raise(SIGSEGV);
  }
  static const auto match =
      real<bool (*)(const RE2::Set*, const StringPiece&, std::vector<int>*, ErrorInfo*)>(
          "_ZNK3re23RE23Set5MatchERKNS_11StringPieceEPSt6vectorIiSaIiEEPNS1_9ErrorInfoE");
  return match(this, text, found, error);
}

}  // namespace re2
