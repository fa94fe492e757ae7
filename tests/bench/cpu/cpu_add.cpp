// add of 2^25 elements against a streaming copy's bandwidth on the same cores.
#include "backend/registry.h"
#include "tests/bench/cpu/cpu_plain.h"
#include "tests/bench/cpu/cpu_support.h"

#include <cstdio>

using namespace tuned;

int main(int argc, char** argv) {
  const long size = 1 << 25;
  auto device = openDevice("cpu");
  if (!device) return 1;
  double best = 0;
  for (int64_t block : {1024, 4096, 8192}) {
    bench::CpuKernel ours(**device, bench::library(argc, argv) + "/add.json",
                          {{"BLOCK_SIZE", block}, {"num_warps", 4}}, {{"n_elements", size}});
    float *x = ours.buffer("x"), *y = ours.buffer("y"), *z = ours.buffer("z");
    auto [own, copy] = bench::fastest(
        9, [&] { ours.launch(); },
        [&] {
          bench::parallel((*device)->info().multiprocessors, size / 16, [&](long first, long last) {
            bench::streamingCopy(z + 16 * first, x + 16 * first, 16 * (last - first));
          });
        });
    ours.launch();
    for (long i = 0; i < size; ++i)
      if (z[i] != x[i] + y[i]) return std::printf("wrong result at %ld\n", i), 1;
    double rate = 12.0 * size / own, copyRate = 8.0 * size / copy;
    std::printf("BLOCK_SIZE %5d  add %5.1f GB/s  copy %5.1f GB/s  ratio %.2f\n", int(block), rate * 1e-9,
                copyRate * 1e-9, rate / copyRate);
    best = std::max(best, rate / copyRate);
  }
  std::printf("add 2^25: %.2f x a streaming copy (at least 0.90 wanted)\n", best);
  return best >= 0.9 ? 0 : 1;
}
