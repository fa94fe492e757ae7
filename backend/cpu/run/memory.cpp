#include "backend/cpu/run/memory.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <map>
#include <mutex>
#include <span>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>
#ifdef __x86_64__
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace tuned::cpu {
namespace {

constexpr size_t page = 4096;
constexpr size_t hugePage = 2 << 20;

/// All buffers of the process: what has to leave the caches for a cold start.
struct Live {
  std::mutex mutex;
  std::map<char*, size_t> buffers; ///< start to bytes
  static Live& get() {
    static Live live;
    return live;
  }
};

class HostBuffer : public Buffer {
public:
  HostBuffer(char* mapping, size_t mapped, char* data, size_t size)
      : mapping_(mapping), mapped_(mapped), data_(data), size_(size) {
    const std::lock_guard lock(Live::get().mutex);
    Live::get().buffers[data_] = size_;
  }
  ~HostBuffer() override {
    {
      const std::lock_guard lock(Live::get().mutex);
      Live::get().buffers.erase(data_);
    }
    munmap(mapping_, mapped_);
  }
  uint64_t address() const override { return reinterpret_cast<uint64_t>(data_); }
  size_t size() const override { return size_; }

private:
  char* mapping_;
  size_t mapped_;
  char* data_;
  size_t size_;
};

} // namespace

Result<std::unique_ptr<Buffer>> allocateBuffer(size_t bytes) {
  size_t align = bytes >= hugePage ? hugePage : page;
  size_t body = (bytes + page - 1) / page * page + (bytes == 0) * page;
  size_t mapped = body + 2 * align;
  void* mapping = bytes > SIZE_MAX / 2 ? MAP_FAILED
                                       : mmap(nullptr, mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED)
    return fail(ErrorKind::OutOfResources, "no room for a buffer of " + std::to_string(bytes) + " bytes");
  char* start = static_cast<char*>(mapping);
  char* data = start + align - reinterpret_cast<uintptr_t>(start) % align;
  if (reinterpret_cast<uintptr_t>(start) % align == 0) data = start + align;
  if (mprotect(data, body, PROT_READ | PROT_WRITE) != 0) {
    munmap(mapping, mapped);
    return fail(ErrorKind::OutOfResources, "no memory for a buffer of " + std::to_string(bytes) + " bytes");
  }
  if (bytes >= hugePage) madvise(data, body, MADV_HUGEPAGE);
  return std::make_unique<HostBuffer>(start, mapped, data, bytes);
}

// What the kernel says of this core's caches; the C library asks the processor, which answers for a whole
// socket even in a virtual machine that has a part of it.
int64_t lastLevelCacheBytes() {
  for (int level = 4; level > 1; --level) {
    std::ifstream file("/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(level) + "/size");
    int64_t size = 0;
    char unit = 0;
    if (file >> size >> unit && size > 0) return size << (unit == 'M' ? 20 : unit == 'K' ? 10 : 0);
  }
  for (int name : {_SC_LEVEL4_CACHE_SIZE, _SC_LEVEL3_CACHE_SIZE, _SC_LEVEL2_CACHE_SIZE})
    if (long bytes = sysconf(name); bytes > 0) return bytes;
  return 32 << 20;
}

#ifdef __x86_64__
namespace {
constexpr size_t line = 64;
constexpr size_t pieceBytes = 1 << 16; ///< that one core takes out at a time

/// Of the processor's features (CPUID leaf 7), which the compilers' own test does not name.
bool canFlushUnordered() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b >> 23 & 1) != 0;
}

using Piece = std::span<char>;

__attribute__((target("clflushopt"))) void flushUnordered(Piece piece) {
  for (size_t i = 0; i < piece.size(); i += line)
    _mm_clflushopt(piece.data() + i);
}

void flushInOrder(Piece piece) {
  for (size_t i = 0; i < piece.size(); i += line)
    _mm_clflush(piece.data() + i);
}

std::vector<Piece> piecesOf(const std::map<char*, size_t>& buffers) {
  std::vector<Piece> pieces;
  for (const auto& [start, bytes] : buffers)
    for (size_t at = 0; at < bytes; at += pieceBytes)
      pieces.emplace_back(start + at, std::min(pieceBytes, bytes - at));
  return pieces;
}
} // namespace
#endif

void flushCaches(const Spread& spread) {
#ifdef __x86_64__
  // Line by line: a sweep over memory of twice the cache takes a hundred times what a small kernel does. On
  // all cores, and in no order where the processor can: one core that waits for each line takes a hundred
  // times what a kernel on all of them does.
  static const auto flush = canFlushUnordered() ? flushUnordered : flushInOrder;
  const std::lock_guard lock(Live::get().mutex);
  const std::vector<Piece> pieces = piecesOf(Live::get().buffers);
  spread(static_cast<int64_t>(pieces.size()), [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i)
      flush(pieces[static_cast<size_t>(i)]);
    _mm_mfence();
  });
#else
  (void)spread;
  static std::vector<char> sweep(2 * lastLevelCacheBytes());
  static char value = 0;
  std::memset(sweep.data(), ++value, sweep.size());
  asm volatile("" ::: "memory");
#endif
}

} // namespace tuned::cpu
