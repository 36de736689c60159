#include "breaking_vfs.h"

#include <sqlite3.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <new>
#include <unistd.h>
#include <vector>

namespace warder::testing {
namespace {

BreakPlan plan;
std::atomic<std::uint64_t> counter{0};
std::atomic<bool> armed{false};
sqlite3_vfs* real = nullptr;

enum class Fate : std::uint8_t { kPass, kHalf, kFail };

// What happens to the next operation; does not return when the process is to end.
Fate next_operation(int* code) {
  if (!armed) {
    return Fate::kPass;
  }
  const std::uint64_t number = ++counter;
  if (plan.at == 0 || number < plan.at || number >= plan.at + plan.count) {
    return Fate::kPass;
  }
  switch (plan.what) {
    case Break::kNone:
      return Fate::kPass;
    case Break::kKill:
    case Break::kPowerLoss:
      ::_exit(kBrokenExit);
    case Break::kTornKill:
    case Break::kShort:
      return Fate::kHalf;
    case Break::kFull:
      *code = SQLITE_FULL;
      return Fate::kFail;
    case Break::kError:
      return Fate::kFail;
  }
  return Fate::kPass;
}

// An open file: ours in front, the system's behind it in the same memory.
struct File {
  sqlite3_file base;
  // kPowerLoss: writes since the last sync, in order; a truncation has no bytes.
  struct Pending {
    sqlite3_int64 offset;
    std::vector<char> bytes;
    bool truncation;
  };
  std::vector<Pending>* pending;

