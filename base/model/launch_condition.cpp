#include "base/model/launch_condition.h"

#include "base/model/grid.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace tuned {

namespace {

using Kind = LaunchCondition::Kind;

constexpr std::array<const char*, 8> names = {"divisible", "distinct", "same_or_distinct", "equal",
                                              "at_least",  "at_most",  "pads_zero",        "grid"};

bool ofPair(Kind kind) {
  return kind == Kind::Distinct || kind == Kind::SameOrDistinct;
}

bool hasValue(Kind kind) {
  return kind == Kind::Divisible || kind == Kind::Equal || kind == Kind::AtLeast || kind == Kind::AtMost;
}

std::string argumentText(int argument, std::span<const std::string> argumentNames) {
  bool named = argument >= 0 && size_t(argument) < argumentNames.size() && !argumentNames[argument].empty();
  return named ? argumentNames[argument] : "argument " + std::to_string(argument);
}

/// Whether [a, a + aBytes) and [b, b + bBytes) share no byte. Addresses are unsigned.
bool apart(const LaunchValue& a, int64_t aBytes, const LaunchValue& b, int64_t bBytes) {
  if (a.value == 0 || b.value == 0) return true;
  uint64_t first = uint64_t(a.value), second = uint64_t(b.value);
  int64_t bytes = first <= second ? aBytes : bBytes;
  // How far the higher buffer reaches does not matter, but that the lower one ends before it does.
  return bytes > 0 && std::max(first, second) - std::min(first, second) >= uint64_t(bytes);
}

bool implies(const LaunchCondition& strong, const LaunchCondition& weak) {
  if (strong.argument != weak.argument) return false;
  if (strong.kind == Kind::Distinct && weak.kind == Kind::SameOrDistinct)
    return strong.other == weak.other && strong.bytes == weak.bytes && strong.otherBytes == weak.otherBytes;
  if (strong.kind == Kind::Equal) {
    if (weak.kind == Kind::Divisible) return weak.value > 0 && strong.value % weak.value == 0;
    if (weak.kind == Kind::AtLeast) return strong.value >= weak.value;
    if (weak.kind == Kind::AtMost) return strong.value <= weak.value;
  }
  if (strong.kind != weak.kind) return false;
  switch (strong.kind) {
  case Kind::Divisible:
    return weak.value > 0 && strong.value % weak.value == 0;
  case Kind::AtLeast:
    return strong.value >= weak.value;
  case Kind::AtMost:
    return strong.value <= weak.value;
  case Kind::Distinct:
  case Kind::SameOrDistinct:
  case Kind::Equal:
  case Kind::PadsZero:
  case Kind::Grid:
    return strong == weak;
  }
  return false;
}

} // namespace

const char* name(LaunchCondition::Kind kind) {
  return names[size_t(kind)];
}

std::string text(const LaunchCondition& condition, std::span<const std::string> argumentNames) {
  std::string argument = argumentText(condition.argument, argumentNames);
  std::string value = std::to_string(condition.value);
  switch (condition.kind) {
  case Kind::Divisible:
    return argument + " is a multiple of " + value;
  case Kind::Distinct:
    return argument + " and " + argumentText(condition.other, argumentNames) + " do not overlap";
  case Kind::SameOrDistinct:
    return argument + " and " + argumentText(condition.other, argumentNames) +
           " are one address or do not overlap";
  case Kind::Equal:
    return argument + " is " + value;
  case Kind::AtLeast:
    return argument + " is at least " + value;
  case Kind::AtMost:
    return argument + " is at most " + value;
  case Kind::PadsZero:
    return argument + " pads with zeros";
  case Kind::Grid:
    return "the grid is " + gridText(condition.programs);
  }
  return argument;
}

bool holds(const LaunchCondition& condition, std::span<const LaunchValue> values,
           std::span<const int64_t> grid) {
  if (condition.kind == Kind::Grid) return grid.empty() || std::ranges::equal(grid, condition.programs);
  auto known = [&](int argument) { return argument >= 0 && size_t(argument) < values.size(); };
  if (!known(condition.argument)) return false;
  const LaunchValue& value = values[condition.argument];
  switch (condition.kind) {
  case Kind::Divisible:
    return condition.value > 0 && uint64_t(value.value) % uint64_t(condition.value) == 0;
  case Kind::Equal:
    return value.value == condition.value;
  case Kind::AtLeast:
    return value.value >= condition.value;
  case Kind::AtMost:
    return value.value <= condition.value;
  case Kind::PadsZero:
    return !value.padsNan;
  case Kind::Grid:
    break;
  case Kind::SameOrDistinct:
  case Kind::Distinct: {
    if (!known(condition.other)) return false;
    const LaunchValue& other = values[condition.other];
    if (condition.kind == Kind::SameOrDistinct && value.value == other.value) return true;
    return apart(value, condition.bytes > 0 ? condition.bytes : value.extent, other,
                 condition.otherBytes > 0 ? condition.otherBytes : other.extent);
  }
  }
  return false;
}

