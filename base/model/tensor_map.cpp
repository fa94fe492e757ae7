#include "base/model/tensor_map.h"

#include "base/model/launch.h"

#include <array>
#include <string>
#include <utility>

namespace tuned {
namespace {

constexpr std::array<int, 13> bytesOfType = {1, 2, 4, 4, 8, 8, 2, 4, 8, 2, 4, 4, 4}; // by elementType
constexpr int mostSwizzle = 3;
constexpr int64_t mostBox = 256, boxRowUnit = 16; // elements; bytes of its fastest dimension

std::unexpected<Error> wrong(const std::string& what, const std::string& remedy) {
  return fail(ErrorKind::InvalidInput, what, remedy);
}

} // namespace

Result<void> checkTensorMap(const TensorMapLayout& layout) {
  if (layout.rank() < 1 || layout.rank() > mostMapDimensions)
    return wrong("box: " + std::to_string(layout.rank()) + " dimensions", "a tensor map has 1 to 5");
  if (layout.elementType < 0 || std::cmp_greater_equal(layout.elementType, bytesOfType.size()))
    return wrong("element_type: " + std::to_string(layout.elementType), "CUtensorMapDataType counts 0 to 12");
  if (const int bytes = bytesOfType[static_cast<size_t>(layout.elementType)]; layout.elementBytes != bytes)
    return wrong("element_bytes: " + std::to_string(layout.elementBytes),
                 "elements of type " + std::to_string(layout.elementType) + " have " + std::to_string(bytes));
  if (layout.swizzle < 0 || layout.swizzle > mostSwizzle)
    return wrong("swizzle: " + std::to_string(layout.swizzle), "0 none, 1, 2, 3: 32, 64, 128 bytes");
  for (int64_t extent : layout.box)
    if (extent < 1 || extent > mostBox)
      return wrong("box: " + std::to_string(extent) + " elements along a dimension", "1 to 256");
  const int64_t row = layout.box.back() * layout.elementBytes;
  if (row % boxRowUnit != 0)
    return wrong("box: " + std::to_string(row) + " bytes along the last dimension", "a multiple of 16");
  if (const int64_t span = int64_t{16} << layout.swizzle; layout.swizzle > 0 && row > span)
    return wrong("box: " + std::to_string(row) + " bytes along the last dimension",
                 "with a swizzle of " + std::to_string(span) + " bytes at most these");
  return {};
}

Result<void> checkTensorMaps(const std::vector<ParameterSlot>& parameters) {
  for (size_t i = 0; i < parameters.size(); ++i) {
    const ParameterSlot& slot = parameters[i];
    const std::string where = "parameters[" + std::to_string(i) + "]";
    if ((slot.kind == ParameterKind::TensorMap) != slot.map.has_value())
      return slot.map ? wrong(where + ".map: the parameter is no tensor map", "leave it out")
                      : wrong(where + ": a tensor map of which is not said how it is made",
                              "'map' has swizzle, element_type, element_bytes and box");
    if (!slot.map) continue;
    if (slot.sizeBytes != tensorMapBytes)
      return wrong(where + ".size_bytes: " + std::to_string(slot.sizeBytes), "a tensor map has 128");
    if (auto sound = checkTensorMap(*slot.map); !sound)
      return wrong(where + ".map." + sound.error().message, sound.error().remedy);
    const size_t rank = slot.map->rank();
    for (size_t k = 0; k < 2 * rank; ++k) {
      const size_t at = i + 1 + k;
      const int bytes = k < rank ? 4 : 8;
      if (at >= parameters.size() || parameters[at].kind != ParameterKind::Scalar ||
          parameters[at].sizeBytes != bytes)
        return wrong(where + ": parameters[" + std::to_string(at) + "] is no scalar of " +
                         std::to_string(bytes) + " bytes",
                     "behind a tensor map stand its shape, 4 bytes each, and its strides, 8 bytes each");
    }
  }
  return {};
}

} // namespace tuned
