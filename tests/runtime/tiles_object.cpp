// An object that says it uses the matrix unit, and does not: object_test.cpp loads it where that is
// forbidden.
#include <cstdint>

extern "C" {
extern const int64_t gpu_tuned_tiles;
const int64_t gpu_tuned_tiles = 1;
void plain(const uint64_t*, int64_t, int64_t, const int32_t*, void*) {}
}
