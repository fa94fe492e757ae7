// What a multiprocessor of an NVIDIA architecture has, where the driver does not say it.
#pragma once

#include <cstdint>
#include <string>

namespace tuned {

struct Multiprocessor {
  const char* architecture; ///< "sm_90"
  int64_t threads, ctas;    ///< that it holds at most
  int64_t sharedBytes;      ///< of all its CTAs together
  double tensorRate;        ///< 16-bit tensor-core operations, dense, for one 32-bit one of the cores
  static constexpr int64_t registers = 65536, warp = 32, registerUnit = 256, sharedReserved = 1024;

  /// CTAs of so many threads, with so many registers a thread and shared bytes each, that it holds at a time;
  /// `limit` is the name of what allows no more.
  int64_t resident(int64_t ctaThreads, int64_t threadRegisters, int64_t ctaSharedBytes,
                   const char** limit = nullptr) const;
};

/// By compile target ("sm_90a"); null: not known.
const Multiprocessor* multiprocessorOf(std::string architecture);

} // namespace tuned
