#include "daemon/store/nearness.h"

#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

namespace tuned::store {

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
