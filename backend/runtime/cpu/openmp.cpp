#include "backend/runtime/cpu/openmp.h"

#include <cstdint>
#include <dlfcn.h>
#include <fstream>
#include <link.h>
#include <sstream>
#include <string>
#include <unistd.h>

namespace tuned::cpu {
namespace {

/// Whether this process comes from a fork and has not called exec since; true where the kernel does not tell.
/// The flags are the ninth field of proc(5)'s stat; PF_FORKNOEXEC is of Linux's include/linux/sched.h.
bool forkedWithoutExec() {
  constexpr unsigned forkNoExec = 0x40;
  constexpr int fieldsBetweenNameAndFlags = 6;
  std::ifstream file("/proc/self/stat");
  std::string text, skipped;
  std::getline(file, text, '\0');
  const size_t nameEnd = text.rfind(')');
  if (nameEnd == std::string::npos) return true;
  std::istringstream fields(text.substr(nameEnd + 1));
  for (int field = 0; field < fieldsBetweenNameAndFlags; ++field)
    fields >> skipped;
  unsigned flags = forkNoExec;
  return !(fields >> flags) || (flags & forkNoExec) != 0;
}

/// How many libraries were loaded into this process so far; grows with each.
uint64_t librariesLoaded() {
  uint64_t loaded = 0;
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* into) {
        *static_cast<uint64_t*>(into) = info->dlpi_adds;
        return 1;
      },
      &loaded);
  return loaded;
}

/// The symbol among those that all libraries may use; null: none has it.
template <typename Function> void look(Function*& into, const char* name) {
  into = reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
}

} // namespace

OpenMp OpenMp::find() {
  OpenMp found;
  look(found.parallel_, "GOMP_parallel");
  look(found.threadNumber_, "omp_get_thread_num");
  look(found.maxThreads_, "omp_get_max_threads");
  if (!found.parallel_ || !found.threadNumber_ || !found.maxThreads_) return {};
  // It stays loaded as long as its address is known here.
  Dl_info library;
  if (dladdr(reinterpret_cast<void*>(found.parallel_), &library) == 0 ||
      !dlopen(library.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE))
    return {};
  return found;
}

const OpenMp* OpenMp::ofProcess() {
  struct Known {
    pid_t process = 0;
    bool forked = false;
    uint64_t loaded = 0; ///< libraries there were at the last look
    OpenMp runtime;
  };
  static Known known; // the first thread's alone
  const pid_t process = getpid();
  if (gettid() != process) return nullptr;
  if (known.process != process) known = Known{process, forkedWithoutExec(), 0, {}};
  if (known.forked) return nullptr;
  if (!known.runtime.parallel_) {
    const uint64_t loaded = librariesLoaded();
    if (loaded == known.loaded) return nullptr;
    known.loaded = loaded;
    known.runtime = find();
  }
  return known.runtime.parallel_ ? &known.runtime : nullptr;
}

void OpenMp::run(int threads, const std::function<void(int thread)>& body) const {
  struct Region {
    const OpenMp& runtime;
    const std::function<void(int)>& body;
  } region{*this, body};
  parallel_(
      [](void* data) {
        const auto& region = *static_cast<const Region*>(data);
        region.body(region.runtime.threadNumber_());
      },
      &region, static_cast<unsigned>(threads), 0);
}

} // namespace tuned::cpu
