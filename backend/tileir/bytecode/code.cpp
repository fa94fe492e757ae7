#include "backend/tileir/bytecode/code.h"

namespace tuned::tileir {
namespace {

enum AttributeTag : uint8_t { integerTag = 0x01, floatTag = 0x02, divisibleTag = 0x08, boundedTag = 0x0C };

} // namespace

Bytes& Code::begin(Opcode opcode) {
  Block& block = blocks_.back();
  ++block.operations;
  ++operations_;
  block.bytes.varint(static_cast<uint8_t>(opcode));
  return block.bytes;
}

Values Code::results(std::span<const TypeId> types) {
  Values values;
  for (TypeId type : types)
    values.push_back(result(type));
  return values;
}

void Code::writeTypes(Bytes& bytes, std::span<const TypeId> types) {
  bytes.varint(types.size());
  for (TypeId type : types)
    bytes.varint(type);
}

void Code::writeValues(Bytes& bytes, std::span<const Value> values) {
  bytes.varint(values.size());
  for (Value value : values)
    bytes.varint(value.id);
}

Value Code::parameter(TypeId type) {
  return result(type);
}

Value Code::op(Opcode opcode, TypeId resultType, std::initializer_list<uint8_t> attributes,
               std::span<const Value> operands) {
  Bytes& bytes = begin(opcode);
  bytes.varint(resultType);
  for (uint8_t attribute : attributes)
    bytes.byte(attribute);
  for (Value operand : operands)
    bytes.varint(operand.id);
  return result(resultType);
}

Value Code::constant(TypeId type, const std::string& elements) {
  Bytes& bytes = begin(Opcode::Constant);
  bytes.varint(type);
  bytes.varint(module.constants.id(elements));
  return result(type);
}

Value Code::permute(TypeId resultType, const std::vector<int32_t>& order, Value source) {
  Bytes& bytes = begin(Opcode::Permute);
  bytes.varint(resultType);
  bytes.list32(order);
  bytes.varint(source.id);
  return result(resultType);
}

Value Code::extract(TypeId resultType, Value source, std::span<const Value> indices) {
  Bytes& bytes = begin(Opcode::Extract);
  writeTypes(bytes, {{resultType}});
  bytes.varint(1 + indices.size());
  bytes.varint(source.id);
  for (Value index : indices)
    bytes.varint(index.id);
  return result(resultType);
}

Values Code::blockIds(Opcode opcode) {
  TypeId type = types.tile(Scalar::I32);
  Bytes& bytes = begin(opcode);
  for (int axis = 0; axis < 3; ++axis)
    bytes.varint(type);
  TypeId three[] = {type, type, type};
  return results(three);
}

Value Code::assumeDivisible(Value value, int64_t divisor, std::optional<Run> run) {
  Bytes& bytes = begin(Opcode::Assume);
  bytes.varint(value.type);
  bytes.byte(divisibleTag);
  bytes.varint(static_cast<uint64_t>(divisor));
  constexpr uint8_t everyAndAlong = 3;
  bytes.byte(run ? everyAndAlong : 0);
  if (run) {
    bytes.signedVarint(run->length);
    bytes.signedVarint(run->dimension);
  }
  bytes.varint(value.id);
  return result(value.type);
}

Value Code::assumeBounded(Value value, std::optional<int64_t> lower, std::optional<int64_t> upper) {
  Bytes& bytes = begin(Opcode::Assume);
  bytes.varint(value.type);
  bytes.byte(boundedTag);
  bytes.byte(static_cast<uint8_t>((lower ? 1 : 0) | (upper ? 2 : 0)));
  if (lower) bytes.signedVarint(*lower);
  if (upper) bytes.signedVarint(*upper);
  bytes.varint(value.id);
  return result(value.type);
}

void Code::assertion(const std::string& message, Value condition) {
  Bytes& bytes = begin(Opcode::Assert);
  bytes.varint(module.strings.id(message));
  bytes.varint(condition.id);
}

Values Code::beginRegion(std::span<const TypeId> arguments) {
  Block block;
  block.firstValue = nextValue_;
  block.arguments.assign(arguments.begin(), arguments.end());
  blocks_.push_back(std::move(block));
  return results(arguments);
}

std::string Code::endRegion() {
  Block block = std::move(blocks_.back());
  blocks_.pop_back();
  nextValue_ = block.firstValue;
  Bytes region;
  region.varint(1); // one block
  writeTypes(region, block.arguments);
  region.varint(block.operations);
  region.raw(block.bytes.str());
  return region.take();
}

Values Code::forLoop(bool isUnsigned, Value lower, Value upper, Value step, std::span<const Value> inits,
                     const std::string& body) {
  std::vector<TypeId> resultTypes;
  for (Value init : inits)
    resultTypes.push_back(init.type);
  Bytes& bytes = begin(Opcode::For);
  writeTypes(bytes, resultTypes);
  bytes.varint(isUnsigned ? 1 : 0);
  bytes.varint(3 + inits.size());
  for (Value bound : {lower, upper, step})
    bytes.varint(bound.id);
  for (Value init : inits)
    bytes.varint(init.id);
  bytes.varint(1);
  bytes.raw(body);
  return results(resultTypes);
}

Values Code::loop(std::span<const TypeId> resultTypes, std::span<const Value> inits,
                  const std::string& body) {
  Bytes& bytes = begin(Opcode::Loop);
  writeTypes(bytes, resultTypes);
  writeValues(bytes, inits);
  bytes.varint(1);
  bytes.raw(body);
  return results(resultTypes);
}

Values Code::ifElse(std::span<const TypeId> resultTypes, Value condition, const std::string& then,
                    const std::string& otherwise) {
  Bytes& bytes = begin(Opcode::If);
  writeTypes(bytes, resultTypes);
  bytes.varint(condition.id);
  bytes.varint(2);
  bytes.raw(then);
  bytes.raw(otherwise);
  return results(resultTypes);
}

void Code::writeIdentities(Bytes& bytes, std::span<const std::string> identities,
                           std::span<const Value> operands) {
  bytes.varint(identities.size());
  for (size_t i = 0; i < identities.size(); ++i) {
    Scalar scalar = types.elementScalar(operands[i].type);
    uint64_t bits = 0;
    for (size_t k = identities[i].size(); k-- > 0;)
      bits = bits << 8 | static_cast<uint8_t>(identities[i][k]);
    bytes.byte(isFloat(scalar) ? floatTag : integerTag);
    bytes.varint(types.scalar(scalar));
    if (!isFloat(scalar))
      bytes.varint(bits);
    else if (bytesOf(scalar) == 1)
      bytes.byte(static_cast<uint8_t>(bits));
    else
      bytes.signedVarint(static_cast<int64_t>(bits));
  }
}

Values Code::reduce(std::span<const TypeId> resultTypes, int dim, std::span<const std::string> identities,
                    std::span<const Value> operands, const std::string& region) {
  Bytes& bytes = begin(Opcode::Reduce);
  writeTypes(bytes, resultTypes);
  bytes.varint(static_cast<uint64_t>(dim));
  writeIdentities(bytes, identities, operands);
  writeValues(bytes, operands);
  bytes.varint(1);
  bytes.raw(region);
  return results(resultTypes);
}

Values Code::scan(std::span<const TypeId> resultTypes, int dim, bool reverse,
                  std::span<const std::string> identities, std::span<const Value> operands,
                  const std::string& region) {
  Bytes& bytes = begin(Opcode::Scan);
  writeTypes(bytes, resultTypes);
  bytes.varint(static_cast<uint64_t>(dim));
  bytes.byte(reverse ? 1 : 0);
  writeIdentities(bytes, identities, operands);
  writeValues(bytes, operands);
  bytes.varint(1);
  bytes.raw(region);
  return results(resultTypes);
}

void Code::terminator(Opcode opcode, std::span<const Value> operands) {
  Bytes& bytes = begin(opcode);
  bytes.varint(0);
  writeValues(bytes, operands);
}

} // namespace tuned::tileir
