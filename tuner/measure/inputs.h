// What the buffers hold before a launch: the same bytes for every variant, device and process.
#pragma once

#include "base/error.h"
#include "base/large_bytes.h"
#include "ir/kernel/kernel.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <tuple>

namespace tuned {

/// `count` elements of the argument's type, filled as argument.fill says: normal (mean 0, deviation 1;
/// integers: -8 to 8), uniform ([0, 1); integers: 0 to 15), zeros, ones, indices (0 … count-1, wrapped to the
/// type). The bytes depend on the type, the fill, the count and the seed only.
Result<LargeBytes> makeInput(const KernelArgument& argument, int64_t count, uint64_t seed);

/// The inputs of one problem, each made once for all who want it: the device on trial, and whoever computes
/// what it should give. May be used by several threads.
class SharedInputs {
public:
  using Bytes = std::shared_ptr<const LargeBytes>;
  /// As makeInput; what another thread is making is waited for.
  Result<Bytes> get(const KernelArgument& argument, int64_t count, uint64_t seed);

private:
  std::mutex mutex_; ///< guards what follows
  std::map<std::tuple<std::string, std::string, int64_t, uint64_t>, Bytes>
      made_; ///< by type, fill, count, seed
};

} // namespace tuned
