// Baselines in plain C++, compiled with -O3 -march=native.
#pragma once

namespace tuned::bench {

/// One row of softmax as one would write it first, with libm's expf.
void plainSoftmax(const float* x, float* y, long size);

/// Copies with stores that go past the caches. Both are 32-byte aligned, size is a multiple of 8.
void streamingCopy(float* to, const float* from, long size);

} // namespace tuned::bench
