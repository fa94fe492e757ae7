#include "backend/nvptx/ptx/occupancy.h"

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
  int mildest = 0, boldest = 0;
  int most = residentCtas(target, warps, registers, sharedBytes);
  // With half of its warps resident a multiprocessor hides its latencies; another assembly would gain
  // nothing.
  if (2 * most * warps >= target.residentWarps) return {};
  for (int fewer = registers / registerStep * registerStep; 3 * fewer >= 2 * registers;
       fewer -= registerStep) {
    int resident = residentCtas(target, warps, fewer, sharedBytes);
    if (resident <= most) continue;
    most = resident;
    boldest = fewer;
    if (mildest == 0) mildest = fewer;
  }
  if (boldest == 0) return {};
  return boldest == mildest ? std::vector{boldest} : std::vector{boldest, mildest};
}

} // namespace tuned::nvptx