const LaunchCondition* firstBroken(std::span<const LaunchCondition> conditions,
                                   std::span<const LaunchValue> values, std::span<const int64_t> grid) {
  for (const LaunchCondition& condition : conditions)
    if (!holds(condition, values, grid)) return &condition;
  return nullptr;
}

bool alike(const LaunchCondition& a, const LaunchCondition& b) {
  if (ofPair(a.kind) != ofPair(b.kind)) return false;
  if (!ofPair(a.kind)) return a.kind == b.kind && a.argument == b.argument;
  return std::minmax(a.argument, a.other) == std::minmax(b.argument, b.other);
}

void require(std::vector<LaunchCondition>& conditions, const LaunchCondition& condition) {
  for (const LaunchCondition& known : conditions)
    if (implies(known, condition)) return;
  std::erase_if(conditions, [&](const LaunchCondition& known) { return implies(condition, known); });
  conditions.push_back(condition);
}

nlohmann::ordered_json toJson(const LaunchCondition& condition) {
  nlohmann::ordered_json json = {{"kind", name(condition.kind)}};
  if (condition.kind == Kind::Grid) {
    json["programs"] = condition.programs;
    return json;
  }
  json["argument"] = condition.argument;
  if (hasValue(condition.kind)) json["value"] = condition.value;
  if (!ofPair(condition.kind)) return json;
  json["other"] = condition.other;
  if (condition.bytes > 0) json["bytes"] = condition.bytes;
  if (condition.otherBytes > 0) json["other_bytes"] = condition.otherBytes;
  return json;
}

namespace {

class Reader {
public:
  explicit Reader(const nlohmann::json& source) : json(source) {}

  Result<LaunchCondition> read() {
    if (!json.is_object()) return wrong("is no object");
    auto kind = json.find("kind");
    auto found = kind == json.end() || !kind->is_string()
                     ? names.end()
                     : std::ranges::find(names, kind->get_ref<const std::string&>());
    if (found == names.end())
      return wrong("has no known 'kind' (divisible, distinct, same_or_distinct, equal, at_least, at_most, "
                   "pads_zero, grid)");
    LaunchCondition out;
    out.kind = Kind(found - names.begin());
    bool distinct = ofPair(out.kind);
    if (out.kind == Kind::Grid)
      readPrograms(out.programs);
    else
      out.argument = int(number("argument", 0, maxArgument));
    if (distinct) out.other = int(number("other", 0, maxArgument));
    if (hasValue(out.kind))
      out.value = number("value", out.kind == Kind::Divisible ? 1 : INT64_MIN, INT64_MAX);
    if (distinct && json.contains("bytes")) out.bytes = number("bytes", 1, INT64_MAX);
    if (distinct && json.contains("other_bytes")) out.otherBytes = number("other_bytes", 1, INT64_MAX);
    if (!problem.empty()) return wrong(problem);
    if (read_ != json.size()) return wrong("has a field that its kind does not know");
    return out;
  }

private:
  static constexpr int64_t maxArgument = 1 << 16;

  static std::unexpected<Error> wrong(const std::string& what) {
    return fail(ErrorKind::InvalidInput, "launch condition " + what);
  }

  void readPrograms(std::array<int64_t, 3>& programs) {
    auto it = json.find("programs");
    auto good = [](const nlohmann::json& each) {
      bool small =
          each.is_number_integer() && (!each.is_number_unsigned() || each.get<uint64_t>() <= INT32_MAX);
      return small && each.get<int64_t>() >= 1 && each.get<int64_t>() <= INT32_MAX;
    };
    if (it != json.end() && it->is_array() && it->size() == programs.size() && std::ranges::all_of(*it, good))
      programs = it->get<std::array<int64_t, 3>>();
    else
      problem = "has no 'programs' that are three positive integers";
    ++read_;
  }

  int64_t number(const char* field, int64_t least, int64_t most) {
    auto it = json.find(field);
    bool integer = it != json.end() && it->is_number_integer();
    bool fits = integer && (!it->is_number_unsigned() || it->get<uint64_t>() <= uint64_t(INT64_MAX));
    int64_t value = fits ? it->get<int64_t>() : 0;
    if ((!fits || value < least || value > most) && problem.empty())
      problem = std::string("has no '") + field + "' that is an integer in range";
    ++read_;
    return value;
  }

  const nlohmann::json& json;
  std::string problem;
  size_t read_ = 1; // "kind" is read
};

} // namespace

Result<LaunchCondition> launchConditionFromJson(const nlohmann::json& json) {
  return Reader(json).read();
}

} // namespace tuned
