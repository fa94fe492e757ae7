// y = x transposed: a CTA moves a square tile through shared memory, so that both sides are read and written along
// rows. A thread takes every block_size_y-th row of the tile; PADDING words at the end of its rows keep columns out of
// one bank.
extern "C" __global__ void transpose(float* __restrict__ y, const float* __restrict__ x, int rows, int columns) {
  __shared__ float tile[block_size_x][block_size_x + PADDING];
  const int left = blockIdx.x * block_size_x, top = blockIdx.y * block_size_x;
#pragma unroll
  for (int i = 0; i < block_size_x; i += block_size_y) {
    const int row = top + i + threadIdx.y, column = left + threadIdx.x;
    if (row < rows && column < columns)
      tile[i + threadIdx.y][threadIdx.x] = x[static_cast<long long>(row) * columns + column];
  }
  __syncthreads();
#pragma unroll
  for (int i = 0; i < block_size_x; i += block_size_y) {
    const int row = left + i + threadIdx.y, column = top + threadIdx.x;
    if (row < columns && column < rows)
      y[static_cast<long long>(row) * rows + column] = tile[threadIdx.x][i + threadIdx.y];
  }
}
