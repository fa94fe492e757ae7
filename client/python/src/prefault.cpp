#include "client/python/src/prefault.h"

#include <cstdint>
#include <cstring>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

namespace tuned::python {
namespace {

constexpr int populateRead =
    22; // MADV_POPULATE_READ, of Linux 5.14; older kernels refuse it, and nothing is lost

/// The readable segments of the libraries that are ours.
int populate(dl_phdr_info* library, size_t, void*) {
  const char* slash = std::strrchr(library->dlpi_name, '/');
  const char* name = slash ? slash + 1 : library->dlpi_name;
  if (std::strncmp(name, "libgputuned", 11) != 0 && std::strncmp(name, "_core.", 6) != 0) return 0;
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  for (int i = 0; i < library->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = library->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || !(segment.p_flags & PF_R)) continue;
    const uintptr_t begin = (library->dlpi_addr + segment.p_vaddr) & ~(page - 1);
    const uintptr_t end = library->dlpi_addr + segment.p_vaddr + segment.p_memsz;
    madvise(reinterpret_cast<void*>(begin), (end - begin + page - 1) & ~(page - 1), populateRead);
  }
  return 0;
}

} // namespace

void prefault() {
  dl_iterate_phdr(populate, nullptr);
}

} // namespace tuned::python
