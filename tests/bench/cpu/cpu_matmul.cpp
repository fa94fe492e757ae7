// f32 matmul 1024^3 against OpenBLAS on the same cores. Environment variables of OpenBLAS apply to it alone.
#include "backend/registry.h"
#include "tests/bench/cpu/cpu_support.h"

#include <cblas.h>
#include <cmath>
#include <cstdio>
#include <cstdlib>

using namespace tuned;

int main(int argc, char** argv) {
  const int size = 1024;
  std::string path = bench::library(argc, argv) + "/matmul_f32.json";
  auto device = openDevice("cpu");
  auto kernel = loadKernel(path);
  if (!device || !kernel) return 1;
  Sizes sizes = {{"M", size}, {"N", size}, {"K", size}};
  openblas_set_num_threads((*device)->info().multiprocessors);
  double best = 0;
  for (auto [m, n, k] :
       {std::array{64, 64, 32}, {64, 128, 64}, {128, 64, 64}, {128, 128, 32}, {128, 128, 64}}) {
    Configuration configuration = kernel->defaults;
    configuration["BLOCK_M"] = m;
    configuration["BLOCK_N"] = n;
    configuration["BLOCK_K"] = k;
    bench::CpuKernel ours(**device, path, configuration, sizes);
    std::vector<float> c(size_t(size) * size);
    float *a = ours.buffer("a"), *b = ours.buffer("b"), *mine = ours.buffer("c");
    auto [own, blas] = bench::fastest(
        7, [&] { ours.launch(); },
        [&] {
          cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, size, size, size, 1, a, size, b, size, 0,
                      c.data(), size);
        });
    for (size_t i = 0; i < c.size(); ++i)
      if (!(std::fabs(mine[i] - c[i]) < 1e-2f)) return std::printf("wrong result at %zu\n", i), 1;
    double flops = 2.0 * size * size * size;
    std::printf("%3dx%3dx%2d  ours %6.1f GFLOP/s  OpenBLAS %6.1f GFLOP/s  ratio %.2f  compiled in %.0f ms\n",
                m, n, k, flops / own * 1e-9, flops / blas * 1e-9, blas / own, ours.compileSeconds() * 1e3);
    best = std::max(best, blas / own);
  }
  std::printf("matmul f32 1024: %.2f x OpenBLAS (at least 0.70 wanted)\n", best);
  return best >= 0.7 ? 0 : 1;
}
