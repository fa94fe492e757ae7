// Sizes run to hundreds of megabytes, so numbers come from a counter-based generator and a cheap normal.
#include "tuner/measure/inputs.h"
#include "tuner/measure/element.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <thread>

namespace tuned {
namespace {

/// Number `index` of the SplitMix64 sequence that starts at `seed` (Steele, Lea and Flood, 2014): any of them
/// can be had without those before it.
uint64_t numberAt(uint64_t seed, int64_t index) {
  uint64_t z = seed + static_cast<uint64_t>(index + 1) * 0x9e3779b97f4a7c15;
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

enum class Fill { Indices, Normal, Uniform, Ones };

double valueOf(Fill fill, const ElementInfo& info, uint64_t seed, int64_t i) {
  switch (fill) {
  case Fill::Indices:
    return static_cast<double>(i);
  case Fill::Normal:
    return info.isFloat ? normalOf(numberAt(seed, i))
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

/// Calls work(first, last) for parts of [0, count) on all cores.
void inParallel(int64_t count, const std::function<void(int64_t, int64_t)>& work) {
  constexpr int64_t leastPart = 1 << 18; // below this a thread costs more than it saves
  int64_t parts =
      std::clamp<int64_t>(count / leastPart, 1, std::max(1u, std::thread::hardware_concurrency()));
  std::vector<std::jthread> threads;
  for (int64_t part = 1; part < parts; ++part)
    threads.emplace_back(work, count * part / parts, count * (part + 1) / parts);
  work(0, count / parts);
}

} // namespace

Result<std::vector<std::byte>> makeInput(const KernelArgument& argument, int64_t count, uint64_t seed) {
  auto bytes = elementBytes(argument.type);
  if (!bytes) return fail(bytes.error());
  ElementInfo info = elementInfo(argument.type);
  std::vector<std::byte> out(static_cast<size_t>(count) * *bytes);
  if (argument.fill == "zeros") return out;
  auto fill = fillNamed(argument.fill);
  if (!fill)
    return fail(ErrorKind::InvalidInput,
                "argument '" + argument.name + "': unknown fill '" + argument.fill + "'",
                "fills are normal, uniform, zeros, ones and indices");
  inParallel(count, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      double value = valueOf(*fill, info, seed, i);
      if (info.type == ElementType::I1) value = static_cast<double>(static_cast<int64_t>(value) & 1);
      writeElement(info.type, out.data() + i * *bytes, value);
    }
  });
  return out;
}

Result<SharedInputs::Bytes> SharedInputs::get(const KernelArgument& argument, int64_t count, uint64_t seed) {
  // One after the other: each is made on all cores.
  const std::lock_guard guard(mutex_);
  Bytes& there = made_[{argument.type, argument.fill, count, seed}];
  if (there) return there;
  auto bytes = makeInput(argument, count, seed);
  if (!bytes) return fail(bytes.error());
  return there = std::make_shared<const std::vector<std::byte>>(std::move(*bytes));
}

} // namespace tuned
