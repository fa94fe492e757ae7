// Sizes run to hundreds of megabytes, so numbers come from a counter-based generator and a cheap normal.
#include "tuner/measure/inputs.h"
#include "tuner/measure/element.h"

#include <array>

namespace tuned {
namespace {

/// The next number of a SplitMix64 sequence (Steele, Lea and Flood, 2014).
uint64_t next(uint64_t& state) {
  uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

/// Sum of four 16-bit numbers, centred and scaled to deviation 1: near enough to normal for inputs, within
/// ±3.5.
double normalOf(uint64_t bits) {
  int64_t sum = (bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48);
  return static_cast<double>(sum - 131070) * (1.7320508075688772 / 65536);
}

double uniformOf(uint64_t bits) {
  return static_cast<double>(bits >> 40) * 0x1p-24;
}

} // namespace

Result<std::vector<std::byte>> makeInput(const KernelArgument& argument, int64_t count, uint64_t seed) {
  auto bytes = elementBytes(argument.type);
  if (!bytes) return fail(bytes.error());
  ElementInfo info = elementInfo(argument.type);
  std::vector<std::byte> out(static_cast<size_t>(count) * *bytes);
  if (argument.fill == "zeros") return out;
  uint64_t state = seed;
  for (int64_t i = 0; i < count; ++i) {
    double value = 1;
    if (argument.fill == "indices")
      value = static_cast<double>(i);
    else if (argument.fill == "normal")
      value = info.isFloat ? normalOf(next(state))
                           : static_cast<double>(static_cast<int64_t>(next(state) % 17) - 8);
    else if (argument.fill == "uniform")
      value = info.isFloat ? uniformOf(next(state)) : static_cast<double>(next(state) % 16);
    else if (argument.fill != "ones")
      return fail(ErrorKind::InvalidInput,
                  "argument '" + argument.name + "': unknown fill '" + argument.fill + "'");
    if (info.type == ElementType::I1) value = static_cast<int64_t>(value) & 1;
    writeElement(info.type, out.data() + i * *bytes, value);
  }
  return out;
}

} // namespace tuned
