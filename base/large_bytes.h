// Bytes of buffers, which run to hundreds of megabytes: as memory comes from the system it is zero already,
// and filling it with zeros first, on one core, would take as long as making what belongs there on all of
// them.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>
#include <span>
#include <utility>
#include <vector>

namespace tuned {

/// Zeroed memory that vector(n) takes as it is.
template <typename T> struct ZeroedMemory {
  using value_type = T;
  ZeroedMemory() = default;
  template <typename U> explicit ZeroedMemory(const ZeroedMemory<U>&) {}
  T* allocate(size_t count) {
    void* memory = std::calloc(count, sizeof(T));
    if (!memory) throw std::bad_alloc();
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, size_t) { std::free(memory); }
  template <typename U> void construct(U*) noexcept {}
  template <typename U, typename... From> void construct(U* at, From&&... from) {
    ::new (static_cast<void*>(at)) U(std::forward<From>(from)...);
  }
  bool operator==(const ZeroedMemory&) const { return true; }
};

/// LargeBytes(n) holds zeros; what resize() adds is undefined.
using LargeBytes = std::vector<std::byte, ZeroedMemory<std::byte>>;

inline void append(LargeBytes& bytes, std::span<const std::byte> more) {
  const size_t before = bytes.size();
  bytes.resize(before + more.size());
  if (!more.empty()) std::memcpy(bytes.data() + before, more.data(), more.size());
}

} // namespace tuned
