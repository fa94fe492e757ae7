#include "backend/runtime/cuda/arguments.h"

#include "base/model/grid.h"

#include <cstring>

namespace tuned::cuda {
namespace {

constexpr int addressBytes = 8;

struct Packer {
  const std::vector<ParameterSlot>& parameters;
  std::vector<ParameterValue> values = {};

  Result<void> add(uint64_t bits, int bytes, size_t argument) {
    size_t index = values.size();
    if (index >= parameters.size())
      return fail(ErrorKind::InvalidInput, "the kernel takes " + std::to_string(parameters.size()) +
                                               " parameters, and more were given");
    const ParameterSlot& slot = parameters[index];
    const int wanted = slot.map ? addressBytes : slot.sizeBytes; // a map is made of the address, later
    if (wanted != bytes)
      return fail(ErrorKind::InvalidInput, "argument " + std::to_string(argument) + " has " +
                                               std::to_string(bytes) +
                                               " bytes where the kernel's parameter " +
                                               std::to_string(index) + " has " + std::to_string(wanted));
    ParameterValue value;
    std::memcpy(value.bytes.data(), &bits, static_cast<size_t>(bytes));
    values.push_back(value);
    return {};
  }

  Result<void> add(const TensorDescriptor& descriptor, size_t argument) {
    uint64_t address = descriptor.address | (descriptor.paddingNan ? paddingNanBit : 0);
    if (auto done = add(address, addressBytes, argument); !done) return done;
    for (int64_t extent : descriptor.shape)
      if (auto done = add(static_cast<uint32_t>(extent), 4, argument); !done) return done;
    for (int64_t stride : descriptor.strides)
      if (auto done = add(static_cast<uint64_t>(stride), 8, argument); !done) return done;
    return {};
  }
};

Result<void> addAll(Packer& packer, std::span<const ArgumentValue> arguments) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    Result<void> done;
    if (const auto* address = std::get_if<uint64_t>(&arguments[i]))
      done = packer.add(*address, addressBytes, i);
    else if (const auto* scalar = std::get_if<Scalar>(&arguments[i]))
      done = packer.add(scalar->bits, scalar->bytes, i);
    else
      done = packer.add(std::get<TensorDescriptor>(arguments[i]), i);
    if (!done) return done;
  }
  return {};
}

} // namespace

Result<std::vector<ParameterValue>> packArguments(const LaunchMetadata& launch,
                                                  std::span<const ArgumentValue> arguments) {
  Packer packer{launch.parameters};
  if (auto done = addAll(packer, arguments); !done) return fail(done.error());
  if (!launch.arguments.empty() && arguments.size() == launch.arguments.size())
    while (packer.values.size() < launch.parameters.size() &&
           launch.parameters[packer.values.size()].kind == ParameterKind::Pointer)
      packer.values.emplace_back();
  if (packer.values.size() != packer.parameters.size())
    return fail(ErrorKind::InvalidInput, "the kernel takes " + std::to_string(packer.parameters.size()) +
                                             " parameters, and the arguments give " +
                                             std::to_string(packer.values.size()));
  return std::move(packer.values);
}

std::vector<LaunchValue> launchValues(const std::vector<ParameterSlot>& parameters,
                                      std::span<const ParameterValue> values) {
  std::vector<LaunchValue> out(values.size());
  for (size_t i = 0; i < values.size() && i < parameters.size(); ++i) {
    const int bytes = parameters[i].map ? addressBytes : parameters[i].sizeBytes;
    if (bytes < 1 || bytes > 8) continue;
    uint64_t bits = 0;
    std::memcpy(&bits, values[i].bytes.data(), static_cast<size_t>(bytes));
    if (parameters[i].takesAddress()) {
      out[i].value = static_cast<int64_t>(bits & ~paddingNanBit);
      out[i].padsNan = (bits & paddingNanBit) != 0;
      continue;
    }
    int unused = 64 - 8 * bytes;
    out[i].value = static_cast<int64_t>(bits << unused) >> unused;
  }
  return out;
}

Result<void> checkConditions(const LaunchMetadata& launch, std::span<const LaunchValue> values,
                             const std::array<int64_t, 3>& grid) {
  const LaunchCondition* broken = firstBroken(launch.conditions, values, grid);
  if (!broken) return {};
  std::string what =
      "'" + launch.symbol + "' is not launched: this build is right only where " + text(*broken);
  if (broken->kind == LaunchCondition::Kind::Grid)
    return fail(ErrorKind::Unsupported, what + ", and here it is " + gridText(grid),
                "launch that grid, or a build for the sizes that this grid is of");
  return fail(ErrorKind::Unsupported, what + ", and here that does not hold",
              "launch a build of the kernel without that condition (any_address), or change the arguments");
}

} // namespace tuned::cuda
