#include "daemon/store/file/checksum.h"

#include "base/hex.h"
#include "base/sha256.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace tuned::store {

namespace {
std::string digits(double value) {
  char text[40];
  return std::string(text, std::to_chars(text, text + sizeof text, value).ptr);
}
std::string digits(const std::optional<double>& value) {
  return value ? digits(*value) : "";
}
} // namespace

std::string checksum(const std::vector<std::string>& parts) {
  std::string all;
  for (const std::string& part : parts)
    all += std::to_string(part.size()) + ":" + part;
  return fromHex(std::string_view(sha256(all)).substr(0, 32));
}

std::string buildSum(const BuildKey& key, std::string_view body) {
  return checksum({"build", key.kernel, key.sizes, key.configuration, key.toolchain, key.options, key.origin,
                   std::string(body)});
}

std::string measurementSum(const MeasurementRecord& record, std::string_view verdict) {
  const BuildKey& key = record.build.key;
  const Measurement& m = record.measurement;
  const Interval interval = m.interval.value_or(Interval());
  std::vector<std::string> parts = {"measurement",
                                    key.kernel,
                                    key.sizes,
                                    key.configuration,
                                    key.toolchain,
                                    key.options,
                                    key.origin,
                                    record.target,
                                    record.policy,
                                    record.source,
                                    std::to_string(record.search),
                                    record.finalist ? "1" : "0",
                                    m.outcome,
                                    m.reason,
                                    digits(m.seconds),
                                    m.interval ? digits(interval.low) + " " + digits(interval.high) : "",
                                    std::to_string(m.repeats),
                                    m.abandoned ? "1" : "0",
                                    std::string(verdict),
                                    digits(record.created)};
  if (m.joules) parts.push_back(digits(m.joules)); // sums of schema 2 hold
  return checksum(parts);
}

namespace {
/// By name; nothing where a size is no positive integer.
std::map<std::string, double> logarithms(const std::string& sizes) {
  std::map<std::string, double> out;
  const auto parsed = nlohmann::json::parse(sizes, nullptr, false);
  if (parsed.is_object())
    for (const auto& [name, value] : parsed.items())
      if (value.is_number_integer() && value.get<int64_t>() > 0)
        out[name] = std::log2(static_cast<double>(value.get<int64_t>()));
  return out;
}
} // namespace

double magnitudeOf(const std::string& sizes) {
  double sum = 0;
  for (const auto& [name, value] : logarithms(sizes))
    sum += value;
  return sum;
}

double distanceOf(const std::string& sizes, const std::string& others) {
  const auto here = logarithms(sizes), there = logarithms(others);
  double sum = 0;
  for (const auto& [name, value] : here) {
    const auto other = there.find(name);
    if (other == there.end() || here.size() != there.size()) return std::numeric_limits<double>::infinity();
    sum += (value - other->second) * (value - other->second);
  }
  return sum;
}

} // namespace tuned::store
