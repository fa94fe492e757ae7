// Work on long arrays that is done on all cores.
#pragma once

#include <algorithm>
#include <cstdint>
#include <thread>
#include <vector>

namespace tuned {

/// Calls work(first, last) for parts of [0, count) of at least `leastPart`, each in a thread of its own.
template <typename Work> void inParallel(int64_t count, int64_t leastPart, Work work) {
  const int64_t cores = std::max(1u, std::thread::hardware_concurrency());
  const int64_t parts = std::clamp<int64_t>(count / leastPart, 1, cores);
  std::vector<std::jthread> threads;
  for (int64_t part = 1; part < parts; ++part)
    threads.emplace_back([&, part] { work(count * part / parts, count * (part + 1) / parts); });
  work(0, count / parts);
}

} // namespace tuned
