// What one variant costs from kernel IR to cubin, on one core: softmax of 4096 columns and matmuls of
// 128x128x64.
//   bench_compile [--kernels configs/kernels] [--target sm_90a] [--repeats N]
// One JSON line a variant. Fails beyond 60 ms (softmax) and 200 ms (matmul) in an optimised build: the median
// of the processor's time counts, which on a machine that does nothing else is the time that passes.
#include "base/clock.h"
#include "daemon/worker/variant.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <ctime>
#include <iostream>
#include <nlohmann/json.hpp>
#include <random>
#include <sched.h>

using namespace tuned;

namespace {

struct Subject {
  std::string name, document;
  Configuration configuration;
  Sizes sizes;
  double limit; ///< seconds
};

std::vector<Subject> subjects() {
  std::vector<Subject> out = {{"softmax_4096",
                               "softmax.json",
                               {{"ROWS", 1}, {"num_warps", 4}, {"num_stages", 1}},
                               {{"n_rows", 8192}, {"n_cols", 4096}},
                               0.060}};
  for (const int64_t warps : {4, 8})
    out.push_back({"matmul_f16_128x128x64_" + std::to_string(warps) + "_warps",
                   "matmul_f16.json",
                   {{"BLOCK_M", 128},
                    {"BLOCK_N", 128},
                    {"BLOCK_K", 64},
                    {"GROUP_M", 8},
                    {"num_warps", warps},
                    {"num_stages", 3}},
                   {{"M", 4096}, {"N", 4096}, {"K", 4096}},
                   0.200});
  return out;
}

double processorSeconds() {
  timespec spent{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
  return static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) * 1e-9;
}

double quantile(std::vector<double> values, double share) {
  std::ranges::sort(values);
  return values[static_cast<size_t>(share * static_cast<double>(values.size() - 1) + 0.5)];
}

/// The kernel under another name: the assembler keeps what it has made, and equal input would be looked up.
void rename(Kernel& kernel, const std::string& name) {
  for (size_t at = 0; (at = kernel.source.find(kernel.entry, at)) != std::string::npos; at += name.size())
    kernel.source.replace(at, kernel.entry.size(), name);
  kernel.entry = name;
}

struct Samples {
  std::vector<double> processor, wall;
  std::map<std::string, std::vector<double>> phases;
};

/// The first compilation loads libraries and is not counted.
Result<Samples> measure(const Subject& subject, const std::string& folder, const std::string& target,
                        int repeats) {
  const auto original = loadKernel(folder + "/" + subject.document);
  if (!original) return fail(original.error());
  Samples out;
  std::random_device random;
  for (int i = 0; i <= repeats; ++i) {
    Kernel kernel = *original;
    rename(kernel, original->entry + "_" + std::to_string(random()));
    const double processor = processorSeconds(), wall = steadySeconds();
    const auto artefact = compileVariant(kernel, subject.configuration, subject.sizes, target);
    if (!artefact) return fail(artefact.error());
    if (i == 0) continue;
    out.processor.push_back(processorSeconds() - processor);
    out.wall.push_back(steadySeconds() - wall);
    for (const auto& [phase, seconds] : artefact->phaseSeconds)
      out.phases[phase].push_back(seconds);
  }
  return out;
}

void stayOnOneCore() {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<size_t>(std::max(0, ::sched_getcpu())), &one);
  ::sched_setaffinity(0, sizeof one, &one);
}

/// Prints the figures; whether they keep the limit.
bool report(const Subject& subject, const Samples& samples) {
  nlohmann::json line = {{"variant", subject.name},
                         {"compilations", samples.wall.size()},
                         {"processor_median_ms", quantile(samples.processor, 0.5) * 1e3},
                         {"processor_p95_ms", quantile(samples.processor, 0.95) * 1e3},
                         {"wall_median_ms", quantile(samples.wall, 0.5) * 1e3},
                         {"wall_p95_ms", quantile(samples.wall, 0.95) * 1e3},
                         {"limit_ms", subject.limit * 1e3}};
  for (const auto& [phase, seconds] : samples.phases)
    line["phases_median_ms"][phase] = quantile(seconds, 0.5) * 1e3;
  std::cout << line.dump() << std::endl;
  if (quantile(samples.processor, 0.5) <= subject.limit) return true;
  std::cerr << subject.name << " is beyond its limit\n";
  return false;
}

} // namespace

int main(int argc, char** argv) {
  std::string folder = TUNED_KERNEL_LIBRARY, target = "sm_90a";
  int repeats = 20;
  CLI::App app("compile time of one variant, IR to cubin, on one core", "bench_compile");
  app.add_option("--kernels", folder, "folder of the library's kernels")->capture_default_str();
  app.add_option("--target", target, "sm_80, sm_86, sm_89, sm_90a, sm_100a, sm_120a")->capture_default_str();
  app.add_option("--repeats", repeats, "compilations a variant")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  stayOnOneCore();
  bool kept = true;
  for (const Subject& subject : subjects()) {
    const auto samples = measure(subject, folder, target, repeats);
    if (!samples) {
      std::cerr << subject.name << ": " << samples.error().text() << '\n';
      return 1;
    }
    kept = report(subject, *samples) && kept;
  }
#ifdef NDEBUG
  return kept ? 0 : 1;
#else
  return 0;
#endif
}