  sqlite3_file* system() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

File* self(sqlite3_file* file) { return reinterpret_cast<File*>(file); }

int close(sqlite3_file* file) {
  delete self(file)->pending;
  sqlite3_file* const system = self(file)->system();
  return system->pMethods == nullptr ? SQLITE_OK : system->pMethods->xClose(system);
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
  sqlite3_file* const system = self(file)->system();
  const int result = system->pMethods->xFileSize(system, size);
  if (result == SQLITE_OK && self(file)->pending != nullptr) {
    for (const auto& change : *self(file)->pending) {
      const auto end = change.offset + static_cast<sqlite3_int64>(change.bytes.size());
      *size = change.truncation ? change.offset : std::max(*size, end);
    }
  }
  return result;
}

int read(sqlite3_file* file, void* out, int amount, sqlite3_int64 offset) {
  sqlite3_file* const system = self(file)->system();
  int result = system->pMethods->xRead(system, out, amount, offset);
  const auto* pending = self(file)->pending;
  if (pending == nullptr || pending->empty() ||
      (result != SQLITE_OK && result != SQLITE_IOERR_SHORT_READ)) {
    return result;
  }
  char* const bytes = static_cast<char*>(out);
  for (const auto& change : *pending) {
    const auto begin = std::max(offset, change.offset);
    const auto end = std::min(
        offset + amount, change.truncation
                             ? offset + amount
                             : change.offset + static_cast<sqlite3_int64>(change.bytes.size()));
    if (begin >= end) {
      continue;
    }
    if (change.truncation) {
      std::memset(bytes + (begin - offset), 0, static_cast<std::size_t>(end - begin));
    } else {
      std::memcpy(bytes + (begin - offset), change.bytes.data() + (begin - change.offset),
                  static_cast<std::size_t>(end - begin));
    }
  }
  sqlite3_int64 size = 0;
  result = file_size(file, &size);
  if (result == SQLITE_OK && offset + amount > size) {
    result = SQLITE_IOERR_SHORT_READ;
  }
  return result;
}

int write(sqlite3_file* file, const void* data, int amount, sqlite3_int64 offset) {
  int code = SQLITE_IOERR_WRITE;
  sqlite3_file* const system = self(file)->system();
  const Fate fate = next_operation(&code);
  if (fate == Fate::kFail) {
    return code;
  }
  if (fate == Fate::kHalf) {
    system->pMethods->xWrite(system, data, amount / 2, offset);
    if (plan.what == Break::kTornKill) {
      ::_exit(kBrokenExit);
    }
    return SQLITE_IOERR_WRITE;
  }
  if (self(file)->pending != nullptr) {
    const char* const bytes = static_cast<const char*>(data);
    self(file)->pending->push_back({offset, {bytes, bytes + amount}, false});
    return SQLITE_OK;
  }
  return system->pMethods->xWrite(system, data, amount, offset);
}

// For an operation that has no halves.
bool passes(int* code) {
  const Fate fate = next_operation(code);
  if (fate == Fate::kHalf && plan.what == Break::kTornKill) {
    ::_exit(kBrokenExit);
  }
  return fate == Fate::kPass;
}

int truncate(sqlite3_file* file, sqlite3_int64 size) {
  int code = SQLITE_IOERR_TRUNCATE;
  if (!passes(&code)) {
    return code;
  }
  if (self(file)->pending != nullptr) {
    self(file)->pending->push_back({size, {}, true});
    return SQLITE_OK;
  }
  sqlite3_file* const system = self(file)->system();
  return system->pMethods->xTruncate(system, size);
}

int sync(sqlite3_file* file, int flags) {
  int code = SQLITE_IOERR_FSYNC;
  if (!passes(&code)) {
    return SQLITE_IOERR_FSYNC;
  }
  sqlite3_file* const system = self(file)->system();
  if (self(file)->pending != nullptr) {
    for (const auto& change : *self(file)->pending) {
      const int result =
          change.truncation
              ? system->pMethods->xTruncate(system, change.offset)
              : system->pMethods->xWrite(system, change.bytes.data(),
                                         static_cast<int>(change.bytes.size()), change.offset);
      if (result != SQLITE_OK) {
        return result;
      }
    }
    self(file)->pending->clear();
  }
  // No real sync: the process dies, the machine does not, and the campaign is to be quick.
  (void)flags;
  return SQLITE_OK;
}

int lock(sqlite3_file* file, int level) {
  return self(file)->system()->pMethods->xLock(self(file)->system(), level);
}
int unlock(sqlite3_file* file, int level) {
  return self(file)->system()->pMethods->xUnlock(self(file)->system(), level);
}
int check_lock(sqlite3_file* file, int* held) {
  return self(file)->system()->pMethods->xCheckReservedLock(self(file)->system(), held);
}
int control(sqlite3_file* file, int operation, void* argument) {
  return self(file)->system()->pMethods->xFileControl(self(file)->system(), operation, argument);
}
int sector_size(sqlite3_file* file) {
  return self(file)->system()->pMethods->xSectorSize(self(file)->system());
}
int characteristics(sqlite3_file* file) {
  return self(file)->system()->pMethods->xDeviceCharacteristics(self(file)->system());
}
int map_shared(sqlite3_file* file, int region, int size, int extend, void volatile** out) {
  return self(file)->system()->pMethods->xShmMap(self(file)->system(), region, size, extend, out);
}
int lock_shared(sqlite3_file* file, int offset, int count, int flags) {
  return self(file)->system()->pMethods->xShmLock(self(file)->system(), offset, count, flags);
}
void barrier_shared(sqlite3_file* file) {
  self(file)->system()->pMethods->xShmBarrier(self(file)->system());
}
int unmap_shared(sqlite3_file* file, int remove) {
  return self(file)->system()->pMethods->xShmUnmap(self(file)->system(), remove);
}

constexpr sqlite3_io_methods kMethods{
    .iVersion = 2,
    .xClose = close,
    .xRead = read,
    .xWrite = write,
    .xTruncate = truncate,
    .xSync = sync,
    .xFileSize = file_size,
    .xLock = lock,
    .xUnlock = unlock,
    .xCheckReservedLock = check_lock,
    .xFileControl = control,
    .xSectorSize = sector_size,
    .xDeviceCharacteristics = characteristics,
    .xShmMap = map_shared,
    .xShmLock = lock_shared,
    .xShmBarrier = barrier_shared,
    .xShmUnmap = unmap_shared,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

int open(sqlite3_vfs* /*vfs*/, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  File* const ours = new (file) File{};
  const int result = real->xOpen(real, name, ours->system(), flags, out_flags);
  if (result == SQLITE_OK) {
    ours->base.pMethods = &kMethods;
    if (plan.what == Break::kPowerLoss) {
      ours->pending = new std::vector<File::Pending>();
    }
  }
  return result;
}

int remove(sqlite3_vfs* /*vfs*/, const char* name, int /*sync_folder*/) {
  int code = SQLITE_IOERR_DELETE;
  if (!passes(&code)) {
    return SQLITE_IOERR_DELETE;
  }
  return real->xDelete(real, name, 0);
}

sqlite3_vfs breaking;

}  // namespace

void install_breaking_vfs(const BreakPlan& wanted) {
  plan = wanted;
  counter = 0;
  armed = false;
  real = sqlite3_vfs_find(nullptr);
  breaking = *real;
  breaking.zName = kBreakingVfs;
  breaking.szOsFile = static_cast<int>(sizeof(File)) + real->szOsFile;
  breaking.xOpen = open;
  breaking.xDelete = remove;
  sqlite3_vfs_register(&breaking, 0);
}

std::uint64_t operations() { return counter; }

void arm() { armed = true; }

void disarm() { armed = false; }

}  // namespace warder::testing
