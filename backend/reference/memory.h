// The memory a launch may touch: every access is checked, and writes are recorded on demand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tuned::reference {

class Memory {
public:
  /// Adds host bytes the kernel may read and write. `argument` is blamed for accesses nearby: "argument 2
  /// (%out)".
  void add(uint64_t address, size_t bytes, const std::string& argument);
  /// From now on `written()` tells what was stored to.
  void recordWrites();

  /// The lane of `bytes` bytes at the address; throws Failure (Faulted) beyond the added memory.
  uint64_t load(uint64_t address, int bytes) const;
  void store(uint64_t address, int bytes, uint64_t value);

  struct Range {
    uint64_t address;
    size_t bytes;
  };
  /// Bytes stored to since recordWrites(), in address order, neighbours joined.
  std::vector<Range> written() const;

private:
  struct Extent {
    uint64_t address;
    size_t bytes;
    std::string argument;
    std::vector<bool> written;
  };
  Extent& find(uint64_t address, int bytes, const char* access) const;
  [[noreturn]] void fault(uint64_t address, int bytes, const char* access) const;

  mutable std::vector<Extent> extents_; // sorted by address
  mutable size_t last_ = 0;
  bool recording_ = false;
};

} // namespace tuned::reference
