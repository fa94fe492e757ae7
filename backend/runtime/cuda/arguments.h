// A launch's arguments as the bytes the kernel's parameters take. Needs no driver.
#pragma once

#include "backend/runtime/argument.h"
#include "base/error.h"
#include "base/model/launch.h"

#include <array>
#include <span>
#include <vector>

namespace tuned::cuda {

/// One parameter's bytes, at the alignment the driver wants for a tensor map. What becomes a map is its
/// address until the map is made (tensor_map.h).
struct alignas(64) ParameterValue {
  std::array<std::byte, 128> bytes = {};
};

/// A host tensor descriptor is expanded to what the IR lists for it: its address, then its shape (32 bits
/// each) and its strides (64 bits each). The address has the top bit set when reads outside the shape are to
/// give NaN: device addresses do not reach that far, and nothing else of the descriptor has a bit to spare.
inline constexpr uint64_t paddingNanBit = uint64_t{1} << 63;

/// InvalidInput names the first argument whose size is not the parameter's, or says that the counts differ.
/// Where the build's table of arguments is known, what its function takes behind them are workspaces of
/// another compiler's, of which it needs none, and are null; arguments of the table may not be left out.
Result<std::vector<ParameterValue>> packArguments(const LaunchMetadata& launch,
                                                  std::span<const ArgumentValue> arguments);

/// The packed values as conditions see them: scalars of up to 8 bytes are sign-extended, pointers are their
/// addresses without the bit for NaN, which is told apart. Extents are not known here and stay 0.
std::vector<LaunchValue> launchValues(const std::vector<ParameterSlot>& parameters,
                                      std::span<const ParameterValue> values);

/// Unsupported names the first condition of the build that the launch breaks, and what to do.
Result<void> checkConditions(const LaunchMetadata& launch, std::span<const LaunchValue> values,
                             const std::array<int64_t, 3>& grid);

} // namespace tuned::cuda
