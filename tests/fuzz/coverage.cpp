#include "tests/fuzz/coverage.h"

namespace {

constexpr uint64_t half = 1 << 15;
/// libFuzzer takes what is in this section for counters, besides those of clang's instrumentation.
__attribute__((section("__libfuzzer_extra_counters"))) uint8_t counters[2 * half];

/// A multiplicative hash: places in code are a few bytes apart.
void count(uint64_t hash, uint64_t from) {
  uint8_t& counter = counters[from + ((hash * 0x9e3779b97f4a7c15) >> 49)];
  if (counter < 255) ++counter;
}

} // namespace

namespace tuned {

void countFeature(uint64_t hash) {
  count(hash, half);
}

} // namespace tuned

extern "C" {

extern const char __executable_start;

/// GCC's -fsanitize-coverage=trace-pc calls __sanitizer_cov_trace_pc at each edge; libFuzzer's own does
/// nothing, so the linker is told to put this one in its place (--wrap).
void __wrap___sanitizer_cov_trace_pc() {
  count(reinterpret_cast<uint64_t>(__builtin_return_address(0)) -
            reinterpret_cast<uint64_t>(&__executable_start),
        0);
}
}
