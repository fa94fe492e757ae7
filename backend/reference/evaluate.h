// Launches of a decoded program: arguments to lanes, memory, programs.
#pragma once

#include "backend/reference/machine.h"
#include "backend/reference/reference.h"

namespace tuned::reference {

/// The lanes of each IR argument. A descriptor argument fills its own lanes and the shape and strides that
/// follow it. InvalidInput when count or kinds do not fit the signature.
Result<std::vector<Lanes>> argumentLanes(const Function& kernel, std::span<const ArgumentValue> arguments);

/// Adds `memory`, naming the argument that points into each piece.
void addMemory(Memory& to, const Function& kernel, std::span<const ArgumentValue> arguments,
               std::span<const HostBytes> memory);

/// Runs programs until one fails.
Result<void> runPrograms(const Function& kernel, Memory& memory, const Grid& grid,
                         const std::vector<Lanes>& arguments,
                         std::span<const std::array<int64_t, 3>> programs, const ReferenceLimits& limits);
/// Every program of the grid, x fastest.
Result<void> runGrid(const Function& kernel, Memory& memory, const Grid& grid,
                     const std::vector<Lanes>& arguments, const ReferenceLimits& limits);

} // namespace tuned::reference
