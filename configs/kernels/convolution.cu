// Two-dimensional convolution (as image processing has it: the filter is not turned) with a filter of FILTER x FILTER;
// the image is larger than the result by FILTER - 1 each way. A thread takes tile_size_x * tile_size_y results,
// block_size apart, from the part of the image that its CTA has brought into shared memory.
constexpr int tileWidth = block_size_x * tile_size_x, tileHeight = block_size_y * tile_size_y;
constexpr int border = FILTER - 1;
constexpr int partWidth = tileWidth + border, partHeight = tileHeight + border;

extern "C" __global__ void __launch_bounds__(block_size_x* block_size_y)
    convolution(float* __restrict__ output, const float* __restrict__ image, const float* __restrict__ filter,
                int width, int height) {
  __shared__ float part[partHeight][partWidth];
  __shared__ float weights[FILTER * FILTER];
  const int left = blockIdx.x * tileWidth, top = blockIdx.y * tileHeight;
  const int imageWidth = width + border, imageHeight = height + border;
  for (int y = threadIdx.y; y < partHeight; y += block_size_y)
    for (int x = threadIdx.x; x < partWidth; x += block_size_x)
      if (top + y < imageHeight && left + x < imageWidth)
        part[y][x] = image[static_cast<long long>(top + y) * imageWidth + left + x];
  for (int i = threadIdx.y * block_size_x + threadIdx.x; i < FILTER * FILTER; i += block_size_x * block_size_y)
    weights[i] = filter[i];
  __syncthreads();

  float sums[tile_size_y][tile_size_x] = {};
  for (int i = 0; i < FILTER; ++i)
#pragma unroll
    for (int j = 0; j < FILTER; ++j)
#pragma unroll
      for (int y = 0; y < tile_size_y; ++y)
#pragma unroll
        for (int x = 0; x < tile_size_x; ++x)
          sums[y][x] += part[threadIdx.y + y * block_size_y + i][threadIdx.x + x * block_size_x + j] *
                        weights[i * FILTER + j];
#pragma unroll
  for (int y = 0; y < tile_size_y; ++y)
#pragma unroll
    for (int x = 0; x < tile_size_x; ++x) {
      const int row = top + threadIdx.y + y * block_size_y, column = left + threadIdx.x + x * block_size_x;
      if (row < height && column < width) output[static_cast<long long>(row) * width + column] = sums[y][x];
    }
}
