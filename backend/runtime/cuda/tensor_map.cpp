#include "backend/runtime/cuda/tensor_map.h"

#include <algorithm>
#include <atomic>
#include <cstring>

namespace tuned::cuda {
namespace {

constexpr int noInterleave = 0;
constexpr int promoteTo128Bytes = 2;
constexpr int fillZero = 0, fillNan = 1;
constexpr uint64_t addressUnit = 16, strideUnit = 16; // bytes
constexpr uint64_t strideLimit = uint64_t{1} << 40;   // bytes

/// A map as it was made last: of which parameter's address, shape and strides.
struct Made {
  std::array<uint64_t, 2 + 2 * mostMapDimensions> of = {};
  ParameterValue map;
};

/// What a thread made lately, each in the one place that its key has. The driver takes longer to make a map
/// than all else of a launch on the host takes; tensors are mostly those of the launch before.
constexpr int placeBits = 5;
thread_local std::array<Made, size_t{1} << placeBits> made;

/// Ids count from 1: the key of a place that holds nothing has none.
uint64_t nextId() {
  static std::atomic<uint64_t> last = 0;
  return ++last;
}

Made& placeOf(const std::array<uint64_t, 2 + 2 * mostMapDimensions>& key) {
  uint64_t mixed = (key[0] * 0x9e3779b97f4a7c15) ^ (key[1] * 0xc2b2ae3d27d4eb4f);
  mixed ^= mixed >> 29;
  return made[(mixed * 0xbf58476d1ce4e5b9) >> (64 - placeBits)];
}

std::string hexadecimal(uint64_t value) {
  std::string text;
  do
    text.insert(text.begin(), "0123456789abcdef"[value & 15]);
  while (value >>= 4);
  return "0x" + text;
}

/// The tensor as the driver counts it: from the dimension that varies fastest, whose stride it does not ask
/// for.
struct Tensor {
  uint64_t address = 0;
  std::array<uint64_t, mostMapDimensions> extents = {}, byteStrides = {};
  std::array<uint32_t, mostMapDimensions> box = {}, steps = {};
  std::string wrong = {}; ///< what of it no map can have; empty: nothing
  const char* limit = "";
};

std::string along(size_t dimension) {
  return " along dimension " + std::to_string(dimension);
}

Tensor tensorOf(const TensorMapLayout& layout, uint64_t address, std::span<const uint64_t> shape,
                std::span<const uint64_t> strides) {
  Tensor out;
  out.address = address;
  const auto refuse = [&out](const std::string& what, const char* limit) {
    if (out.wrong.empty()) out.wrong = what, out.limit = limit;
  };
  if (address % addressUnit != 0) refuse("its base is " + hexadecimal(address), "a multiple of 16 bytes");
  const size_t rank = layout.rank();
  for (size_t k = 0; k < rank; ++k) {
    const size_t axis = rank - 1 - k;
    const auto extent = static_cast<int32_t>(shape[axis]);
    const auto stride = static_cast<int64_t>(strides[axis]);
    out.extents[k] = static_cast<uint64_t>(extent);
    out.box[k] = static_cast<uint32_t>(layout.box[axis]);
    out.steps[k] = 1;
    if (extent < 1) refuse("it has " + std::to_string(extent) + " elements" + along(axis), "at least one");
    if (k == 0) {
      if (stride != 1) refuse("its stride" + along(axis) + " is " + std::to_string(stride), "1 there");
      continue;
    }
    uint64_t bytes = 0;
    const bool fits =
        stride >= 0 && !__builtin_mul_overflow(static_cast<uint64_t>(stride),
                                               static_cast<uint64_t>(layout.elementBytes), &bytes);
    if (!fits || bytes % strideUnit != 0 || bytes >= strideLimit)
      refuse("its stride" + along(axis) + " is " + std::to_string(stride) + " elements of " +
                 std::to_string(layout.elementBytes) + " bytes",
             "a multiple of 16 bytes, below 2^40");
    out.byteStrides[k - 1] = bytes;
  }
  return out;
}

} // namespace

Result<TensorMaps> TensorMaps::of(const Driver& api, const LaunchMetadata& launch) {
  if (auto sound = checkTensorMaps(launch.parameters); !sound)
    return fail(ErrorKind::InvalidInput, "'" + launch.symbol + "': " + sound.error().message,
                sound.error().remedy);
  TensorMaps out;
  out.api_ = &api;
  out.symbol_ = launch.symbol;
  for (size_t i = 0; i < launch.parameters.size(); ++i)
    if (const ParameterSlot& slot = launch.parameters[i]; slot.map)
      out.maps_.push_back(
          {i, *slot.map,
           i < launch.arguments.size() ? "'" + launch.arguments[i].name + "'" : std::to_string(i), nextId()});
  if (!out.maps_.empty() && !api.tensorMapEncodeTiled)
    return fail(ErrorKind::Unavailable,
                "'" + launch.symbol + "' takes tensor maps, and the NVIDIA driver makes none",
                "it is older than CUDA 12.0; install a newer one");
  return out;
}

Result<void> TensorMaps::encode(const Map& map, std::span<const uint64_t> slots, ParameterValue& out) const {
  const size_t rank = map.layout.rank();
  const uint64_t address = slots[map.parameter];
  const Tensor tensor = tensorOf(map.layout, address & ~paddingNanBit, slots.subspan(map.parameter + 1, rank),
                                 slots.subspan(map.parameter + 1 + rank, rank));
  const auto what = [&] { return "argument " + map.argument + " of '" + symbol_ + "' becomes a tensor map"; };
  if (!tensor.wrong.empty())
    return fail(ErrorKind::InvalidInput, what() + ", and " + tensor.wrong + "; the limit is " + tensor.limit,
                "pass an array that fulfils it, a copy for example");
  const int status = api_->tensorMapEncodeTiled(
      out.bytes.data(), map.layout.elementType, static_cast<uint32_t>(rank),
      reinterpret_cast<void*>(tensor.address), tensor.extents.data(), tensor.byteStrides.data(),
      tensor.box.data(), tensor.steps.data(), noInterleave, map.layout.swizzle, promoteTo128Bytes,
      (address & paddingNanBit) != 0 ? fillNan : fillZero);
  if (status == Success) return {};
  return fail(ErrorKind::InvalidInput, driverError(status, what() + ", which the driver refuses").message,
              "launch a build of the kernel that takes pointers");
}

Result<void> TensorMaps::make(size_t index, std::span<const uint64_t> slots, ParameterValue& map) const {
  const Map& wanted = maps_[index];
  std::array<uint64_t, 2 + 2 * mostMapDimensions> key = {wanted.id};
  std::ranges::copy(slots.subspan(wanted.parameter, 1 + 2 * wanted.layout.rank()), key.begin() + 1);
  Made& place = placeOf(key);
  if (place.of != key) {
    place.of = {};
    if (auto done = encode(wanted, slots, place.map); !done) return done;
    place.of = key;
  }
  map = place.map;
  return {};
}

Result<void> TensorMaps::make(std::vector<ParameterValue>& values) const {
  if (maps_.empty()) return {};
  std::vector<uint64_t> slots(values.size());
  for (size_t i = 0; i < values.size(); ++i)
    std::memcpy(&slots[i], values[i].bytes.data(), sizeof(uint64_t));
  for (size_t index = 0; index < maps_.size(); ++index)
    if (auto done = make(index, slots, values[parameterOf(index)]); !done) return done;
  return {};
}

} // namespace tuned::cuda
