// Softmax of each row. A CTA takes one row and keeps it in registers; the row's length is known when this is compiled.
struct alignas(4 * VECTOR) Piece {
  float values[VECTOR];
};

template <int Threads> struct RowReduction {
  static constexpr int warps = Threads / 32;

  // Every thread gets the result. `shared` has a word a warp.
  template <typename Combine> static __device__ float all(float value, float* shared, Combine combine) {
    for (int distance = 16; distance > 0; distance /= 2)
      value = combine(value, __shfl_xor_sync(0xffffffffu, value, distance));
    if (warps == 1) return value;
    if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = value;
    __syncthreads();
    value = shared[0];
    for (int warp = 1; warp < warps; ++warp)
      value = combine(value, shared[warp]);
    return value;
  }
};

template <int Threads>
__global__ void __launch_bounds__(Threads)
    softmax(float* __restrict__ y, const float* __restrict__ x, int, int) {
  constexpr int pieces = (n_cols + Threads * VECTOR - 1) / (Threads * VECTOR);
  constexpr float lowest = -3.402823466e38f;
  __shared__ float maxima[Threads / 32], sums[Threads / 32];
  const long long start = static_cast<long long>(blockIdx.x) * n_cols;

  Piece row[pieces];
  float maximum = lowest;
#pragma unroll
  for (int i = 0; i < pieces; ++i) {
    const int column = (i * Threads + threadIdx.x) * VECTOR;
    if (column < n_cols) row[i] = *reinterpret_cast<const Piece*>(x + start + column);
#pragma unroll
    for (int j = 0; j < VECTOR; ++j) {
      if (column >= n_cols) row[i].values[j] = lowest;
      maximum = fmaxf(maximum, row[i].values[j]);
    }
  }
  maximum = RowReduction<Threads>::all(maximum, maxima, [](float a, float b) { return fmaxf(a, b); });

  float sum = 0;
#pragma unroll
  for (int i = 0; i < pieces; ++i) {
    const bool inside = (i * Threads + threadIdx.x) * VECTOR < n_cols;
#pragma unroll
    for (int j = 0; j < VECTOR; ++j) {
      row[i].values[j] = __expf(row[i].values[j] - maximum);
      if (inside) sum += row[i].values[j];
    }
  }
  sum = RowReduction<Threads>::all(sum, sums, [](float a, float b) { return a + b; });

  const float scale = 1 / sum;
#pragma unroll
  for (int i = 0; i < pieces; ++i) {
    const int column = (i * Threads + threadIdx.x) * VECTOR;
#pragma unroll
    for (int j = 0; j < VECTOR; ++j)
      row[i].values[j] *= scale;
    if (column < n_cols) *reinterpret_cast<Piece*>(y + start + column) = row[i];
  }
}
