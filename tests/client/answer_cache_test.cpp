#include "client/answer_cache.h"

#include <atomic>
#include <chrono>
#include <doctest/doctest.h>
#include <functional>
#include <thread>

using namespace tuned;
using namespace tuned::client;

namespace {
protocol::Answer answer(const std::string& source, const std::string& job = {}) {
  protocol::Answer out;
  out.source = source;
  out.job = job;
  return out;
}

/// Waits, and then some more to see that it stays at that.
bool reaches(const std::atomic<int>& count, int expected) {
  for (int i = 0; i < 12'000 && count < expected; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  return count == expected;
}

/// Waits until the answer to the question is such a one.
bool becomes(const AnswerCache& cache, const Question& question,
             const std::function<bool(const protocol::Answer&)>& such) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (std::chrono::steady_clock::now() < end) {
    if (const auto now = cache.find(question); now && such(*now)) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}
} // namespace

TEST_CASE("answers are found by kernel, sizes and device, all exact") {
  AnswerCache cache([](const Question&) { return answer("cache"); });
  cache.insert({"k", "cpu", {{"M", 1}}}, answer("cache"));
  const protocol::Values one{{"M", 1}}, two{{"M", 2}}, other{{"N", 1}};
  CHECK(cache.find({"k", "cpu", &one}));
  CHECK_FALSE(cache.find({"k", "cpu", &two}));
  CHECK_FALSE(cache.find({"k", "cpu", &other}));
  CHECK_FALSE(cache.find({"k", "cuda:0", &one}));
  CHECK_FALSE(cache.find({"l", "cpu", &one}));
}

TEST_CASE("a provisional answer is swapped when the better one is there, and asked for no more") {
  std::atomic<int> asked = 0;
  AnswerCache cache([&](const Question&) -> Result<protocol::Answer> {
    const int count = ++asked;
    if (count == 1) return fail(ErrorKind::Unavailable, "restarting");
    return count == 2 ? answer("default", "7") : answer("cache");
  });
  const Question question{"k", "cpu", {{"M", 1}}};
  const auto first = cache.insert(question, answer("default", "7"));
  CHECK(first->source == "default");
  CHECK(becomes(cache, question, [](const auto& now) { return now.source == "cache"; }));
  CHECK(first->source == "default"); // what was handed out does not change
  CHECK(reaches(asked, 3));
}

TEST_CASE("what has a tuning behind it is asked for again, a fresh winner too; what has none is not") {
  std::atomic<int> asked = 0;
  AnswerCache cache([&](const Question&) -> Result<protocol::Answer> {
    ++asked;
    return answer("cache");
  });
  cache.insert({"a", "", {}}, answer("cache"));
  cache.insert({"b", "", {}}, answer("default"));
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  CHECK(asked == 0);
  CHECK(isSettled(answer("cache")));
  CHECK_FALSE(isSettled(answer("default")));
  auto stale = answer("cache", "7");
  stale.stale = true;
  CHECK_FALSE(isSettled(stale));
  cache.insert({"c", "", {}}, stale);
  CHECK(reaches(asked, 1));
  CHECK(becomes(cache, {"c", "", {}}, [](const auto& now) { return !now.stale; }));
  // tune with force: the winner of before is served until the new one is there
  CHECK_FALSE(isSettled(answer("cache", "8")));
  cache.insert({"d", "", {}}, answer("cache", "8"));
  CHECK(reaches(asked, 2));
  CHECK(becomes(cache, {"d", "", {}}, [](const auto& now) { return isSettled(now); }));
}

TEST_CASE("an entry is given up when the daemon refuses it") {
  std::atomic<int> asked = 0;
  AnswerCache cache([&](const Question&) -> Result<protocol::Answer> {
    ++asked;
    return fail(ErrorKind::NotFound, "no such kernel");
  });
  cache.insert({"k", "", {}}, answer("default", "7"));
  CHECK(reaches(asked, 1));
}

TEST_CASE("many threads read while answers change") {
  AnswerCache cache([](const Question&) { return answer("cache"); });
  std::atomic<bool> stop = false;
  std::atomic<int64_t> wrong = 0, reads = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i)
    readers.emplace_back([&] {
      const protocol::Values sizes{{"M", 1}};
      while (!stop) {
        const auto found = cache.find({"k", "cpu", &sizes});
        if (found && found->source != "cache") ++wrong;
        ++reads;
      }
    });
  for (int i = 0; i < 2000; ++i)
    cache.insert({"k", "cpu", {{"M", i % 3}}}, answer("cache"));
  while (reads < 1000)
    std::this_thread::yield();
  stop = true;
  for (auto& reader : readers)
    reader.join();
  CHECK(wrong == 0);
}
