#include "daemon/store/file/checksum.h"

#include "base/sha256.h"

#include <charconv>
#include <cmath>
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
  const std::string hex = sha256(all);
  std::string out(16, '\0');
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<char>(std::stoi(hex.substr(2 * i, 2), nullptr, 16));
  return out;
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

double magnitudeOf(const std::string& sizes) {
  const auto parsed = nlohmann::json::parse(sizes, nullptr, false);
  double sum = 0;
  if (parsed.is_object())
    for (const auto& [name, value] : parsed.items())
      if (value.is_number_integer() && value.get<int64_t>() > 0)
        sum += std::log2(static_cast<double>(value.get<int64_t>()));
  return sum;
}

} // namespace tuned::store
