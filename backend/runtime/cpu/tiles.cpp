#include "backend/runtime/cpu/tiles.h"

#include <cstdlib>
#include <string_view>

#if defined(__linux__) && defined(__x86_64__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace tuned::cpu {
namespace {

bool ask() {
  const char* wanted = std::getenv("GPU_TUNED_CPU_TILES");
  if (wanted && std::string_view(wanted) == "0") return false;
#if defined(__linux__) && defined(__x86_64__)
  constexpr long requestPermission = 0x1023, tileData = 18; // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return ::syscall(SYS_arch_prctl, requestPermission, tileData) == 0;
#else
  return false;
#endif
}

} // namespace

bool requestTiles() {
  static const bool granted = ask();
  return granted;
}

} // namespace tuned::cpu
