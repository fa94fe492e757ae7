#include "tests/tuner/library/library_support.h"

#include <algorithm>
#include <filesystem>

namespace tuned::library {

namespace {

/// Where one number for all sizes would make no problem: by the beginning of the document's name.
const std::vector<std::pair<std::string, std::vector<Sizes>>> kOwnSizes = {
    {"attention_delta",
     {{{"Z", 2}, {"H", 4}, {"N", 1024}, {"D", 64}},
      {{"Z", 1}, {"H", 3}, {"N", 1000}, {"D", 128}},
      {{"Z", 1}, {"H", 1}, {"N", 1}, {"D", 16}}}},
    {"attention",
     {{{"Z", 2}, {"H", 4}, {"HKV", 2}, {"N", 1024}, {"D", 64}},
      {{"Z", 1}, {"H", 8}, {"HKV", 8}, {"N", 1000}, {"D", 128}},
      {{"Z", 1}, {"H", 1}, {"HKV", 1}, {"N", 1}, {"D", 16}}}},
    {"cross_entropy",
     {{{"n_rows", 4}, {"n_cols", 32000}}, {{"n_rows", 3}, {"n_cols", 5001}}, {{"n_rows", 1}, {"n_cols", 1}}}},
    {"grouped_matmul",
     {{{"T", 1024}, {"N", 1024}, {"K", 1024}, {"G", 16}, {"ALIGN", 256}},
      {{"T", 1000}, {"N", 1008}, {"K", 1016}, {"G", 9}, {"ALIGN", 64}},
      {{"T", 1}, {"N", 1}, {"K", 1}, {"G", 1}, {"ALIGN", 16}}}},
    {"rope",
     {{{"Z", 2}, {"H", 4}, {"N", 1024}, {"D", 64}},
      {{"Z", 1}, {"H", 3}, {"N", 1000}, {"D", 128}},
      {{"Z", 1}, {"H", 1}, {"N", 1}, {"D", 64}}}},
};

} // namespace

std::vector<Sizes> sizesFor(const Kernel& kernel) {
  for (const auto& [beginning, sizes] : kOwnSizes)
    if (kernel.name.starts_with(beginning)) return sizes;
  std::vector<Sizes> out;
  // Kernels in CUDA C++ copy 16 bytes at a time and refuse shorter rows.
  for (int64_t value : {1024, 1000, kernel.language == "cuda" ? 8 : 1}) {
    Sizes sizes;
    int64_t step = 0;
    for (const std::string& name : kernel.sizes)
      sizes[name] = value + (value == 1000 ? 8 * step++ : 0);
    out.push_back(std::move(sizes));
  }
  return out;
}

Result<std::vector<Kernel>> kernelsIn(const std::string& folder) {
  std::vector<Kernel> out;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".json") continue;
    auto kernel = loadKernel(entry.path().string());
    if (!kernel) return fail(kernel.error());
    if (kernel->language == "ttir") out.push_back(std::move(*kernel));
  }
  std::ranges::sort(out, {}, &Kernel::name);
  return out;
}

} // namespace tuned::library
