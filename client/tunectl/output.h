// How tunectl writes numbers, lists and messages for people.
#pragma once

#include "client/protocol/messages.h"

#include <string>
#include <vector>

namespace tuned::tunectl {

/// "3.20 s: 1.50 s compile, 1.20 s time, …", the longest first; empty when nothing is known.
std::string formatPhases(const std::map<std::string, double>& seconds);
/// "1.234 ms"; "-" for none.
std::string formatSeconds(std::optional<double> seconds);
/// "12.3 GiB"
std::string formatBytes(int64_t bytes);
/// "1.93 GB/s, 12.1 GFLOP/s"; what is not known is left out; "-" when nothing is.
std::string formatRates(const protocol::Answer& answer);
/// "1.52x"; "-" for none.
std::string formatGain(std::optional<double> gain);
/// "BLOCK=64 compiler=tileir num_warps=4"
std::string formatValues(const protocol::Values& values);
/// "passed: 4096 of 4096 outputs agree with the reference evaluator"
std::string formatVerdict(const protocol::Verdict& verdict);
/// "20 timed, 3 compile failed"
std::string formatOutcomes(const protocol::Values& outcomes);
/// "2026-01-31 12:00:00" in local time; "-" for 0.
std::string formatTime(int64_t unixSeconds);
/// "1 running, 2 queued", and whether they wait for `tunectl resume`.
std::string formatTunings(const protocol::ServiceStatus& state);

/// Columns as wide as their widest cell; the first row is the heading.
using Row = std::vector<std::string>;
std::string table(const std::vector<Row>& rows);
/// Two columns without a heading: name and value.
std::string facts(const std::vector<Row>& rows);

/// The answer as facts, for `query`, `tune` and `show`. `device` is the device's name if it is known.
std::vector<Row> answerFacts(const protocol::Answer& answer, const std::string& deviceName);

} // namespace tuned::tunectl
