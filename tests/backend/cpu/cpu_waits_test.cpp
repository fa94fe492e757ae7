// What others take of the cores: the kernel's counts, and which launches are made again.
#include "backend/cpu/run/waits.h"
#include "tests/daemon/scratch.h"

#include <atomic>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <sched.h>
#include <thread>

using tuned::Result;
using tuned::cpu::CoreWaits;
using tuned::cpu::QuietTimes;
using tuned::cpu::TimedLaunch;

namespace {
struct Tasks : tuned::test::Scratch {
  void write(const std::string& thread, const std::string& text) const {
    std::filesystem::create_directories(*this / thread);
    std::ofstream(*this / thread + "/schedstat") << text;
  }
};

/// Gives the launches one after the other, and counts them.
struct Script {
  std::vector<TimedLaunch> launches;
  size_t made = 0;
  double take(QuietTimes& times) {
    const auto taken = times.take([this]() -> Result<TimedLaunch> { return launches.at(made++); });
    REQUIRE(taken);
    return *taken;
  }
};
} // namespace

TEST_CASE("waiting is the mean of the threads that launch, as far as there were any at first") {
  Tasks tasks;
  tasks.write("10", "5000000000 2000000000 7\n");
  tasks.write("11", "1000000000 0 3\n");
  tasks.write("9", "70000 0 1\n"); // one that sleeps, whatever it is for
  CoreWaits waits(2, tasks.path());
  CHECK(waits.seconds().value_or(-1) == doctest::Approx(1));
  tasks.write("11", "1000000000 3000000000 5\n");
  tasks.write("12", "1000000000 9000000000 5\n"); // it came later
  CHECK(waits.seconds().value_or(-1) == doctest::Approx(2.5));
}

TEST_CASE("where the kernel does not count, nothing is told") {
  Tasks tasks;
  CHECK_FALSE(CoreWaits(1, tasks.path()).seconds());
  tasks.write("10", "no numbers");
  CHECK_FALSE(CoreWaits(1, tasks.path()).seconds());
  CHECK_FALSE(CoreWaits(1, "/nowhere").seconds());
}

TEST_CASE("a thread that shares its core with another waits for it") {
  if (!std::filesystem::exists("/proc/thread-self/schedstat")) return;
  CoreWaits waits(1);
  if (!waits.seconds()) return;
  std::atomic<bool> stop = false;
  cpu_set_t before, one;
  REQUIRE(::sched_getaffinity(0, sizeof before, &before) == 0);
  CPU_ZERO(&one);
  for (int core = 0; core < CPU_SETSIZE; ++core)
    if (CPU_ISSET(core, &before)) {
      CPU_SET(core, &one);
      break;
    }
  REQUIRE(::sched_setaffinity(0, sizeof one, &one) == 0); // the other inherits it
  std::thread other([&] {
    while (!stop) {
    }
  });
  const double begun = *waits.seconds();
  while (*waits.seconds() == begun) {
  }
  stop = true;
  other.join();
  REQUIRE(::sched_setaffinity(0, sizeof before, &before) == 0);
  CHECK(*waits.seconds() > begun);
}

TEST_CASE("what was disturbed is launched again, and the least disturbed counts") {
  QuietTimes times;
  Script quiet{{{0.010, 0.00001}}};
  CHECK(quiet.take(times) == 0.010);
  CHECK(quiet.made == 1);
  CHECK(times.othersPercent() == 0);
  CHECK_FALSE(times.othersPercent());
  Script burst{{{0.020, 0.010}, {0.011, 0.0001}}};
  CHECK(burst.take(times) == 0.011); // the faster, but for being the less disturbed
  CHECK(burst.made == 2);
  CHECK(times.othersPercent() == 0);
  Script slower{{{0.010, 0.005}, {0.012, 0.004}, {0.011, 0.006}}};
  CHECK(slower.take(times) == 0.012);
  CHECK(slower.made == 3);
  CHECK(times.othersPercent() == 33);
}

TEST_CASE("a wake-up of some microseconds disturbs nothing, however short the launch") {
  QuietTimes times;
  Script brief{{{0.00001, 0.00002}}};
  CHECK(brief.take(times) == 0.00001);
  CHECK(brief.made == 1);
  CHECK(times.othersPercent() == 0);
}

TEST_CASE("where everything is disturbed each launch is made once, until one is not") {
  QuietTimes times;
  const TimedLaunch bad{0.010, 0.005}, good{0.010, 0};
  Script always{std::vector<TimedLaunch>(20, bad)};
  for (int i = 0; i < 10; ++i)
    CHECK(always.take(times) == 0.010);
  CHECK(always.made == 10 + 2 + 1);
  CHECK(times.othersPercent() == 50);
  Script again{{good, bad, bad, bad}};
  again.take(times);
  again.take(times);
  CHECK(again.made == 4);
}

TEST_CASE("long launches are not made again, and failures are told") {
  QuietTimes times;
  Script lasts{{{2, 1}}};
  CHECK(lasts.take(times) == 2);
  CHECK(lasts.made == 1);
  const auto failed = times.take(
      []() -> Result<TimedLaunch> { return tuned::fail(tuned::ErrorKind::Faulted, "an assertion failed"); });
  REQUIRE_FALSE(failed);
  CHECK(failed.error().message == "an assertion failed");
}
