#include "backend/reference/evaluate.h"
#include "backend/reference/text.h"

namespace tuned::reference {
namespace {

Result<void> mismatch(const Function& kernel, size_t at, const char* what) {
  const std::string& called = at < kernel.argumentNames.size() ? kernel.argumentNames[at] : "";
  return fail(ErrorKind::InvalidInput,
              concat("argument ", at, " (", called, ") of ", kernel.name, ": ", what));
}

/// Appends the descriptor itself, its shape (i32 each) and its strides (i64 each), as the IR lists them.
void appendDescriptor(std::vector<Lanes>& lanes, const TensorDescriptor& descriptor) {
  Lanes self = {descriptor.address};
  for (int64_t extent : descriptor.shape)
    self.push_back(static_cast<uint64_t>(extent));
  for (int64_t stride : descriptor.strides)
    self.push_back(static_cast<uint64_t>(stride));
  self.push_back(descriptor.paddingNan);
  lanes.push_back(std::move(self));
  for (int64_t extent : descriptor.shape)
    lanes.push_back({static_cast<uint64_t>(extent) & mask(Kind::I32)});
  for (int64_t stride : descriptor.strides)
    lanes.push_back({static_cast<uint64_t>(stride)});
}

Result<void> append(const Function& kernel, std::vector<Lanes>& lanes, const ArgumentValue& value) {
  size_t at = lanes.size();
  if (at >= kernel.argumentTypes.size()) return mismatch(kernel, at, "the kernel takes fewer arguments");
  const Type& type = kernel.argumentTypes[at];
  if (const auto* descriptor = std::get_if<TensorDescriptor>(&value)) {
    if (type.block.size() != descriptor->shape.size() ||
        descriptor->strides.size() != descriptor->shape.size())
      return mismatch(kernel, at, "a tensor descriptor of another rank");
    appendDescriptor(lanes, *descriptor);
  } else if (const auto* address = std::get_if<uint64_t>(&value)) {
    if (type.kind != Kind::Pointer || !type.block.empty()) return mismatch(kernel, at, "a pointer was given");
    lanes.push_back({*address});
  } else {
    if (!type.block.empty()) return mismatch(kernel, at, "a scalar was given for a tensor descriptor");
    lanes.push_back({std::get<Scalar>(value).bits & mask(type.kind)});
  }
  return {};
}

Result<void> guarded(const std::function<void()>& run) {
  try {
    run();
    return {};
  } catch (Failure& failure) {
    return fail(std::move(failure.error));
  }
}

/// " (x_ptr)", or nothing where the IR does not say.
std::string nameOf(const Function& kernel, size_t argument) {
  const bool named = argument < kernel.argumentNames.size() && !kernel.argumentNames[argument].empty();
  return named ? concat(" (", kernel.argumentNames[argument], ")") : "";
}

} // namespace

Result<std::vector<Lanes>> argumentLanes(const Function& kernel, std::span<const ArgumentValue> arguments) {
  std::vector<Lanes> lanes;
  for (const ArgumentValue& value : arguments)
    if (Result<void> added = append(kernel, lanes, value); !added) return fail(added.error());
  if (lanes.size() != kernel.argumentTypes.size())
    return fail(ErrorKind::InvalidInput, concat(kernel.name, " takes ", kernel.argumentTypes.size(),
                                                " arguments, ", lanes.size(), " were given"));
  return lanes;
}

void addMemory(Memory& to, const Function& kernel, std::span<const ArgumentValue> arguments,
               std::span<const HostBytes> memory) {
  for (const HostBytes& piece : memory) {
    std::string owner;
    size_t at = 0; // in the IR's arguments
    for (const ArgumentValue& value : arguments) {
      const auto* address = std::get_if<uint64_t>(&value);
      const auto* descriptor = std::get_if<TensorDescriptor>(&value);
      uint64_t points = address ? *address : descriptor ? descriptor->address : 0;
      if (owner.empty() && points >= piece.address &&
          points < piece.address + std::max<size_t>(piece.bytes, 1))
        owner = concat("argument ", at, nameOf(kernel, at));
      at += descriptor ? 1 + 2 * descriptor->shape.size() : 1;
    }
    to.add(piece.address, piece.bytes, owner);
  }
}

Result<void> runPrograms(const Function& kernel, Memory& memory, const Grid& grid,
                         const std::vector<Lanes>& arguments,
                         std::span<const std::array<int64_t, 3>> programs, const ReferenceLimits& limits) {
  Machine machine(memory, grid, limits.seconds);
  return guarded([&] {
    for (const auto& program : programs)
      machine.run(kernel, program, arguments);
  });
}

Result<void> runGrid(const Function& kernel, Memory& memory, const Grid& grid,
                     const std::vector<Lanes>& arguments, const ReferenceLimits& limits) {
  Machine machine(memory, grid, limits.seconds);
  return guarded([&] {
    for (int64_t z = 0; z < grid[2]; ++z)
      for (int64_t y = 0; y < grid[1]; ++y)
        for (int64_t x = 0; x < grid[0]; ++x)
          machine.run(kernel, {x, y, z}, arguments);
  });
}

} // namespace tuned::reference
