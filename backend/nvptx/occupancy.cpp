#include "backend/nvptx/occupancy.h"

#include <algorithm>

namespace tuned::nvptx {
namespace {

// The same on every architecture of the table: CUDA C++ Programming Guide, compute capabilities.
constexpr int registerFile = 65536, registersPerUnit = 256, registerStep = 8, reservedShared = 1024;

} // namespace

int residentCtas(const Target& target, int warps, int registers, int64_t sharedBytes) {
  int perWarp = (registers * 32 + registersPerUnit - 1) / registersPerUnit * registersPerUnit;
  int byRegisters = registerFile / perWarp / warps;
  auto byShared = (target.sharedLimit + reservedShared) / (sharedBytes + reservedShared);
  return std::min(
      {byRegisters, target.residentWarps / warps, target.residentCtas, static_cast<int>(byShared)});
}

std::vector<int> tighterRegisters(const Target& target, int warps, int registers, int64_t sharedBytes) {
  std::vector<int> found;
  int most = residentCtas(target, warps, registers, sharedBytes);
  // From the most registers down: each number at which one more CTA fits.
  for (int fewer = registers / registerStep * registerStep; 3 * fewer >= 2 * registers;
       fewer -= registerStep) {
    int resident = residentCtas(target, warps, fewer, sharedBytes);
    if (resident > most) found.push_back(fewer);
    most = std::max(most, resident);
  }
  std::ranges::reverse(found);
  return found;
}

} // namespace tuned::nvptx
