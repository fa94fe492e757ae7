// Launches beside an OpenMP runtime of the process: GCC's, loaded as PyTorch loads it. Its threads are told
// by what the kernel calls them, never by how fast they are.
#include "backend/runtime/cpu/executor.h"
#include "backend/runtime/cpu/openmp.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <dlfcn.h>
#include <mutex>
#include <set>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace tuned;
using cpu::Executor;

// ThreadSanitizer does not see the barriers of a runtime that it did not compile.
#ifndef __SANITIZE_THREAD__
namespace {

/// The threads that were seen so far.
struct Seen {
  std::mutex guard;
  std::set<pid_t> threads;
  std::atomic<size_t> programs = 0;

  void add() {
    const std::lock_guard lock(guard);
    threads.insert(gettid());
  }
  size_t count() {
    const std::lock_guard lock(guard);
    return threads.size();
  }
};

/// Slots: where to note the thread, and how many threads there must be before a program ends.
void note(const uint64_t* slots, int64_t first, int64_t last, const int32_t*, void*) {
  auto& seen = *reinterpret_cast<Seen*>(slots[0]);
  seen.add();
  seen.programs += static_cast<size_t>(last - first);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (seen.count() < slots[1] && std::chrono::steady_clock::now() < until)
    std::this_thread::yield();
}

/// The threads of a launch of 100 programs in which `wanted` threads take part.
std::set<pid_t> threadsOf(Executor& executor, uint64_t wanted) {
  Seen seen;
  const uint64_t slots[] = {reinterpret_cast<uint64_t>(&seen), wanted};
  REQUIRE(executor.run(note, 64, {100, 1, 1}, slots).has_value());
  CHECK(seen.programs == 100);
  return seen.threads;
}

std::set<pid_t> threadsOfRegion(const cpu::OpenMp& runtime, int threads) {
  Seen seen;
  runtime.run(threads, [&](int) { seen.add(); });
  return seen.threads;
}

/// GCC's runtime, its symbols for all to use.
const cpu::OpenMp& loaded() {
  static void* library = dlopen("libgomp.so.1", RTLD_NOW | RTLD_GLOBAL);
  REQUIRE_MESSAGE(library != nullptr, dlerror());
  const cpu::OpenMp* runtime = cpu::OpenMp::ofProcess();
  REQUIRE(runtime != nullptr);
  return *runtime;
}

template <typename Function> Function* symbol(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
}

} // namespace

TEST_CASE("launches move to the threads of an OpenMP runtime that is loaded after the first of them") {
  Executor executor(3, Executor::Threads::OpenMpFirst);
  if (cpu::OpenMp::ofProcess() == nullptr) CHECK(threadsOf(executor, 3).size() == 3);
  const std::set<pid_t> team = threadsOfRegion(loaded(), 3);
  REQUIRE(team.size() == 3);
  CHECK(threadsOf(executor, 3) == team);
  Executor own(3);
  std::set<pid_t> others = threadsOf(own, 3);
  others.erase(gettid());
  for (pid_t other : others)
    CHECK(!team.contains(other));
}

TEST_CASE("what OpenMP is set to holds for launches, unless they were asked to take more") {
  const int before = loaded().threads();
  auto* set = symbol<void(int)>("omp_set_num_threads");
  set(1);
  Executor executor(0, Executor::Threads::OpenMpFirst), two(2, Executor::Threads::OpenMpFirst);
  CHECK(threadsOf(executor, 1) == std::set<pid_t>{gettid()});
  CHECK(threadsOf(two, 2).size() == 2);
  set(before);
}

TEST_CASE("within a parallel region a launch runs on the thread that is there") {
  Executor executor(3, Executor::Threads::OpenMpFirst);
  const pid_t first = gettid();
  loaded().run(2, [&](int) {
    if (gettid() == first) CHECK(threadsOf(executor, 1) == std::set<pid_t>{first});
  });
}

TEST_CASE("threads besides the first launch on threads of the executor's own") {
  const std::set<pid_t> team = threadsOfRegion(loaded(), 3);
  Executor executor(3, Executor::Threads::OpenMpFirst);
  std::set<pid_t> threads;
  std::thread([&] { threads = threadsOf(executor, 3); }).join();
  CHECK(threads.size() == 3);
  for (pid_t thread : threads)
    CHECK(!team.contains(thread));
}

TEST_CASE("a forked child launches, though OpenMP's threads stayed with its parent") {
  REQUIRE(threadsOfRegion(loaded(), 3).size() == 3);
  const pid_t child = fork();
  if (child == 0) {
    alarm(60); // a region would wait for ever
    Executor executor(3, Executor::Threads::OpenMpFirst);
    _exit(cpu::OpenMp::ofProcess() == nullptr && threadsOf(executor, 3).size() == 3 ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}
#endif
