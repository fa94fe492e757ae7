// Loads, stores, atomics, views and the tokens that order them.
#include "backend/tileir/bytecode/code.h"

namespace tuned::tileir {

Value Code::makeToken() {
  TypeId token = types.token();
  begin(Opcode::MakeToken).varint(token);
  return result(token);
}

Value Code::joinTokens(std::span<const Value> tokens) {
  if (tokens.size() == 1) return tokens.front();
  TypeId token = types.token();
  Bytes& bytes = begin(Opcode::JoinTokens);
  writeTypes(bytes, {{token}});
  writeValues(bytes, tokens);
  return result(token);
}

/// Flags, order, scope and hints; `tokenBit` is the flag of the token, which comes last among the operands.
void Code::writeAccess(Bytes& bytes, const Access& access, bool isView, unsigned tokenBit) {
  constexpr unsigned scopeBit = 1, hintsBit = 2, maskBit = 4, paddingBit = 8;
  bool scoped = access.order != Order::Weak;
  bool hinted = access.latency > 0;
  unsigned flags = (scoped ? scopeBit : 0) | (hinted ? hintsBit : 0) | (access.token ? tokenBit : 0);
  if (!isView) flags |= (access.mask ? maskBit : 0) | (access.padding ? paddingBit : 0);
  bytes.varint(flags);
  bytes.byte(static_cast<uint8_t>(access.order));
  if (scoped) bytes.byte(static_cast<uint8_t>(access.scope));
  if (hinted) bytes.raw(encodeHints(module, {{"latency", access.latency}}));
}

Loaded Code::loadPointers(TypeId resultType, Value pointers, const Access& access) {
  TypeId token = types.token();
  Bytes& bytes = begin(Opcode::LoadPtr);
  bytes.varint(resultType);
  bytes.varint(token);
  writeAccess(bytes, access, false, 16);
  for (Value operand : {pointers, access.mask, access.padding, access.token})
    if (operand) bytes.varint(operand.id);
  Value value = result(resultType);
  return {value, result(token)};
}

Value Code::storePointers(Value pointers, Value value, const Access& access) {
  TypeId token = types.token();
  Bytes& bytes = begin(Opcode::StorePtr);
  bytes.varint(token);
  writeAccess(bytes, access, false, 8);
  for (Value operand : {pointers, value, access.mask, access.token})
    if (operand) bytes.varint(operand.id);
  return result(token);
}

Loaded Code::atomicRmw(Rmw mode, Value pointers, Value value, const Access& access) {
  TypeId token = types.token();
  Bytes& bytes = begin(Opcode::AtomicRmw);
  bytes.varint(value.type);
  bytes.varint(token);
  bytes.varint((access.mask ? 1u : 0u) | (access.token ? 2u : 0u));
  bytes.byte(static_cast<uint8_t>(access.order));
  bytes.byte(static_cast<uint8_t>(access.scope));
  bytes.byte(static_cast<uint8_t>(mode));
  for (Value operand : {pointers, value, access.mask, access.token})
    if (operand) bytes.varint(operand.id);
  Value before = result(value.type);
  return {before, result(token)};
}

Loaded Code::atomicCas(Value pointers, Value compare, Value value, const Access& access) {
  TypeId token = types.token();
  Bytes& bytes = begin(Opcode::AtomicCas);
  bytes.varint(value.type);
  bytes.varint(token);
  bytes.varint((access.mask ? 1u : 0u) | (access.token ? 2u : 0u));
  bytes.byte(static_cast<uint8_t>(access.order));
  bytes.byte(static_cast<uint8_t>(access.scope));
  for (Value operand : {pointers, compare, value, access.mask, access.token})
    if (operand) bytes.varint(operand.id);
  Value before = result(value.type);
  return {before, result(token)};
}

Value Code::makeTensorView(TypeId type, Value base, std::span<const Value> sizes,
                           std::span<const Value> strides) {
  Bytes& bytes = begin(Opcode::MakeTensorView);
  writeTypes(bytes, {{type}});
  bytes.varint(base.id);
  writeValues(bytes, sizes);
  writeValues(bytes, strides);
  return result(type);
}

Value Code::makePartitionView(TypeId type, Value tensorView) {
  return op(Opcode::MakePartitionView, type, {}, {tensorView});
}

Value Code::makeStridedView(TypeId type, Value tensorView) {
  return op(Opcode::MakeStridedView, type, {}, {tensorView});
}

Loaded Code::loadView(TypeId resultType, Value view, std::span<const Value> indices, const Access& access) {
  TypeId token = types.token();
  Bytes& bytes = begin(Opcode::LoadView);
  writeTypes(bytes, {{resultType, token}});
  writeAccess(bytes, access, true, 4);
  bytes.varint(view.id);
  writeValues(bytes, indices);
  if (access.token) bytes.varint(access.token.id);
  Value value = result(resultType);
  return {value, result(token)};
}

Value Code::storeView(Value view, std::span<const Value> indices, Value tile, const Access& access) {
  TypeId token = types.token();
  Bytes& bytes = begin(Opcode::StoreView);
  writeTypes(bytes, {{token}});
  writeAccess(bytes, access, true, 4);
  bytes.varint(tile.id);
  bytes.varint(view.id);
  writeValues(bytes, indices);
  if (access.token) bytes.varint(access.token.id);
  return result(token);
}

Value Code::atomicReduceView(Rmw mode, Value view, std::span<const Value> indices, Value tile,
                             const Access& access) {
  TypeId token = types.token();
  Bytes& bytes = begin(Opcode::AtomicRedView);
  writeTypes(bytes, {{token}});
  bytes.varint(access.token ? 1u : 0u);
  bytes.byte(static_cast<uint8_t>(access.order));
  bytes.byte(static_cast<uint8_t>(access.scope));
  bytes.byte(static_cast<uint8_t>(mode));
  bytes.varint(view.id);
  writeValues(bytes, indices);
  bytes.varint(tile.id);
  if (access.token) bytes.varint(access.token.id);
  return result(token);
}

} // namespace tuned::tileir
