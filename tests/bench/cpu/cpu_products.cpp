// Matmul 1024³ of f32 and bf16 on the CPU, each of a few tiles, beside PyTorch's on the same cores.
//   cpu_products [LIBRARY] [--torch COMMAND]
// COMMAND, "python3 tests/bench/plans/torch_side.py" say, runs PyTorch in a process of its own; the two take
// turns. Results are checked against sums in double. Exit: 1 where one is wrong or nothing ran.
#include "backend/registry.h"
#include "base/clock.h"
#include "tests/bench/cpu/cpu_support.h"
#include "tests/bench/gpu/gpu_torch.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <thread>

using namespace tuned;

namespace {

constexpr int64_t size = 1024;
constexpr double operations = 2.0 * size * size * size;

/// A matmul of the library: element type and how far a result may be off.
struct Product {
  const char *document, *type;
  double tolerance;
};
constexpr Product products[] = {{"matmul_f32", "f32", 1e-3}, {"matmul_bf16", "bf16", 0.1}};
constexpr std::array<int, 3> tiles[] = {{64, 64, 32},    {64, 128, 64},   {128, 64, 64},  {128, 128, 32},
                                        {128, 128, 64},  {128, 128, 128}, {64, 64, 128},  {64, 128, 128},
                                        {128, 256, 128}, {256, 128, 64},  {32, 256, 128}, {32, 128, 128}};

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + long(values.size() / 2));
  return values[values.size() / 2];
}

std::vector<double> timesOf(bench::CpuKernel& kernel, int repeats) {
  std::vector<double> seconds;
  for (int i = 0; i < repeats; ++i) {
    auto start = std::chrono::steady_clock::now();
    kernel.launch();
    seconds.push_back(secondsSince(start));
  }
  return seconds;
}

/// An element of a buffer of f32 or of bf16, which is the upper half of one.
float element(bench::CpuKernel& kernel, const char* name, const Product& product, int64_t index) {
  if (!std::strcmp(product.type, "f32")) return kernel.buffer(name)[index];
  uint32_t bits = uint32_t(reinterpret_cast<const uint16_t*>(kernel.buffer(name))[index]) << 16;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

bool right(bench::CpuKernel& kernel, const Product& product) {
  for (int64_t sample = 0; sample < 257; ++sample) {
    int64_t row = sample * 40503 % size, column = sample * 9973 % size;
    double sum = 0;
    for (int64_t k = 0; k < size; ++k)
      sum += double(element(kernel, "a", product, row * size + k)) *
             element(kernel, "b", product, k * size + column);
    double found = element(kernel, "c", product, row * size + column);
    if (!(std::fabs(found - sum) <= product.tolerance))
      return std::printf("%s: wrong result at %ld, %ld: %g for %g\n", product.document, long(row),
                         long(column), found, sum),
             false;
  }
  return true;
}

struct Best {
  std::unique_ptr<bench::CpuKernel> kernel;
  std::array<int, 3> tile = {};
  double seconds = 1e9;
};

/// The fastest tile; none where a result is wrong.
Best search(Device& device, const std::string& folder, const Product& product) {
  std::string path = folder + "/" + product.document + ".json";
  auto document = loadKernel(path);
  Best best;
  if (!document) return std::printf("%s\n", document.error().text().c_str()), Best{};
  for (auto [m, n, k] : tiles) {
    Configuration configuration = document->defaults;
    configuration["BLOCK_M"] = m;
    configuration["BLOCK_N"] = n;
    configuration["BLOCK_K"] = k;
    auto kernel = std::make_unique<bench::CpuKernel>(device, path, configuration,
                                                     Sizes{{"M", size}, {"N", size}, {"K", size}});
    timesOf(*kernel, 3);
    if (!right(*kernel, product)) return {};
    double seconds = median(timesOf(*kernel, 15));
    std::printf("  %-12s %3dx%3dx%3d %8.1f GFLOP/s\n", product.document, m, n, k,
                operations / seconds * 1e-9);
    if (seconds < best.seconds) best = {std::move(kernel), {m, n, k}, seconds};
  }
  return best;
}

/// Rounds in turns, with a rest between them: the threads of either side may spin for a while.
void compare(Best& best, const Product& product, bench::TorchSide& torch, int threads) {
  constexpr auto rest = std::chrono::milliseconds(300);
  std::string what = std::string(R"({"op": "matmul_cpu", "type": ")") + product.type +
                     R"(", "M": 1024, "N": 1024, "K": 1024, "threads": )" + std::to_string(threads) + "}";
  if (auto ready = torch.prepare(what); !ready)
    return (void)std::printf("%s\n", ready.error().text().c_str());
  std::vector<double> ours, theirs;
  for (int round = 0; round < 9; ++round) {
    std::this_thread::sleep_for(rest);
    for (double each : timesOf(*best.kernel, 20))
      ours.push_back(each);
    std::this_thread::sleep_for(rest);
    auto times = torch.time(20);
    if (!times) return (void)std::printf("%s\n", times.error().text().c_str());
    theirs.insert(theirs.end(), times->begin(), times->end());
  }
  std::printf("%s 1024: PyTorch's time / ours %.2f (medians of 180; PyTorch %.1f GFLOP/s, ours %.1f, tile "
              "%dx%dx%d)\n",
              product.document, median(theirs) / median(ours), operations / median(theirs) * 1e-9,
              operations / median(ours) * 1e-9, best.tile[0], best.tile[1], best.tile[2]);
}

} // namespace

int main(int argc, char** argv) {
  std::string command;
  if (argc > 2 && !std::strcmp(argv[argc - 2], "--torch")) command = argv[argc - 1], argc -= 2;
  std::unique_ptr<bench::TorchSide> torch;
  if (!command.empty())
    if (auto started = bench::TorchSide::start(command)) torch = std::move(*started);
  auto device = openDevice("cpu");
  if (!device) return std::printf("%s\n", device.error().text().c_str()), 1;
  int threads = (*device)->info().multiprocessors;
  std::printf("%s, %d threads\n", (*device)->info().name.c_str(), threads);
  for (const Product& product : products) {
    Best best = search(**device, bench::library(argc, argv), product);
    if (!best.kernel) return 1;
    if (torch) compare(best, product, *torch, threads);
  }
  return 0;
}
