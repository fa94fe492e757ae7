// Atomic read-modify-writes and compare-and-swaps.
#include "backend/tileir/emit/memory/atomics.h"

namespace tuned::tileir {

std::string atomicRefusal(Emitter& e, Rmw mode, Scalar scalar) {
  unsigned bits = bitsOf(scalar);
  constexpr int firstWithBf16 = 90;
  if (mode == Rmw::AddF) {
    if (!isFloat(scalar) || bits == 8) return "a sum of floats on other than 16, 32 or 64 bits";
    if (scalar == Scalar::BF16 && e.options.capability < firstWithBf16) return "sums of bf16 need sm_90";
    return {};
  }
  if (bits != 32 && bits != 64) return "updates of other than 32 or 64 bits";
  if (isFloat(scalar) && mode != Rmw::Exchange) return "this update of floats";
  return {};
}

Value updateInOrder(Emitter& e, Rmw mode, Value pointers, Value value, Access access) {
  constexpr Effects effect{.reads = true, .writes = true};
  access.token = e.tokens.before(effect);
  auto [before, token] = e.code.atomicRmw(mode, pointers, value, access);
  e.tokens.after(effect, token);
  return before;
}

namespace {

Order orderOf(tt::MemSemantic semantic) {
  return static_cast<Order>(static_cast<uint8_t>(semantic)); // relaxed, acquire, release, acq_rel: from 1 on
}

Scope scopeOf(tt::MemSyncScope scope) {
  switch (scope) {
  case tt::MemSyncScope::CTA:
    return Scope::TileBlock;
  case tt::MemSyncScope::SYSTEM:
    return Scope::System;
  default:
    return Scope::Device;
  }
}

Rmw modeOf(tt::RMWOp op) {
  switch (op) {
  case tt::RMWOp::AND:
    return Rmw::And;
  case tt::RMWOp::OR:
    return Rmw::Or;
  case tt::RMWOp::XOR:
    return Rmw::Xor;
  case tt::RMWOp::ADD:
    return Rmw::Add;
  case tt::RMWOp::FADD:
    return Rmw::AddF;
  case tt::RMWOp::MAX:
    return Rmw::Max;
  case tt::RMWOp::MIN:
    return Rmw::Min;
  case tt::RMWOp::UMAX:
    return Rmw::UMax;
  case tt::RMWOp::UMIN:
    return Rmw::UMin;
  case tt::RMWOp::XCHG:
    return Rmw::Exchange;
  }
  return Rmw::Exchange;
}

Result<void> readModifyWrite(Emitter& e, mlir::Operation& operation) {
  auto op = mlir::cast<tt::AtomicRMWOp>(operation);
  Value pointers = e.of(op.getPtr()), value = e.of(op.getVal());
  if (e.types.isPointerTile(value.type)) return unsupported(operation, "updates of pointers");
  Rmw mode = modeOf(op.getAtomicRmwOp());
  if (std::string why = atomicRefusal(e, mode, e.scalarOf(value)); !why.empty())
    return unsupported(operation, why);
  Access access{.order = orderOf(op.getSem()), .scope = scopeOf(op.getScope())};
  if (op.getMask()) access.mask = e.of(op.getMask());
  e.set(op.getResult(), updateInOrder(e, mode, pointers, value, access));
  return {};
}

Result<void> compareAndSwap(Emitter& e, mlir::Operation& operation) {
  auto op = mlir::cast<tt::AtomicCASOp>(operation);
  Value value = e.of(op.getVal());
  if (e.types.isPointerTile(value.type)) return unsupported(operation, "of pointers");
  if (unsigned bits = bitsOf(e.scalarOf(value)); bits != 32 && bits != 64)
    return unsupported(operation, "of other than 32 or 64 bits");
  constexpr Effects effect{.reads = true, .writes = true};
  Access access{.order = orderOf(op.getSem()), .scope = scopeOf(op.getScope())};
  access.token = e.tokens.before(effect);
  auto [before, token] = e.code.atomicCas(e.of(op.getPtr()), e.of(op.getCmp()), value, access);
  e.tokens.after(effect, token);
  e.set(op.getResult(), before);
  return {};
}

} // namespace

void addAtomics(OpTable& table) {
  table["tt.atomic_rmw"] = readModifyWrite;
  table["tt.atomic_cas"] = compareAndSwap;
}

} // namespace tuned::tileir
