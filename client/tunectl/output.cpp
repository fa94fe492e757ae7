#include "client/tunectl/output.h"
#include "base/model/compiler_names.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

namespace tuned::tunectl {

namespace {
std::string number(const char* format, double value) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

/// Four significant digits without an exponent.
std::string significant(double value) {
  const double size = value < 0 ? -value : value;
  return number(size < 10 ? "%.3f" : size < 100 ? "%.2f" : size < 1000 ? "%.1f" : "%.0f", value);
}

/// Columns a UTF-8 text takes; our texts have no wide or combining characters.
size_t width(const std::string& text) {
  return static_cast<size_t>(std::ranges::count_if(text, [](unsigned char c) { return (c & 0xc0) != 0x80; }));
}

std::string words(std::string name) {
  std::ranges::replace(name, '_', ' ');
  return name;
}
} // namespace

std::string formatPhases(const std::map<std::string, double>& seconds) {
  std::vector<std::pair<double, std::string>> order;
  double all = 0;
  for (const auto& [phase, spent] : seconds) {
    order.emplace_back(-spent, phase);
    all += spent;
  }
  std::ranges::sort(order);
  std::string out = order.empty() ? "" : formatSeconds(all);
  for (const auto& [spent, phase] : order)
    if (spent < -5e-4) out += (out.contains(':') ? ", " : ": ") + formatSeconds(-spent) + " " + phase;
  return out;
}

std::string formatSeconds(std::optional<double> seconds) {
  if (!seconds) return "-";
  if (*seconds >= 1) return significant(*seconds) + " s";
  if (*seconds >= 1e-3) return significant(*seconds * 1e3) + " ms";
  if (*seconds >= 1e-6) return significant(*seconds * 1e6) + " us";
  return significant(*seconds * 1e9) + " ns";
}

std::string formatBytes(int64_t bytes) {
  if (bytes < 1024) return std::to_string(bytes) + " B";
  double value = static_cast<double>(bytes);
  const char* unit = "";
  for (const char* next : {"KiB", "MiB", "GiB", "TiB"}) {
    if (value < 1024) break;
    value /= 1024;
    unit = next;
  }
  return number("%.1f ", value) + unit;
}

std::string formatRates(const protocol::Answer& answer) {
  std::string out;
  if (answer.gigabytesPerSecond) out = significant(*answer.gigabytesPerSecond) + " GB/s";
  if (answer.gigaflopsPerSecond)
    out += (out.empty() ? "" : ", ") + significant(*answer.gigaflopsPerSecond) + " GFLOP/s";
  return out.empty() ? "-" : out;
}

std::string formatGain(std::optional<double> gain) {
  return gain ? number("%.2fx", *gain) : "-";
}

std::string formatValues(const protocol::Values& values) {
  std::string out;
  for (const auto& [name, value] : values)
    out += (out.empty() ? "" : " ") + name + "=" + parameterValueText(name, value);
  return out;
}

std::string formatVerdict(const protocol::Verdict& verdict) {
  std::string out = verdict.state;
  if (verdict.checked > 0)
    out += ": " + std::to_string(verdict.checked) + " of " + std::to_string(verdict.total) +
           " outputs compared with " + (verdict.reference.empty() ? "a reference" : verdict.reference) +
           ", worst error " + number("%.2g", verdict.worstError * verdict.factor) + " of the tolerance" +
           (verdict.guardsIntact ? ", guards intact" : "");
  if (!verdict.reason.empty()) out += (verdict.checked > 0 ? "; " : ": ") + verdict.reason;
  return out;
}

std::string formatOutcomes(const protocol::Values& outcomes) {
  std::string out;
  for (const auto& [name, count] : outcomes)
    if (count > 0) out += (out.empty() ? "" : ", ") + std::to_string(count) + " " + words(name);
  return out.empty() ? "none" : out;
}

std::string formatTunings(const protocol::ServiceStatus& state) {
  return std::to_string(state.jobsRunning) + " running, " + std::to_string(state.jobsQueued) + " queued" +
         (state.paused ? ", paused (tunectl resume)" : "");
}

std::string formatTime(int64_t unixSeconds) {
  if (unixSeconds == 0) return "-";
  const std::time_t time = unixSeconds;
  std::tm parts{};
  localtime_r(&time, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts);
  return text.data();
}

namespace {
std::string aligned(const std::vector<Row>& rows) {
  std::vector<size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], width(row[i]));
  }
  std::string out;
  for (const Row& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      out += row[i];
      if (i + 1 < row.size()) out.append(widths[i] - width(row[i]) + 2, ' ');
    }
    out += '\n';
  }
  return out;
}
} // namespace

std::string table(const std::vector<Row>& rows) {
  std::vector<Row> out = rows;
  if (!out.empty())
    for (std::string& heading : out.front())
      std::ranges::transform(heading, heading.begin(), [](unsigned char c) { return std::toupper(c); });
  return aligned(out);
}

std::string facts(const std::vector<Row>& rows) {
  return aligned(rows);
}

std::vector<Row> answerFacts(const protocol::Answer& answer, const std::string& deviceName) {
  std::vector<Row> rows;
  rows.push_back({"kernel", answer.kernelName.empty() ? answer.kernel : answer.kernelName});
  rows.push_back({"sizes", formatValues(answer.sizes)});
  rows.push_back({"device", deviceName.empty() ? answer.device : deviceName + " (" + answer.device + ")"});
  const char* source = answer.source == "cache" ? "the cache: tuned for these sizes"
                       : answer.source == "nearest"
                           ? "the nearest that was tuned: other sizes or another objective"
                           : "the kernel's default, not tuned yet";
  const char* stale = !answer.stale        ? ""
                      : answer.job.empty() ? ", stale: measured under another driver or compiler"
                                           : ", stale: timed again behind";
  rows.push_back({"answer from", std::string(source) + stale});
  if (answer.expectedLoss)
    rows.push_back(
        {"expected loss", number("%.1f %% behind the best of these sizes", 100 * *answer.expectedLoss)});
  rows.push_back({"best configuration", formatValues(answer.configuration)});
  std::string time = formatSeconds(answer.seconds);
  if (answer.interval)
    time += " (" + formatSeconds(answer.interval->low) + " to " + formatSeconds(answer.interval->high) +
            " with 95 % confidence)";
  rows.push_back({"time", time});
  if (answer.disturbed) rows.push_back({"disturbed", *answer.disturbed + "; tune --force times it again"});
  if (answer.joules)
    rows.push_back({"energy", number("%.4g mJ a launch, with warm caches", 1e3 * *answer.joules)});
  rows.push_back({"throughput", formatRates(answer)});
  rows.push_back({"gain over default", formatGain(answer.gain)});
  rows.push_back({"verdict", formatVerdict(answer.verdict)});
  rows.push_back({"space covered", number("%.0f %%", 100 * answer.coverage)});
  rows.push_back({"artefact", answer.artefact + (answer.format.empty() ? "" : " (" + answer.format + ")")});
  if (!answer.job.empty()) rows.push_back({"tuning", "job " + answer.job + " is under way"});
  return rows;
}

} // namespace tuned::tunectl
