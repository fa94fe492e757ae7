// Tensor maps: made at a launch, of the address that was given for each and the shape and strides that stand
// behind it.
#pragma once

#include "backend/runtime/cuda/arguments.h"
#include "backend/runtime/cuda/driver.h"
#include "base/error.h"
#include "base/model/launch.h"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace tuned::cuda {

/// The tensor maps among a kernel's parameters. Never changes; any thread may make them.
class TensorMaps {
public:
  TensorMaps() = default;
  /// InvalidInput: as checkTensorMaps. Unavailable: there are some, and the driver is too old to make any.
  static Result<TensorMaps> of(const Driver& api, const LaunchMetadata& launch);

  size_t count() const { return maps_.size(); }
  /// The parameter that map `index` is.
  size_t parameterOf(size_t index) const { return maps_[index].parameter; }

  /// Makes map `index` on the current context. `slots` has 8 bytes for each of the kernel's parameters, the
  /// value in the low ones; an address may have paddingNanBit. A map that this thread made lately is not made
  /// again. InvalidInput names the argument, what of it the map cannot have, and the limit.
  Result<void> make(size_t index, std::span<const uint64_t> slots, ParameterValue& map) const;
  /// Puts all of them in the place of their addresses.
  Result<void> make(std::vector<ParameterValue>& values) const;

private:
  struct Map {
    size_t parameter;
    TensorMapLayout layout;
    std::string argument; ///< for errors
    uint64_t id;          ///< like that of no other map in this process
  };
  Result<void> encode(const Map& map, std::span<const uint64_t> slots, ParameterValue& out) const;

  const Driver* api_ = nullptr;
  std::vector<Map> maps_;
  std::string symbol_;
};

} // namespace tuned::cuda
