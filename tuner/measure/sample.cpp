#include "tuner/measure/sample.h"
#include "tuner/measure/arguments.h"
#include "tuner/measure/element.h"
#include "tuner/measure/inputs.h"

#include <algorithm>
#include <random>
#include <set>

namespace tuned {

Result<HostInputs> HostInputs::make(const Kernel& kernel, const Sizes& sizes, uint64_t seed,
                                    SharedInputs* shared) {
  if (auto ok = checkSizes(kernel, sizes); !ok) return fail(ok.error());
  HostInputs inputs;
  for (size_t i = 0; i < kernel.arguments.size(); ++i) {
    const KernelArgument& argument = kernel.arguments[i];
    LargeBytes bytes;
    if (argument.type.starts_with("*")) {
      auto count = elementCount(kernel, argument, sizes);
      if (!count) return fail(count.error());
      if (shared) {
        auto there = shared->get(argument, *count, argumentSeed(seed, i));
        if (!there) return fail(there.error());
        append(bytes, **there);
      } else {
        auto filled = makeInput(argument, *count, argumentSeed(seed, i));
        if (!filled) return fail(filled.error());
        bytes = std::move(*filled);
      }
      inputs.arguments_.emplace_back(reinterpret_cast<uint64_t>(bytes.data()));
    } else {
      auto scalar = scalarValue(kernel, argument, sizes);
      if (!scalar) return fail(scalar.error());
      inputs.arguments_.push_back(*scalar);
    }
    inputs.buffers_.push_back(std::move(bytes));
  }
  return inputs;
}

std::vector<std::pair<uint64_t, size_t>> HostInputs::memory() const {
  std::vector<std::pair<uint64_t, size_t>> out;
  for (const auto& buffer : buffers_)
    if (!buffer.empty()) out.emplace_back(reinterpret_cast<uint64_t>(buffer.data()), buffer.size());
  return out;
}

std::vector<std::array<int64_t, 3>> samplePrograms(const Grid& grid, size_t count, uint64_t seed) {
  using Program = std::array<int64_t, 3>;
  std::vector<Program> out;
  // Sizes are far below 2^63 on each axis, but their product may not be.
  double total = static_cast<double>(grid[0]) * static_cast<double>(grid[1]) * static_cast<double>(grid[2]);
  if (total <= static_cast<double>(count)) {
    for (int64_t z = 0; z < grid[2]; ++z)
      for (int64_t y = 0; y < grid[1]; ++y)
        for (int64_t x = 0; x < grid[0]; ++x)
          out.push_back({x, y, z});
    return out;
  }
  std::mt19937_64 generator(seed);
  std::set<Program> taken;
  auto take = [&](Program program) {
    if (out.size() < count && taken.insert(program).second) out.push_back(program);
  };
  take({0, 0, 0});
  take({grid[0] - 1, grid[1] - 1, grid[2] - 1});
  while (out.size() < count) {
    Program program;
    for (int axis = 0; axis < 3; ++axis)
      program[axis] = static_cast<int64_t>(generator() % grid[axis]);
    take(program);
  }
  return out;
}

ReferenceResult referenceFromWritten(const Kernel& kernel, const HostInputs& inputs,
                                     std::span<const std::pair<uint64_t, size_t>> written,
                                     const std::string& source) {
  ReferenceResult result{source, {}};
  for (size_t i = 0; i < kernel.arguments.size(); ++i) {
    if (!kernel.arguments[i].output) continue;
    auto buffer = inputs.buffer(i);
    int64_t bytes = elementInfo(kernel.arguments[i].type).bytes;
    auto start = reinterpret_cast<uint64_t>(buffer.data());
    ReferenceOutput output{i, {}, {}};
    int64_t next = 0; // first element not yet taken
    for (auto [address, size] : written) {
      if (size == 0 || address < start || address >= start + buffer.size()) continue;
      int64_t first = std::max(next, static_cast<int64_t>(address - start) / bytes);
      int64_t past = (static_cast<int64_t>(address - start + size) + bytes - 1) / bytes;
      past = std::min(past, static_cast<int64_t>(buffer.size()) / bytes);
      if (past <= first) continue;
      if (!output.ranges.empty() && next == first)
        output.ranges.back().count += past - first;
      else
        output.ranges.push_back({first, past - first});
      auto piece = buffer.subspan(first * bytes, (past - first) * bytes);
      append(output.expected, piece);
      next = past;
    }
    result.outputs.push_back(std::move(output));
  }
  return result;
}

} // namespace tuned
