// Pointers, loads and stores.
#include "backend/tileir/emit/memory/memory.h"

namespace tuned::tileir {

Value tokenFor(Emitter& e, mlir::Operation* op) {
  Effects effect = e.effects(op);
  return effect.any() ? e.tokens.before(effect) : Value{};
}

void keepToken(Emitter& e, mlir::Operation* op, Value token) {
  if (Effects effect = e.effects(op); effect.any()) e.tokens.after(effect, token);
}

int latencyFor(Emitter& e, TypeId tile) {
  constexpr int64_t leastBytes = 128;
  int64_t bytes = bytesOf(e.types.elementScalar(tile));
  for (int64_t extent : e.types.shape(tile))
    bytes *= extent;
  const bool few = !e.types.shape(tile).empty() && bytes < leastBytes;
  return few ? 0 : e.options.latency;
}

Value loadInOrder(Emitter& e, mlir::Operation* op, TypeId type, Value pointers, Access access) {
  access.token = tokenFor(e, op);
  access.latency = latencyFor(e, type);
  auto [value, token] = e.code.loadPointers(type, pointers, access);
  keepToken(e, op, token);
  return value;
}

void storeInOrder(Emitter& e, mlir::Operation* op, Value pointers, Value value, Access access) {
  access.token = tokenFor(e, op);
  keepToken(e, op, e.code.storePointers(pointers, value, access));
}

namespace {

Result<void> addPointer(Emitter& e, mlir::Operation& op) {
  Value pointers = e.of(op.getOperand(0)), offsets = e.of(op.getOperand(1));
  if (e.scalarOf(offsets) == Scalar::I1) return unsupported(op, "offsets of single bits");
  e.set(op.getResult(0), e.code.op(Opcode::Offset, pointers.type, {}, {pointers, offsets}));
  return {};
}

/// Pointers as the numbers that they are in memory; other tiles as they are.
Value inMemory(Emitter& e, Value value) {
  if (!e.types.isPointerTile(value.type)) return value;
  return e.code.op(Opcode::PtrToInt, e.types.withElement(value.type, Scalar::I64), {}, {value});
}

/// Masked lanes that `other` does not say are zero: tt leaves them undefined.
Result<void> load(Emitter& e, mlir::Operation& operation) {
  auto op = mlir::cast<tt::LoadOp>(operation);
  TypeId type = e.type(op.getResult().getType());
  bool pointers = e.types.isPointerTile(type);
  TypeId stored = pointers ? e.types.withElement(type, Scalar::I64) : type;
  Access access;
  if (op.getMask()) {
    access.mask = e.of(op.getMask());
    access.padding = op.getOther() ? inMemory(e, e.of(op.getOther())) : e.bits(stored, 0);
  }
  if (op.getIsVolatile()) {
    access.order = Order::Relaxed;
    access.scope = Scope::System;
  }
  Value value = loadInOrder(e, op, stored, e.of(op.getPtr()), access);
  e.set(op.getResult(), pointers ? e.code.op(Opcode::IntToPtr, type, {}, {value}) : value);
  return {};
}

Result<void> store(Emitter& e, mlir::Operation& operation) {
  auto op = mlir::cast<tt::StoreOp>(operation);
  Access access;
  if (op.getMask()) access.mask = e.of(op.getMask());
  storeInOrder(e, op, e.of(op.getPtr()), inMemory(e, e.of(op.getValue())), access);
  return {};
}

} // namespace

void addMemory(OpTable& table) {
  table["tt.addptr"] = addPointer;
  table["tt.load"] = load;
  table["tt.store"] = store;
}

} // namespace tuned::tileir
