#include "util/program_pages.h"

#include <cstddef>
#include <cstdint>
#include <elf.h>
#include <link.h>
#include <span>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

namespace warder::util {
namespace {

// Whether the dynamic linker has written into code (DT_TEXTREL, DF_TEXTREL: elf(5)): such a page
// would come back as the file has it.
bool has_text_relocations(const dl_phdr_info& object) {
  for (const auto& segment : std::span(object.dlpi_phdr, object.dlpi_phnum)) {
    if (segment.p_type != PT_DYNAMIC) {
      continue;
    }
    const auto* entry =
        // NOLINTNEXTLINE(performance-no-int-to-ptr): how dl_iterate_phdr(3) gives places.
        reinterpret_cast<const ElfW(Dyn)*>(object.dlpi_addr + segment.p_vaddr);
    for (; entry->d_tag != DT_NULL; ++entry) {
      if (entry->d_tag == DT_TEXTREL ||
          (entry->d_tag == DT_FLAGS && (entry->d_un.d_val & DF_TEXTREL) != 0)) {
        return true;
      }
    }
  }
  return false;
}

int give_back(dl_phdr_info* object, std::size_t /*size*/, void* page_size) {
  // The kernel's own, which is no file.
  const auto vdso = ::getauxval(AT_SYSINFO_EHDR);
  const auto page = *static_cast<const std::uintptr_t*>(page_size);
  if (has_text_relocations(*object)) {
    return 0;
  }
  for (const auto& segment : std::span(object->dlpi_phdr, object->dlpi_phnum)) {
    // What is relocated (RELRO) lies in writable segments.
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) {
      continue;
    }
    const std::uintptr_t begin = (object->dlpi_addr + segment.p_vaddr) & ~(page - 1);
    const std::uintptr_t end =
        (object->dlpi_addr + segment.p_vaddr + segment.p_memsz + page - 1) & ~(page - 1);
    if (begin == vdso) {
      continue;
    }
    // Refused where it is locked: then it is meant to stay.
    // NOLINTNEXTLINE(performance-no-int-to-ptr)
    static_cast<void>(::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED));
  }
  return 0;
}

}  // namespace

void give_back_program_pages() {
  auto page_size = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  ::dl_iterate_phdr(give_back, &page_size);
}

}  // namespace warder::util
