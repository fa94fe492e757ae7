// Object code to a callable function, in this process and without a linker: an object of ours is one
// relocatable ELF file whose only undefined symbols are those of symbols.h. Worker and client load it with
// the same code.
#pragma once

#include "base/error.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace tuned::cpu {

/// Runs program instances first … last-1 of a launch. `arguments` holds one 8-byte slot a parameter, then one
/// slot a tensor descriptor that says whether its padding is NaN; `scratch` is 64-byte aligned.
using KernelFunction = void (*)(const uint64_t* arguments, int64_t first, int64_t last, const int32_t* grid,
                                void* scratch);

/// Mapped code; unmapped with the object, so that nobody may run it then.
class LoadedObject {
public:
  LoadedObject(void* mapping, size_t bytes, KernelFunction function)
      : mapping_(mapping), bytes_(bytes), function_(function) {}
  ~LoadedObject();
  LoadedObject(const LoadedObject&) = delete;
  KernelFunction function() const { return function_; }

private:
  void* mapping_;
  size_t bytes_;
  KernelFunction function_;
};

/// Maps an x86-64 object (ELF, relocatable, position-independent code): code is executable and not writable,
/// constants are read-only. InvalidInput: not such a file, cut short, or it refers to symbols a kernel may
/// not call. Unsupported: a relocation that our compiler does not emit, or the matrix unit where
/// this process may not use it (tiles.h). OutOfResources: no memory for code.
Result<std::unique_ptr<LoadedObject>> loadObject(std::string_view bytes, const std::string& symbol);

} // namespace tuned::cpu
