// Sizes run to hundreds of megabytes, so numbers come from a counter-based generator and a cheap normal.
#include "tuner/measure/inputs.h"
#include "base/parallel.h"
#include "tuner/measure/element.h"

#include <bit>
#include <optional>
#include <vector>

namespace tuned {
namespace {

constexpr int64_t kLeastPart = 1 << 18; // elements: below this a thread costs more than it saves

/// Number `index` of the SplitMix64 sequence that starts at `seed` (Steele, Lea and Flood, 2014): any of them
/// can be had without those before it.
uint64_t numberAt(uint64_t seed, int64_t index) {
  uint64_t z = seed + static_cast<uint64_t>(index + 1) * 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

/// Sum of four 16-bit numbers, one of kSums.
constexpr int64_t kSums = 4 * 0xffff + 1;
int64_t sumOf(uint64_t bits) {
  return static_cast<int64_t>((bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48));
}

/// The sum centred and scaled to deviation 1: near enough to normal for inputs, within ±3.5.
double normalOf(int64_t sum) {
  return static_cast<double>(sum - 131070) * (1.7320508075688772 / 65536);
}

double uniformOf(uint64_t bits) {
  return static_cast<double>(bits >> 40) * 0x1p-24;
}

enum class Fill { Indices, Normal, Uniform, Ones };

double valueOf(Fill fill, const ElementInfo& info, uint64_t seed, int64_t i) {
  switch (fill) {
  case Fill::Indices:
    return static_cast<double>(i);
  case Fill::Normal:
    return info.isFloat ? normalOf(sumOf(numberAt(seed, i)))
                        : static_cast<double>(static_cast<int64_t>(numberAt(seed, i) % 17) - 8);
  case Fill::Uniform:
    return info.isFloat ? uniformOf(numberAt(seed, i)) : static_cast<double>(numberAt(seed, i) % 16);
  case Fill::Ones:
    break;
  }
  return 1;
}

std::optional<Fill> fillNamed(const std::string& name) {
  if (name == "indices") return Fill::Indices;
  if (name == "normal") return Fill::Normal;
  if (name == "uniform") return Fill::Uniform;
  if (name == "ones") return Fill::Ones;
  return std::nullopt;
}

/// Where values go: elements of one type, the first at `at`.
struct Target {
  ElementInfo info;
  std::byte* at;
};

/// at[i] = of(random number i), on all cores.
template <typename Whole, typename Of> void fillBy(Whole* at, int64_t count, uint64_t seed, Of of) {
  inParallel(count, kLeastPart, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i)
      at[i] = of(numberAt(seed, i));
  });
}

/// The bits of every value that normalOf can have, by its sum: rounding each element would take longer than
/// making it.
template <typename Whole> std::vector<Whole> normalsOf(ElementType type) {
  std::vector<Whole> out(kSums);
  for (int64_t sum = 0; sum < kSums; ++sum)
    writeElement(type, reinterpret_cast<std::byte*>(&out[static_cast<size_t>(sum)]), normalOf(sum));
  return out;
}

template <typename Whole> void fillNormals(const Target& target, int64_t count, uint64_t seed) {
  const std::vector<Whole> table = normalsOf<Whole>(target.info.type);
  fillBy(reinterpret_cast<Whole*>(target.at), count, seed,
         [&](uint64_t bits) { return table[static_cast<size_t>(sumOf(bits))]; });
}

/// f16 or bf16 of a number in [0, 1) that f32 holds exactly, rounded half to even.
uint16_t halfOf(ElementType type, float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  if (type == ElementType::BF16) return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
  if (value >= 0x1p-14F)
    return static_cast<uint16_t>(((bits + 0xfff + (bits >> 13 & 1)) >> 13) - (112 << 10));
  uint16_t out = 0;
  writeElement(type, reinterpret_cast<std::byte*>(&out), value);
  return out;
}

/// The common cases, with nothing left to decide for each element; false: another.
bool fillQuickly(const Target& target, Fill fill, int64_t count, uint64_t seed) {
  const ElementType type = target.info.type;
  if (!target.info.isFloat || count < kSums) return false;
  if (fill == Fill::Normal && target.info.bytes == 1)
    fillNormals<uint8_t>(target, count, seed);
  else if (fill == Fill::Normal && target.info.bytes == 2)
    fillNormals<uint16_t>(target, count, seed);
  else if (fill == Fill::Normal && type == ElementType::F32)
    fillBy(reinterpret_cast<float*>(target.at), count, seed,
           [](uint64_t bits) { return static_cast<float>(normalOf(sumOf(bits))); });
  else if (fill == Fill::Uniform && target.info.bytes == 2)
    fillBy(reinterpret_cast<uint16_t*>(target.at), count, seed,
           [&](uint64_t bits) { return halfOf(type, static_cast<float>(uniformOf(bits))); });
  else if (fill == Fill::Uniform && type == ElementType::F32)
    fillBy(reinterpret_cast<float*>(target.at), count, seed,
           [](uint64_t bits) { return static_cast<float>(uniformOf(bits)); });
  else
    return false;
  return true;
}

/// The slow way, for any fill and type.
void fillAny(const Target& target, Fill fill, int64_t count, uint64_t seed) {
  inParallel(count, kLeastPart, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      double value = valueOf(fill, target.info, seed, i);
      if (target.info.type == ElementType::I1) value = static_cast<double>(static_cast<int64_t>(value) & 1);
      writeElement(target.info.type, target.at + i * target.info.bytes, value);
    }
  });
}

} // namespace

Result<LargeBytes> makeInput(const KernelArgument& argument, int64_t count, uint64_t seed) {
  auto bytes = elementBytes(argument.type);
  if (!bytes) return fail(bytes.error());
  LargeBytes out(static_cast<size_t>(count) * static_cast<size_t>(*bytes));
  if (argument.fill == "zeros") return out;
  auto fill = fillNamed(argument.fill);
  if (!fill)
    return fail(ErrorKind::InvalidInput,
                "argument '" + argument.name + "': unknown fill '" + argument.fill + "'",
                "fills are normal, uniform, zeros, ones and indices");
  const Target target{elementInfo(argument.type), out.data()};
  if (!fillQuickly(target, *fill, count, seed)) fillAny(target, *fill, count, seed);
  return out;
}

Result<SharedInputs::Bytes> SharedInputs::get(const KernelArgument& argument, int64_t count, uint64_t seed) {
  // One after the other: each is made on all cores.
  const std::lock_guard guard(mutex_);
  Bytes& there = made_[{argument.type, argument.fill, count, seed}];
  if (there) return there;
  auto bytes = makeInput(argument, count, seed);
  if (!bytes) return fail(bytes.error());
  return there = std::make_shared<const LargeBytes>(std::move(*bytes));
}

} // namespace tuned
