#include "daemon/store/file/checksum.h"

#include "base/hex.h"
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

} // namespace tuned::store
