#include "client/tunectl/near.h"
#include "client/tunectl/output.h"

#include <doctest/doctest.h>

using namespace tuned;
using namespace tuned::tunectl;

TEST_CASE("seconds have four digits and a unit") {
  CHECK(formatSeconds(std::nullopt) == "-");
  CHECK(formatSeconds(12.3456) == "12.35 s");
  CHECK(formatSeconds(1.23456e-3) == "1.235 ms");
  CHECK(formatSeconds(123.456e-6) == "123.5 us");
  CHECK(formatSeconds(1.5e-9) == "1.500 ns");
}

TEST_CASE("bytes, rates and gains") {
  CHECK(formatBytes(1023) == "1023 B");
  CHECK(formatBytes(1536) == "1.5 KiB");
  CHECK(formatBytes(int64_t{3} << 40) == "3.0 TiB");
  protocol::Answer answer;
  CHECK(formatRates(answer) == "-");
  answer.gigaflopsPerSecond = 1234.5;
  CHECK(formatRates(answer) == "1234 GFLOP/s");
  answer.gigabytesPerSecond = 9.87654;
  CHECK(formatRates(answer) == "9.877 GB/s, 1234 GFLOP/s");
  CHECK(formatGain(1.518) == "1.52x");
  CHECK(formatGain(std::nullopt) == "-");
}

TEST_CASE("outcomes and verdicts in words") {
  CHECK(formatOutcomes({{"timed", 3}, {"compile_failed", 1}, {"faulted", 0}}) == "1 compile failed, 3 timed");
  CHECK(formatOutcomes({}) == "none");
  protocol::Verdict verdict;
  CHECK(formatVerdict(verdict) == "unchecked");
  verdict.state = "failed";
  verdict.reason = "y[3] is 4, not 5";
  CHECK(formatVerdict(verdict) == "failed: y[3] is 4, not 5");
}

TEST_CASE("a stale answer is timed again only where a tuning says so") {
  protocol::Answer answer;
  answer.source = "cache";
  answer.stale = true;
  const auto from = [&] { return answerFacts(answer, "").at(3).at(1); };
  CHECK(from().find("another driver or compiler") != std::string::npos);
  CHECK(from().find("behind") == std::string::npos);
  answer.job = "7";
  CHECK(from().find("timed again behind") != std::string::npos);
  answer.stale = false;
  CHECK(from().find("stale") == std::string::npos);
}

TEST_CASE("what was meant by a word with slips in it") {
  const std::vector<std::string> known = {"tune", "top", "status", "explain", "show", "stop"};
  using Words = std::vector<std::string>;
  CHECK(near("tunne", known) == Words{"tune"});
  CHECK(near("tnue", known) == Words{"tune"});
  CHECK(near("sttaus", known) == Words{"status"});
  CHECK(near("exlpian", known) == Words{"explain"});
  CHECK(near("sto", known) == Words{"stop"});
  CHECK(near("st", known) == Words{"status", "stop"});
  CHECK(near("shop", known) == Words{"show", "stop"});
  CHECK(near("frobnicate", known).empty());
  CHECK(near("", known).empty());
  CHECK(near("x", known).empty());
}

TEST_CASE("what disturbed a time is told beside it") {
  protocol::Answer answer;
  CHECK(answerFacts(answer, "").at(6).at(0) == "throughput");
  answer.disturbed = "other processes took 40 % of the device";
  CHECK(answerFacts(answer, "").at(6).at(1).starts_with("other processes took 40 % of the device; "));
}

TEST_CASE("columns line up, also beside text that is not ASCII") {
  CHECK(table({{"a", "b"}, {"\u00e9\u00e9\u00e9", "x"}}) == "A    B\n\u00e9\u00e9\u00e9  x\n");
  CHECK(table({{"name"}}) == "NAME\n");
  CHECK(facts({{"kernel", "relu"}, {"id", "7"}}) == "kernel  relu\nid      7\n");
}
