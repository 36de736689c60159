#include "store/mapped_index.h"

#include <sqlite3.h>

#include <atomic>
#include <cerrno>
#include <sys/mman.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23  // linux/mman.h since 5.14
#endif

namespace warder::store {
namespace {

// What SQLite maps at a time (WALINDEX_PGSZ in wal.c).
constexpr int kRegion = 32 * 1024;

// SQLite's own way with files, and the same with locks that look first. One for all connections.
std::atomic<const sqlite3_io_methods*> g_own{nullptr};

const sqlite3_io_methods& own() { return *g_own.load(); }

// EFAULT: a store would end the process (madvise(2)). Every other error is one of asking.
bool is_writable(sqlite3_file* file) {
  for (int region = 0;; ++region) {
    void volatile* at = nullptr;
    if (own().xShmMap(file, region, kRegion, 0, &at) != SQLITE_OK || at == nullptr) {
      return true;
    }
    // The kernel does not change what is there.
    void* const place = const_cast<void*>(at);
    if (::madvise(place, kRegion, MADV_POPULATE_WRITE) != 0) {
      return errno != EFAULT;
    }
  }
}

int lock(sqlite3_file* file, int offset, int count, int flags) {
  const bool takes = (flags & SQLITE_SHM_LOCK) != 0;
  return takes && !is_writable(file) ? SQLITE_FULL : own().xShmLock(file, offset, count, flags);
}

const sqlite3_io_methods* guarded(const sqlite3_io_methods* methods) {
  const sqlite3_io_methods* none = nullptr;
  g_own.compare_exchange_strong(none, methods);
  static const sqlite3_io_methods kGuarded = [] {
    sqlite3_io_methods all = own();
    all.xShmLock = lock;
    return all;
  }();
  // A file on a network file system has other methods; such a one stays as it is.
  return g_own.load() == methods ? &kGuarded : methods;
}

}  // namespace

void guard_mapped_index(sqlite3* connection) {
  sqlite3_file* file = nullptr;
  if (sqlite3_file_control(connection, "main", SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK &&
      file != nullptr && file->pMethods != nullptr && file->pMethods->iVersion >= 2 &&
      file->pMethods->xShmLock != nullptr && file->pMethods->xShmLock != lock) {
    file->pMethods = guarded(file->pMethods);
  }
}

}  // namespace warder::store
