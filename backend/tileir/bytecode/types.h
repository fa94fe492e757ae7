// The types of a Tile IR module, each encoded once and known by its place in the table.
#pragma once

#include "backend/tileir/bytecode/bytes.h"
#include "backend/tileir/bytecode/opcodes.h"

#include <map>
#include <optional>
#include <vector>

namespace tuned::tileir {

/// The tags of element types.
enum class Scalar : uint8_t {
  I1 = 0,
  I8 = 1,
  I16 = 2,
  I32 = 3,
  I64 = 4,
  F16 = 5,
  BF16 = 6,
  F32 = 7,
  TF32 = 8,
  F64 = 9,
  E4M3 = 10,
  E5M2 = 11,
};
bool isFloat(Scalar scalar);
/// As it lies in a constant and in memory: 1 for i1.
unsigned bytesOf(Scalar scalar);
unsigned bitsOf(Scalar scalar);
/// The integer with as many bits.
Scalar integerOf(Scalar scalar);

using TypeId = uint32_t;
using Shape = std::vector<int64_t>;

/// A size or stride of a tensor_view that is an operand.
inline constexpr int64_t dynamicSize = INT64_MIN;

class Types {
public:
  struct Info {
    enum class Kind { Scalar, Pointer, Tile, View, Function, Token };
    Kind kind = Kind::Scalar;
    Scalar scalar = Scalar::I1; ///< of scalars
    TypeId element = 0;         ///< of a pointer what it points to; of a tile its element type
    Shape shape;                ///< of a tile; of a partition or strided view its tile's
  };

  TypeId scalar(Scalar scalar);
  TypeId pointer(TypeId pointee);
  /// A tile; scalars are tiles of no dimensions.
  TypeId tile(TypeId element, const Shape& shape);
  TypeId tile(Scalar element, const Shape& shape = {}) { return tile(scalar(element), shape); }
  TypeId token();
  /// `shape`, `strides` in elements; dynamicSize where an operand says it.
  TypeId tensorView(TypeId element, const Shape& shape, const Shape& strides);
  /// The tensor in tiles side by side: index i along a dimension is at i · tile. `order[d]`: the tensor's
  /// dimension that the tile's dimension d goes along. Elements outside are `padding`, or anything.
  TypeId partitionView(TypeId tensorView, const std::vector<int32_t>& tile, const std::vector<int32_t>& order,
                       std::optional<Padding> padding);
  /// The same with tiles that start every `steps[d]` elements.
  TypeId stridedView(TypeId tensorView, const std::vector<int32_t>& tile, const std::vector<int32_t>& steps,
                     const std::vector<int32_t>& order, std::optional<Padding> padding);
  TypeId function(const std::vector<TypeId>& parameters, const std::vector<TypeId>& results);

  const Info& info(TypeId type) const { return infos_[type]; }
  const Shape& shape(TypeId type) const { return infos_[type].shape; }
  /// The element type of a tile.
  TypeId element(TypeId tile) const { return infos_[tile].element; }
  /// The scalar that a tile is of; of pointers I64.
  Scalar elementScalar(TypeId tile) const;
  bool isPointerTile(TypeId tile) const;
  /// A tile of another element or of another shape.
  TypeId withElement(TypeId type, TypeId element) { return tile(element, Shape(shape(type))); }
  TypeId withElement(TypeId type, Scalar element) { return withElement(type, scalar(element)); }
  TypeId withShape(TypeId type, const Shape& shape) { return tile(element(type), shape); }

  /// Encodings in the order of their ids.
  const std::vector<std::string>& encodings() const { return encodings_; }

private:
  TypeId intern(Bytes encoding, Info info);

  std::map<std::string, TypeId> ids_;
  std::vector<std::string> encodings_;
  std::vector<Info> infos_;
};

} // namespace tuned::tileir
