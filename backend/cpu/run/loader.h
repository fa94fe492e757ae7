// Object code to a callable function.
#pragma once

#include "base/error.h"

#include <cstdint>
#include <memory>
#include <string>

namespace tuned::cpu {

/// Runs program instances first … last-1 of a launch. `arguments` holds one 8-byte slot a parameter, then one
/// slot a tensor descriptor that says whether its padding is NaN; `scratch` is 64-byte aligned.
using KernelFunction = void (*)(const uint64_t* arguments, int64_t first, int64_t last, const int32_t* grid,
                                void* scratch);

/// Keeps the mapped code alive.
class LoadedObject {
public:
  virtual ~LoadedObject() = default;
  virtual KernelFunction function() const = 0;
};

/// InvalidInput: not an object for this machine, or it refers to symbols a kernel may not call.
Result<std::unique_ptr<LoadedObject>> loadObject(const std::string& bytes, const std::string& symbol);

} // namespace tuned::cpu
