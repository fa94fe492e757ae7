#include "tuner/measure/workbench.h"
#include "base/parallel.h"
#include "tuner/measure/arguments.h"
#include "tuner/measure/element.h"
#include "tuner/measure/inputs.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>

namespace tuned {
namespace {

// A guard keeps the buffer's alignment and is wide enough for several blocks that run over its end: on a GPU
// nothing else notices them, as the memory behind it belongs to the same process. Its pattern is no common
// value: neither zero, nor a small integer, nor a NaN.
constexpr size_t kGuardBytes = 65536;
constexpr std::byte kGuard{0xa7};
// Copies of buffers are kept on the device while buffers and copies take no more than this share of its
// memory.
constexpr double kMemoryShare = 0.5;

/// How the device reads the elements that it compares.
ElementCoding codingOf(const ElementInfo& info) {
  switch (info.type) {
  case ElementType::F16:
    return ElementCoding::F16;
  case ElementType::BF16:
    return ElementCoding::BF16;
  case ElementType::F32:
    return ElementCoding::F32;
  case ElementType::F64:
    return ElementCoding::F64;
  default:
    return info.isFloat ? ElementCoding::Table : ElementCoding::Exact;
  }
}

/// The value of each byte of an 8-bit format.
std::span<const double> tableOf(ElementType type) {
  auto make = [](ElementType each) {
    std::array<double, 256> values;
    for (size_t i = 0; i < values.size(); ++i) {
      auto byte = static_cast<std::byte>(i);
      values[i] = readElement(each, &byte);
    }
    return values;
  };
  static const std::array<double, 256> e4m3 = make(ElementType::F8E4M3), e5m2 = make(ElementType::F8E5M2);
  return type == ElementType::F8E4M3 ? e4m3 : e5m2;
}

/// On all cores: inputs run to hundreds of megabytes.
bool equal(std::span<const std::byte> a, std::span<const std::byte> b) {
  constexpr int64_t leastCompared = 1 << 20; // bytes: below, a thread costs more than it saves
  std::atomic<bool> same = a.size() == b.size();
  if (!same) return false;
  inParallel(static_cast<int64_t>(a.size()), leastCompared, [&](int64_t first, int64_t last) {
    if (std::memcmp(a.data() + first, b.data() + first, static_cast<size_t>(last - first)) != 0) same = false;
  });
  return same;
}

/// First byte that is not the guard's.
std::optional<size_t> firstDamage(std::span<const std::byte> guard) {
  auto found = std::ranges::find_if(guard, [](std::byte b) { return b != kGuard; });
  if (found == guard.end()) return std::nullopt;
  return found - guard.begin();
}

} // namespace

Workbench::Workbench(Device& device, const Kernel& kernel)
    : device_(device), judge_(device.judge()), kernel_(kernel) {}

Result<std::unique_ptr<Workbench>> Workbench::open(Device& device, const Kernel& kernel, const Sizes& sizes,
                                                   uint64_t seed, SharedInputs* shared) {
  if (auto ok = checkSizes(kernel, sizes); !ok) return fail(ok.error());
  auto total = totalBytes(kernel, sizes);
  if (!total) return fail(total.error());
  int64_t memory = device.info().memoryBytes;
  if (memory > 0 && *total > memory / 10 * 9)
    return fail(ErrorKind::OutOfResources,
                "kernel '" + kernel.name + "' at sizes " + toString(sizes) + " needs " +
                    std::to_string(*total) + " bytes of buffers; " + device.info().id + " has " +
                    std::to_string(memory),
                "ask for smaller sizes");
  std::unique_ptr<Workbench> bench(new Workbench(device, kernel));
  SharedInputs own;
  SharedInputs& inputs = shared ? *shared : own;
  for (size_t i = 0; i < kernel.arguments.size(); ++i)
    if (auto ok = bench->place(kernel.arguments[i], sizes, argumentSeed(seed, i), inputs); !ok)
      return fail(ok.error());
  auto spare = static_cast<int64_t>(kMemoryShare * static_cast<double>(memory)) - *total;
  if (auto ok = bench->prepareChecks(spare); !ok) return fail(ok.error());
  return bench;
}

Result<void> Workbench::prepareChecks(int64_t spareBytes) {
  for (size_t i = 0; judge_ && i < buffers_.size(); ++i) {
    Held& held = buffers_[i];
    if (!held.buffer) continue;
    if (!kernel_.arguments[i].output) {
      auto sum = judge_->checksum(*held.buffer, kGuardBytes, held.initial().size());
      if (!sum) {
        judge_ = nullptr; // the driver cannot assemble the check: the host looks instead
        return {};
      }
      held.checksum = *sum;
      continue;
    }
    auto bytes = static_cast<int64_t>(held.initial().size() + 2 * kGuardBytes);
    if (kernel_.arguments[i].fill == "zeros" || bytes > spareBytes) continue;
    auto copy = device_.allocate(static_cast<size_t>(bytes));
    if (!copy) continue; // restored from the host
    if (auto ok = device_.copy(**copy, *held.buffer, static_cast<size_t>(bytes)); !ok) return ok;
    held.pristine = std::move(*copy);
    spareBytes -= bytes;
  }
  return {};
}

Result<void> Workbench::place(const KernelArgument& argument, const Sizes& sizes, uint64_t seed,
                              SharedInputs& inputs) {
  Held held;
  if (!argument.type.starts_with("*")) {
    auto scalar = scalarValue(kernel_, argument, sizes);
    if (!scalar) return fail(scalar.error());
    arguments_.push_back(*scalar);
    buffers_.push_back(std::move(held));
    return {};
  }
  auto count = elementCount(kernel_, argument, sizes);
  if (!count) return fail(count.error());
  auto contents = inputs.get(argument, *count, seed);
  if (!contents) return fail(contents.error());
  held.contents = std::move(*contents);
  auto buffer = device_.allocate(held.initial().size() + 2 * kGuardBytes);
  if (!buffer) return fail(buffer.error());
  held.buffer = std::move(*buffer);
  if (auto ok = fillGuards(held); !ok) return ok;
  auto ok = argument.fill == "zeros"
                ? device_.fill(*held.buffer, kGuardBytes, held.initial().size(), std::byte{0})
                : device_.upload(*held.buffer, kGuardBytes, held.initial());
  if (!ok) return ok;
  arguments_.emplace_back(held.buffer->address() + kGuardBytes);
  buffers_.push_back(std::move(held));
  return {};
}

Result<void> Workbench::fillGuards(const Held& held) {
  if (auto ok = device_.fill(*held.buffer, 0, kGuardBytes, kGuard); !ok) return ok;
  return device_.fill(*held.buffer, kGuardBytes + held.initial().size(), kGuardBytes, kGuard);
}

Result<void> Workbench::restore() {
  for (size_t i = 0; i < buffers_.size(); ++i) {
    Held& held = buffers_[i];
    if (!held.buffer) continue;
    if (held.pristine) {
      if (auto ok = device_.copy(*held.buffer, *held.pristine, held.initial().size() + 2 * kGuardBytes); !ok)
        return ok;
      continue;
    }
    if (auto ok = fillGuards(held); !ok) return ok;
    if (!kernel_.arguments[i].output) continue;
    if (kernel_.arguments[i].fill == "zeros") {
      if (auto ok =
              device_.fill(*buffers_[i].buffer, kGuardBytes, buffers_[i].initial().size(), std::byte{0});
          !ok)
        return ok;
      continue;
    }
    if (auto ok = device_.upload(*buffers_[i].buffer, kGuardBytes, buffers_[i].initial()); !ok) return ok;
  }
  return {};
}

Result<void> Workbench::restoreInputs() {
  for (size_t i = 0; i < buffers_.size(); ++i) {
    if (!buffers_[i].buffer || kernel_.arguments[i].output) continue;
    if (auto ok = device_.upload(*buffers_[i].buffer, kGuardBytes, buffers_[i].initial()); !ok) return ok;
  }
  return {};
}

Result<LargeBytes> Workbench::read(size_t argument) const {
  const Held& held = buffers_[argument];
  LargeBytes bytes(held.initial().size());
  if (auto ok = device_.download(*held.buffer, kGuardBytes, bytes); !ok) return fail(ok.error());
  return bytes;
}

Result<std::span<const std::byte>> Workbench::look(size_t argument, LargeBytes& room) const {
  const Held& held = buffers_[argument];
  if (const auto whole = device_.view(*held.buffer); !whole.empty())
    return whole.subspan(kGuardBytes, held.initial().size());
  auto bytes = read(argument);
  if (!bytes) return fail(bytes.error());
  room = std::move(*bytes);
  return std::span<const std::byte>(room);
}

int64_t Workbench::outputElements() const {
  int64_t total = 0;
  for (size_t i = 0; i < buffers_.size(); ++i)
    if (kernel_.arguments[i].output)
      total +=
          static_cast<int64_t>(buffers_[i].initial().size()) / elementInfo(kernel_.arguments[i].type).bytes;
  return total;
}

Result<std::optional<std::string>> Workbench::brokenGuard() const {
  std::vector<std::byte> guard(kGuardBytes);
  for (size_t i = 0; i < buffers_.size(); ++i) {
    const Held& held = buffers_[i];
    if (!held.buffer) continue;
    std::string who = "wrote outside the buffer of argument '" + kernel_.arguments[i].name + "': ";
    if (auto ok = device_.download(*held.buffer, 0, guard); !ok) return fail(ok.error());
    auto reversed = std::vector<std::byte>(guard.rbegin(), guard.rend());
    if (auto damage = firstDamage(reversed))
      return who + std::to_string(*damage + 1) + " bytes before its start";
    if (auto ok = device_.download(*held.buffer, kGuardBytes + held.initial().size(), guard); !ok)
      return fail(ok.error());
    if (auto damage = firstDamage(guard)) return who + std::to_string(*damage) + " bytes past its end";
  }
  return std::nullopt;
}

Result<bool> Workbench::inputIsUnchanged(const Held& held) {
  if (!held.checksum) return false;
  auto sum = judge_->checksum(*held.buffer, kGuardBytes, held.initial().size());
  if (!sum) return fail(sum.error());
  return *sum == *held.checksum;
}

Result<std::optional<uint64_t>> Workbench::outputsChecksum() {
  if (!judge_) return std::nullopt;
  uint64_t all = 0;
  for (size_t i = 0; i < buffers_.size(); ++i) {
    if (!buffers_[i].buffer || !kernel_.arguments[i].output) continue;
    auto sum = judge_->checksum(*buffers_[i].buffer, kGuardBytes, buffers_[i].initial().size());
    if (!sum) return fail(sum.error());
    all = (all ^ *sum) * 0x9e3779b97f4a7c15 + i;
  }
  return all;
}

Result<Comparison> Workbench::compareOutput(const ReferenceOutput& reference, const Tolerance& tolerance) {
  Held& held = buffers_[reference.argument];
  const std::string& type = kernel_.arguments[reference.argument].type;
  const ElementInfo info = elementInfo(type);
  const auto count = static_cast<int64_t>(held.initial().size()) / info.bytes;
  const bool whole =
      reference.ranges.size() == 1 && reference.ranges[0].first == 0 && reference.ranges[0].count == count;
  if (judge_ && whole && !held.expected) {
    // A device without room for it leaves the comparison to the host.
    if (auto room = device_.allocate(reference.expected.size())) {
      if (auto ok = device_.upload(**room, 0, reference.expected); !ok) return fail(ok.error());
      held.expected = std::move(*room);
    }
  }
  if (judge_ && whole && held.expected) {
    CompareRequest request{
        held.buffer.get(),  kGuardBytes,       held.expected.get(), 0, count, info.bytes, codingOf(info), {},
        tolerance.relative, tolerance.absolute};
    if (request.coding == ElementCoding::Table) request.table = tableOf(info.type);
    auto found = judge_->compare(request);
    if (!found) return fail(found.error());
    if (found->wrong == 0) return Comparison{count, 0, found->worst, std::nullopt};
    // What differs is told from the bytes themselves.
  }
  LargeBytes room;
  auto got = look(reference.argument, room);
  if (!got) return fail(got.error());
  return compare(reference, type, *got, tolerance);
}

Result<std::optional<std::string>> Workbench::changedInput() {
  for (size_t i = 0; i < buffers_.size(); ++i) {
    if (!buffers_[i].buffer || kernel_.arguments[i].output) continue;
    auto unchanged = inputIsUnchanged(buffers_[i]);
    if (!unchanged) return fail(unchanged.error());
    if (*unchanged) continue;
    LargeBytes room;
    auto now = look(i, room);
    if (!now) return fail(now.error());
    const auto& initial = buffers_[i].initial();
    if (equal(*now, initial)) continue;
    auto at = std::ranges::mismatch(*now, initial).in1 - now->begin();
    return "wrote element " + std::to_string(at / elementInfo(kernel_.arguments[i].type).bytes) +
           " of argument '" + kernel_.arguments[i].name + "', which is not an output";
  }
  return std::nullopt;
}

Result<ReferenceResult> readReference(const Workbench& bench, const std::string& source) {
  ReferenceResult result{source, {}};
  const auto& arguments = bench.kernel().arguments;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (!arguments[i].output) continue;
    auto after = bench.read(i);
    if (!after) return fail(after.error());
    const auto count = static_cast<int64_t>(after->size()) / elementInfo(arguments[i].type).bytes;
    result.outputs.push_back({i, {{0, count}}, std::move(*after)});
  }
  return result;
}

