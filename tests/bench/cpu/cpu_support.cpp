#include "tests/bench/cpu/cpu_support.h"

#include "backend/registry.h"
#include "base/clock.h"
#include "ir/frontends/ttir/specialize.h"

#include <bit>
#include <chrono>
#include <cstdio>
#include <thread>

namespace tuned::bench {
namespace {

template <typename T> T orExit(Result<T> result) {
  if (result) {
    if constexpr (!std::is_void_v<T>) return std::move(*result);
    return T();
  }
  std::fprintf(stderr, "%s\n", result.error().text().c_str());
  std::exit(1);
}

double secondsOf(const std::function<void()>& work) {
  auto start = std::chrono::steady_clock::now();
  work();
  return secondsSince(start);
}

/// Numbers from -0.5 to 0.5.
void fill(uint64_t address, bool bf16, int64_t elements) {
  for (int64_t i = 0; i < elements; ++i) {
    float value = float((i * 2654435761u) >> 16 & 0xffff) / 65536 - 0.5f;
    if (bf16)
      reinterpret_cast<uint16_t*>(address)[i] = uint16_t(std::bit_cast<uint32_t>(value) >> 16);
    else
      reinterpret_cast<float*>(address)[i] = value;
  }
}

} // namespace

CpuKernel::CpuKernel(Device& device, const std::string& document, const Configuration& configuration,
                     const Sizes& sizes)
    : device_(device), kernel_(orExit(loadKernel(document))) {
  auto compiler = orExit(makeCompiler("cpu"));
  Artefact artefact;
  compileSeconds_ = secondsOf([&] {
    auto context = makeContext();
    auto module = orExit(specialize(*context, kernel_, configuration, sizes));
    CompileOptions options;
    options.target = "cpu";
    artefact = orExit(compiler->compile(*module, kernel_.entry, options));
  });
  loaded_ = orExit(device.load(artefact));
  grid_ = orExit(instantiate(kernel_, configuration, sizes)).grid;
  Bindings bindings = sizes;
  bindings.insert(configuration.begin(), configuration.end());
  for (const KernelArgument& argument : kernel_.arguments) {
    if (argument.value) {
      arguments_.push_back(Scalar{uint64_t(orExit(argument.value->evaluate(bindings))), 4});
      continue;
    }
    int64_t elements = 1;
    for (const Expression& size : argument.shape)
      elements *= orExit(size.evaluate(bindings));
    buffers_.push_back(orExit(device.allocate(size_t(elements) * sizeof(float))));
    fill(buffers_.back()->address(), argument.type == "*bf16", elements);
    arguments_.emplace_back(buffers_.back()->address());
  }
}

void CpuKernel::launch() {
  if (auto done = device_.launch(*loaded_, grid_, arguments_); !done) {
    std::fprintf(stderr, "%s\n", done.error().text().c_str());
    std::exit(1);
  }
}

float* CpuKernel::buffer(const std::string& name) {
  size_t number = 0;
  for (const KernelArgument& argument : kernel_.arguments) {
    if (argument.name == name) return reinterpret_cast<float*>(buffers_.at(number)->address());
    number += !argument.value;
  }
  return nullptr;
}

std::pair<double, double> fastest(int rounds, const std::function<void()>& ours,
                                  const std::function<void()>& theirs) {
  std::pair<double, double> least{1e9, 1e9};
  ours();
  theirs();
  for (int round = 0; round < rounds; ++round) {
    least.first = std::min(least.first, secondsOf(ours));
    least.second = std::min(least.second, secondsOf(theirs));
  }
  return least;
}

void parallel(int threads, long count, const std::function<void(long first, long last)>& body) {
  std::vector<std::thread> workers;
  for (int thread = 0; thread < threads; ++thread)
    workers.emplace_back([&, thread] { body(count * thread / threads, count * (thread + 1) / threads); });
  for (std::thread& worker : workers)
    worker.join();
}

std::string library(int argc, char** argv) {
  return argc > 1 ? argv[1] : TUNED_KERNEL_LIBRARY;
}

} // namespace tuned::bench
