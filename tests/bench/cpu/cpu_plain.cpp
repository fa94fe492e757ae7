#include "tests/bench/cpu/cpu_plain.h"

#include <cmath>
#include <immintrin.h>

namespace tuned::bench {

void plainSoftmax(const float* x, float* y, long size) {
  float maximum = x[0], sum = 0;
  for (long i = 1; i < size; ++i)
    maximum = x[i] > maximum ? x[i] : maximum;
  for (long i = 0; i < size; ++i)
    sum += y[i] = std::exp(x[i] - maximum);
  for (long i = 0; i < size; ++i)
    y[i] /= sum;
}

void streamingCopy(float* to, const float* from, long size) {
  for (long i = 0; i < size; i += 8)
    _mm256_stream_ps(to + i, _mm256_loadu_ps(from + i));
  _mm_sfence();
}

} // namespace tuned::bench
