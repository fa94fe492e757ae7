#include "backend/runtime/cpu/executor.h"

#include <doctest/doctest.h>

#include <atomic>
#include <fstream>
#include <sstream>
#include <thread>

using namespace tuned;

namespace {

std::unique_ptr<cpu::LoadedObject> load(const std::string& symbol) {
  std::ifstream file(KERNEL_OBJECT, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  auto object = cpu::loadObject(bytes.str(), symbol);
  REQUIRE_MESSAGE(object.has_value(), object.error().text());
  return std::move(*object);
}

/// Marks its programs; the slots are the address of the marks and the grid's first two axes.
void mark(const uint64_t* slots, int64_t first, int64_t last, const int32_t* grid, void* scratch) {
  auto* marks = reinterpret_cast<std::atomic<int>*>(slots[0]);
  const bool sound =
      reinterpret_cast<uintptr_t>(scratch) % 64 == 0 && grid[0] == 3 && grid[1] == 5 && grid[2] == 7;
  static_cast<char*>(scratch)[999] = 1;
  for (int64_t program = first; program < last; ++program)
    marks[program] += sound ? 1 : 100;
}

} // namespace

TEST_CASE("every program instance runs once, whatever the number of threads") {
  for (int threads : {1, 2, 5}) {
    cpu::Executor executor(threads);
    CHECK(executor.threads() == threads);
    std::vector<std::atomic<int>> marks(3 * 5 * 7);
    const uint64_t slots[] = {reinterpret_cast<uint64_t>(marks.data())};
    REQUIRE(executor.run(mark, 1000, {3, 5, 7}, slots).has_value());
    for (auto& count : marks)
      CHECK(count == 1);
  }
}

TEST_CASE("launches of several threads on one executor do not mix") {
  cpu::Executor executor(2);
  std::vector<std::thread> callers;
  std::atomic<int> wrong = 0;
  for (int caller = 0; caller < 4; ++caller)
    callers.emplace_back([&] {
      for (int launch = 0; launch < 50; ++launch) {
        std::vector<std::atomic<int>> marks(3 * 5 * 7);
        const uint64_t slots[] = {reinterpret_cast<uint64_t>(marks.data())};
        if (!executor.run(mark, 1000 + launch * 500, {3, 5, 7}, slots)) ++wrong;
        for (auto& count : marks)
          wrong += count != 1;
      }
    });
  for (std::thread& caller : callers)
    caller.join();
  CHECK(wrong == 0);
}

TEST_CASE("an assertion in a kernel is an error with its message, and the executor works on") {
  cpu::Executor executor(2);
  auto failing = load("failing");
  auto failed = executor.run(failing->function(), 0, {100, 1, 1}, nullptr);
  REQUIRE(!failed.has_value());
  CHECK(failed.error().kind == ErrorKind::Faulted);
  CHECK(failed.error().message == "program 5 is not welcome");
  auto scaled = load("scaled");
  std::vector<float> out(8, -1);
  const uint64_t slots[] = {reinterpret_cast<uint64_t>(out.data())};
  REQUIRE(executor.run(scaled->function(), 64, {8, 1, 1}, slots).has_value());
  CHECK(out[0] == 0);
}
