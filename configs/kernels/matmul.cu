// c = a b; row-major f16 matrices, sums in f32. Tensor cores through mma.sync; tiles of a and b arrive by asynchronous
// copies, STAGES of them at a time. Rows in shared memory are eight elements longer than a tile's, so that the eight
// rows an ldmatrix reads lie in different banks. Lengths of rows are multiples of 8: a copy takes 16 bytes or nothing.
#include <cuda_fp16.h>

constexpr int warps = WARPS_M * WARPS_N;
constexpr int threads = 32 * warps;
constexpr int warpRows = BLOCK_M / WARPS_M, warpColumns = BLOCK_N / WARPS_N;
constexpr int strideA = BLOCK_K + 8, strideB = BLOCK_N + 8;
constexpr int tileA = BLOCK_M * strideA, tileB = BLOCK_K * strideB;
constexpr int mmaRows = warpRows / 16, mmaColumns = warpColumns / 8;
static_assert(warpRows % 16 == 0 && warpColumns % 16 == 0 && BLOCK_K % 16 == 0);

struct Problem {
  const half *a, *b;
  int rows, columns, depth;
  int firstRow, firstColumn;
};

__device__ unsigned sharedAddress(const half* pointer) {
  return static_cast<unsigned>(__cvta_generic_to_shared(pointer));
}

// Zeros where there is nothing.
__device__ void copy16(half* to, const half* from, bool there) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
               :
               : "r"(sharedAddress(to)), "l"(from), "r"(there ? 16 : 0)
               : "memory");
}

__device__ void loadTiles(half* stage, const Problem& problem, int k) {
  for (int i = threadIdx.x; i < BLOCK_M * BLOCK_K / 8; i += threads) {
    const int row = i / (BLOCK_K / 8), column = i % (BLOCK_K / 8) * 8;
    const bool there = problem.firstRow + row < problem.rows && k + column < problem.depth;
    const long long at = static_cast<long long>(problem.firstRow + row) * problem.depth + k + column;
    copy16(stage + row * strideA + column, problem.a + (there ? at : 0), there);
  }
  for (int i = threadIdx.x; i < BLOCK_K * BLOCK_N / 8; i += threads) {
    const int row = i / (BLOCK_N / 8), column = i % (BLOCK_N / 8) * 8;
    const bool there = k + row < problem.depth && problem.firstColumn + column < problem.columns;
    const long long at = static_cast<long long>(k + row) * problem.columns + problem.firstColumn + column;
    copy16(stage + tileA + row * strideB + column, problem.b + (there ? at : 0), there);
  }
}

__device__ void loadFragments(unsigned (&out)[4], const half* from) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
               : "r"(sharedAddress(from))
               : "memory");
}

__device__ void loadTransposed(unsigned (&out)[4], const half* from) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
               : "r"(sharedAddress(from))
               : "memory");
}

__device__ void multiply(float (&sum)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// One tile's products, added to the warp's sums.
__device__ void multiplyTiles(float (&sums)[mmaRows][mmaColumns][4], const half* stage, int row, int column) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int k = 0; k < BLOCK_K; k += 16) {
    unsigned a[mmaRows][4], b[mmaColumns / 2][4];
#pragma unroll
    for (int i = 0; i < mmaRows; ++i)
      loadFragments(a[i], stage + (row + 16 * i + lane % 16) * strideA + k + lane / 16 * 8);
#pragma unroll
    for (int j = 0; j < mmaColumns / 2; ++j)
      loadTransposed(b[j], stage + tileA + (k + lane % 16) * strideB + column + 16 * j + lane / 16 * 8);
#pragma unroll
    for (int i = 0; i < mmaRows; ++i)
#pragma unroll
      for (int j = 0; j < mmaColumns; ++j)
        multiply(sums[i][j], a[i], b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]);
  }
}

__device__ void storeSums(half* c, const Problem& problem, const float (&sums)[mmaRows][mmaColumns][4], int row,
                          int column) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int i = 0; i < mmaRows; ++i)
#pragma unroll
    for (int j = 0; j < mmaColumns; ++j)
#pragma unroll
      for (int part = 0; part < 2; ++part) {
        const int y = problem.firstRow + row + 16 * i + 8 * part + lane / 4;
        const int x = problem.firstColumn + column + 8 * j + lane % 4 * 2;
        if (y < problem.rows && x < problem.columns)
          *reinterpret_cast<half2*>(c + static_cast<long long>(y) * problem.columns + x) =
              __floats2half2_rn(sums[i][j][2 * part], sums[i][j][2 * part + 1]);
      }
}

// Tiles of c are taken in groups of GROUP_M rows of tiles, so that CTAs running together share columns of b.
__device__ void placeTile(Problem& problem) {
  const int tilesM = (problem.rows + BLOCK_M - 1) / BLOCK_M, tilesN = (problem.columns + BLOCK_N - 1) / BLOCK_N;
  const int group = blockIdx.x / (GROUP_M * tilesN), inGroup = blockIdx.x % (GROUP_M * tilesN);
  const int height = min(GROUP_M, tilesM - group * GROUP_M);
  problem.firstRow = (group * GROUP_M + inGroup % height) * BLOCK_M;
  problem.firstColumn = inGroup / height * BLOCK_N;
}

extern "C" __global__ void __launch_bounds__(threads)
    matmul_kernel(const half* __restrict__ a, const half* __restrict__ b, half* __restrict__ c, int rows, int columns,
                  int depth) {
  extern __shared__ __align__(16) half stages[];
  Problem problem{a, b, rows, columns, depth, 0, 0};
  placeTile(problem);
  const int warp = threadIdx.x / 32;
  const int row = warp / WARPS_N * warpRows, column = warp % WARPS_N * warpColumns;
  const int steps = (depth + BLOCK_K - 1) / BLOCK_K;

  for (int stage = 0; stage < STAGES - 1; ++stage) {
    if (stage < steps) loadTiles(stages + stage * (tileA + tileB), problem, stage * BLOCK_K);
    asm volatile("cp.async.commit_group;" ::: "memory");
  }
  float sums[mmaRows][mmaColumns][4] = {};
  for (int step = 0; step < steps; ++step) {
    asm volatile("cp.async.wait_group %0;" : : "n"(STAGES - 2) : "memory");
    __syncthreads();
    if (const int next = step + STAGES - 1; next < steps)
      loadTiles(stages + next % STAGES * (tileA + tileB), problem, next * BLOCK_K);
    asm volatile("cp.async.commit_group;" ::: "memory");
    multiplyTiles(sums, stages + step % STAGES * (tileA + tileB), row, column);
  }
  storeSums(c, problem, sums, row, column);
}
