#include "backend/runtime/signature.h"

#include "base/model/element.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

namespace tuned::runtime {
namespace {

/// To a binary format of `exponentBits` and `mantissaBits` below 64 bits in all: to nearest, ties to even.
uint64_t narrowed(double value, int exponentBits, int mantissaBits) {
  const uint64_t sign = std::signbit(value) ? uint64_t{1} << (exponentBits + mantissaBits) : 0;
  const uint64_t infinity = ((uint64_t{1} << exponentBits) - 1) << mantissaBits;
  if (std::isnan(value)) return sign | infinity | (uint64_t{1} << (mantissaBits - 1));
  if (std::isinf(value)) return sign | infinity;
  const int bias = (1 << (exponentBits - 1)) - 1;
  // Counted in the format's smallest step at this magnitude, the value is a whole number after rounding; a
  // number that rounds up to the next power of two runs over into the exponent, as it has to.
  const int exponent = value == 0 ? 1 - bias : std::max(std::ilogb(value), 1 - bias);
  const double steps = std::nearbyint(std::scalbn(std::fabs(value), mantissaBits - exponent));
  const uint64_t hidden = static_cast<uint64_t>(exponent + bias - 1) << mantissaBits;
  return sign | std::min(hidden + static_cast<uint64_t>(steps), infinity);
}

std::unexpected<Error> broken(const LaunchMetadata& launch, const std::string& what) {
  return fail(ErrorKind::InvalidInput, "'" + launch.symbol + "' " + what,
              "ask the daemon again; if it was upgraded, restart it");
}

Result<uint64_t> scalarSlot(const LaunchMetadata& launch, const Argument& argument, int slotBytes) {
  if (bytesOfElement(argument.type) != slotBytes)
    return broken(launch, "takes argument '" + argument.name + "' of type " + argument.type + " in " +
                              std::to_string(slotBytes) + " bytes");
  if (argument.integer) {
    const uint64_t mask = slotBytes == 8 ? ~uint64_t{0} : (uint64_t{1} << (8 * slotBytes)) - 1;
    return static_cast<uint64_t>(*argument.integer) & mask;
  }
  if (argument.real) return bitsOfReal(argument.type, *argument.real);
  return broken(launch, "has no value for argument '" + argument.name + "'");
}

/// The number of an argument that the condition names and that is not there; -2: all are.
int strangeArgument(const LaunchCondition& condition, size_t arguments) {
  if (condition.kind == LaunchCondition::Kind::Grid) return -2;
  const auto there = [&](int number) { return number >= 0 && std::cmp_less(number, arguments); };
  if (!there(condition.argument)) return std::max(condition.argument, -1);
  if (condition.kind == LaunchCondition::Kind::Distinct && !there(condition.other))
    return std::max(condition.other, -1);
  return -2;
}

} // namespace

int64_t bytesOf(const Argument& argument) {
  int64_t bytes = bytesOfElement(argument.type);
  for (int64_t extent : argument.shape)
    if (extent < 0 || __builtin_mul_overflow(bytes, extent, &bytes)) return 0;
  return bytes;
}

Result<uint64_t> bitsOfReal(const std::string& type, double value) {
  if (type == "f64") return std::bit_cast<uint64_t>(value);
  if (type == "f32") return std::bit_cast<uint32_t>(static_cast<float>(value));
  if (type == "f16") return narrowed(value, 5, 10);
  if (type == "bf16") return narrowed(value, 8, 7);
  return fail(ErrorKind::Unsupported, "a scalar of type " + type + " cannot be passed");
}

Result<Signature> Signature::of(const LaunchMetadata& launch) {
  if (launch.arguments.empty() && !launch.parameters.empty())
    return broken(launch, "came without a table of arguments");
  if (launch.arguments.size() > launch.parameters.size())
    return broken(launch, "takes " + std::to_string(launch.parameters.size()) +
                              " parameters, and its table has " + std::to_string(launch.arguments.size()) +
                              " arguments");
  Signature out;
  for (size_t i = 0; i < launch.arguments.size(); ++i) {
    const Argument& argument = launch.arguments[i];
    LaunchValue value;
    uint64_t slot = 0;
    if (launch.parameters[i].takesAddress()) {
      out.buffers_.push_back(i);
      value.extent = bytesOf(argument);
    } else {
      auto bits = scalarSlot(launch, argument, launch.parameters[i].sizeBytes);
      if (!bits) return fail(bits.error());
      slot = *bits;
      value.value = argument.integer.value_or(0);
    }
    out.slots_.push_back(slot);
    out.values_.push_back(value);
    out.names_.push_back(argument.name);
  }
  // Compilers of others pass workspaces of their own behind the arguments: none is needed, or the build was
  // refused.
  out.slots_.resize(launch.parameters.size(), 0);
  for (const LaunchCondition& condition : launch.conditions) {
    if (const int number = strangeArgument(condition, out.values_.size()); number >= -1)
      return broken(launch, "has a condition on argument " + std::to_string(number) + " of " +
                                std::to_string(out.values_.size()));
    const bool ofAddress = std::ranges::any_of(out.buffers_, [&](size_t buffer) {
      return std::cmp_equal(buffer, condition.argument) || std::cmp_equal(buffer, condition.other);
    });
    if (ofAddress)
      out.addCheck(condition);
    else if (!tuned::holds(condition, out.values_))
      return broken(launch, "was built for arguments of which " + text(condition, out.names_) +
                                ", and that does not hold");
  }
  return out;
}

void Signature::fill(std::span<const uint64_t> addresses, std::span<uint64_t> slots) const {
  std::ranges::copy(slots_, slots.begin());
  for (size_t i = 0; i < buffers_.size(); ++i)
    slots[buffers_[i]] = addresses[i];
}

/// The values as conditions see them.
void Signature::see(std::span<const uint64_t> slots, std::span<LaunchValue> values) const {
  std::ranges::copy(values_, values.begin());
  for (size_t buffer : buffers_)
    values[buffer].value = static_cast<int64_t>(slots[buffer]);
}

std::vector<LaunchCondition> Signature::brokenBy(std::span<const uint64_t> slots) const {
  std::vector<LaunchValue> values(values_.size());
  see(slots, values);
  std::vector<LaunchCondition> out;
  for (const LaunchCondition& condition : conditions_)
    if (!tuned::holds(condition, values)) out.push_back(condition);
  return out;
}

void Signature::addCheck(const LaunchCondition& condition) {
  const auto bytes = [&](int argument, int64_t told) {
    const bool there = argument >= 0 && std::cmp_less(argument, values_.size());
    return static_cast<uint64_t>(told > 0 ? told : there ? values_[static_cast<size_t>(argument)].extent : 0);
  };
  conditions_.push_back(condition);
  checks_.push_back({condition.kind, static_cast<uint32_t>(condition.argument),
                     static_cast<uint32_t>(std::max(condition.other, 0)),
                     static_cast<uint64_t>(condition.value), bytes(condition.argument, condition.bytes),
                     bytes(condition.other, condition.otherBytes)});
}

/// As tuned::holds of the condition.
bool Signature::holds(const Check& check, std::span<const uint64_t> slots) {
  using Kind = LaunchCondition::Kind;
  const uint64_t one = slots[check.argument];
  switch (check.kind) {
  case Kind::Divisible:
    return (check.value & (check.value - 1)) == 0 ? (one & (check.value - 1)) == 0 : one % check.value == 0;
  case Kind::Equal:
    return one == check.value;
  case Kind::AtLeast:
    return static_cast<int64_t>(one) >= static_cast<int64_t>(check.value);
  case Kind::AtMost:
    return static_cast<int64_t>(one) <= static_cast<int64_t>(check.value);
  case Kind::PadsZero:
  case Kind::Grid:
    return true;
  case Kind::SameOrDistinct:
  case Kind::Distinct:
    break;
  }
  const uint64_t other = slots[check.other];
  if (one == 0 || other == 0) return true;
  if (check.kind == Kind::SameOrDistinct && one == other) return true;
  const uint64_t bytes = one <= other ? check.bytes : check.otherBytes; // of the lower one
  return bytes > 0 && (one <= other ? other - one : one - other) >= bytes;
}

Result<void> Signature::check(std::span<const uint64_t> slots) const {
  for (const Check& one : checks_)
    if (!holds(one, slots)) return refuse(slots);
  return {};
}

Result<void> Signature::refuse(std::span<const uint64_t> slots) const {
  std::vector<LaunchValue> values(values_.size());
  see(slots, values);
  const LaunchCondition* condition = firstBroken(conditions_, values);
  if (!condition) return {};
  return fail(ErrorKind::InvalidInput,
              "this build needs that " + text(*condition, names_) + "; " +
                  names_[static_cast<size_t>(condition->argument)] + " is at address " +
                  std::to_string(slots[static_cast<size_t>(condition->argument)]),
              "pass an array that fulfils it, a copy for example");
}

} // namespace tuned::runtime
