// Pointers, loads and stores.
#include "backend/tileir/emit/memory.h"

namespace tuned::tileir {

Value loadInOrder(Emitter& e, TypeId type, Value pointers, Access access) {
  constexpr Effects effect{.reads = true};
  access.token = e.tokens.before(effect);
  access.latency = e.options.latency;
  auto [value, token] = e.code.loadPointers(type, pointers, access);
  e.tokens.after(effect, token);
  return value;
}

void storeInOrder(Emitter& e, Value pointers, Value value, Access access) {
  constexpr Effects effect{.writes = true};
  access.token = e.tokens.before(effect);
  e.tokens.after(effect, e.code.storePointers(pointers, value, access));
}

namespace {

Result<void> addPointer(Emitter& e, mlir::Operation& op) {
  Value pointers = e.of(op.getOperand(0)), offsets = e.of(op.getOperand(1));
  if (e.scalarOf(offsets) == Scalar::I1) return unsupported(op, "offsets of single bits");
  e.set(op.getResult(0), e.code.op(Opcode::Offset, pointers.type, {}, {pointers, offsets}));
  return {};
}

/// Masked lanes that `other` does not say are zero: tt leaves them undefined.
Result<void> load(Emitter& e, mlir::Operation& operation) {
  auto op = mlir::cast<tt::LoadOp>(operation);
  TypeId type = e.type(op.getResult().getType());
  Access access;
  if (op.getMask()) {
    access.mask = e.of(op.getMask());
    if (op.getOther())
      access.padding = e.of(op.getOther());
    else if (!e.types.isPointerTile(type))
      access.padding = e.bits(type, 0);
  }
  if (op.getIsVolatile()) {
    access.order = Order::Relaxed;
    access.scope = Scope::System;
  }
  e.set(op.getResult(), loadInOrder(e, type, e.of(op.getPtr()), access));
  return {};
}

Result<void> store(Emitter& e, mlir::Operation& operation) {
  auto op = mlir::cast<tt::StoreOp>(operation);
  Access access;
  if (op.getMask()) access.mask = e.of(op.getMask());
  storeInOrder(e, e.of(op.getPtr()), e.of(op.getValue()), access);
  return {};
}

} // namespace

void addMemory(OpTable& table) {
  table["tt.addptr"] = addPointer;
  table["tt.load"] = load;
  table["tt.store"] = store;
}

} // namespace tuned::tileir