Result<ReferenceResult> changedOutputs(const Workbench& bench, const std::string& source) {
  ReferenceResult result{source, {}};
  const auto& arguments = bench.kernel().arguments;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (!arguments[i].output) continue;
    LargeBytes room;
    auto after = bench.look(i, room);
    if (!after) return fail(after.error());
    result.outputs.push_back(
        changedElements(i, elementInfo(arguments[i].type).bytes, bench.initial(i), *after));
  }
  return result;
}

Result<ReferenceResult> computeReference(Device& device, const Kernel& kernel, const Sizes& sizes,
                                         uint64_t seed, const Artefact& artefact, const Grid& grid,
                                         const std::string& source, SharedInputs* shared) {
  auto bench = Workbench::open(device, kernel, sizes, seed, shared);
  if (!bench) return fail(bench.error());
  return computeReference(**bench, artefact, grid, source);
}

Result<ReferenceResult> computeReference(Workbench& bench, const Artefact& artefact, const Grid& grid,
                                         const std::string& source) {
  auto loaded = bench.device().load(artefact);
  if (!loaded) return fail(loaded.error());
  if (auto ok = bench.restore(); !ok) return fail(ok.error());
  if (auto ok = bench.device().launch(**loaded, grid, bench.arguments()); !ok) return fail(ok.error());
  return readReference(bench, source);
}

} // namespace tuned
