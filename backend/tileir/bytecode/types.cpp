#include "backend/tileir/bytecode/types.h"

namespace tuned::tileir {
namespace {

enum Tag : uint8_t {
  pointerTag = 0x0C,
  tileTag = 0x0D,
  tensorViewTag = 0x0E,
  partitionViewTag = 0x0F,
  functionTag = 0x10,
  tokenTag = 0x11,
  stridedViewTag = 0x15,
};

Shape widened(const std::vector<int32_t>& tile) {
  return Shape(tile.begin(), tile.end());
}

} // namespace

bool isFloat(Scalar scalar) {
  return scalar >= Scalar::F16;
}

unsigned bitsOf(Scalar scalar) {
  constexpr unsigned bits[] = {1, 8, 16, 32, 64, 16, 16, 32, 19, 64, 8, 8};
  return bits[static_cast<uint8_t>(scalar)];
}

unsigned bytesOf(Scalar scalar) {
  return (bitsOf(scalar) + 7) / 8;
}

Scalar integerOf(Scalar scalar) {
  switch (bitsOf(scalar)) {
  case 1:
    return Scalar::I1;
  case 8:
    return Scalar::I8;
  case 16:
    return Scalar::I16;
  case 64:
    return Scalar::I64;
  default:
    return Scalar::I32;
  }
}

TypeId Types::intern(Bytes encoding, Info info) {
  auto [place, fresh] = ids_.try_emplace(encoding.str(), static_cast<TypeId>(encodings_.size()));
  if (fresh) {
    encodings_.push_back(encoding.take());
    infos_.push_back(std::move(info));
  }
  return place->second;
}

TypeId Types::scalar(Scalar scalar) {
  Bytes encoding;
  encoding.byte(static_cast<uint8_t>(scalar));
  return intern(std::move(encoding), {Info::Kind::Scalar, scalar, 0, {}});
}

TypeId Types::pointer(TypeId pointee) {
  Bytes encoding;
  encoding.byte(pointerTag);
  encoding.varint(pointee);
  return intern(std::move(encoding), {Info::Kind::Pointer, Scalar::I64, pointee, {}});
}

TypeId Types::tile(TypeId element, const Shape& shape) {
  Bytes encoding;
  encoding.byte(tileTag);
  encoding.varint(element);
  encoding.list64(shape);
  return intern(std::move(encoding), {Info::Kind::Tile, Scalar::I1, element, shape});
}

TypeId Types::token() {
  Bytes encoding;
  encoding.byte(tokenTag);
  return intern(std::move(encoding), {Info::Kind::Token, Scalar::I1, 0, {}});
}

TypeId Types::tensorView(TypeId element, const Shape& shape, const Shape& strides) {
  Bytes encoding;
  encoding.byte(tensorViewTag);
  encoding.varint(element);
  encoding.list64(shape);
  encoding.list64(strides);
  return intern(std::move(encoding), {Info::Kind::View, Scalar::I1, element, shape});
}

TypeId Types::partitionView(TypeId tensorView, const std::vector<int32_t>& tile,
                            const std::vector<int32_t>& order, std::optional<Padding> padding) {
  Bytes encoding;
  encoding.byte(partitionViewTag);
  encoding.varint(padding ? 1 : 0);
  encoding.list32(tile);
  encoding.varint(tensorView);
  encoding.list32(order);
  if (padding) encoding.byte(static_cast<uint8_t>(*padding));
  TypeId element = infos_[tensorView].element;
  return intern(std::move(encoding), {Info::Kind::View, Scalar::I1, element, widened(tile)});
}

TypeId Types::stridedView(TypeId tensorView, const std::vector<int32_t>& tile,
                          const std::vector<int32_t>& steps, const std::vector<int32_t>& order,
                          std::optional<Padding> padding) {
  Bytes encoding;
  encoding.byte(stridedViewTag);
  encoding.varint(padding ? 1 : 0);
  encoding.list32(tile);
  encoding.list32(steps);
  encoding.varint(tensorView);
  encoding.list32(order);
  if (padding) encoding.byte(static_cast<uint8_t>(*padding));
  TypeId element = infos_[tensorView].element;
  return intern(std::move(encoding), {Info::Kind::View, Scalar::I1, element, widened(tile)});
}

TypeId Types::function(const std::vector<TypeId>& parameters, const std::vector<TypeId>& results) {
  Bytes encoding;
  encoding.byte(functionTag);
  for (const auto* list : {&parameters, &results}) {
    encoding.varint(list->size());
    for (TypeId type : *list)
      encoding.varint(type);
  }
  return intern(std::move(encoding), {Info::Kind::Function, Scalar::I1, 0, {}});
}

Scalar Types::elementScalar(TypeId tile) const {
  return infos_[infos_[tile].element].scalar;
}

bool Types::isPointerTile(TypeId tile) const {
  return infos_[tile].kind == Info::Kind::Tile && infos_[infos_[tile].element].kind == Info::Kind::Pointer;
}

} // namespace tuned::tileir
