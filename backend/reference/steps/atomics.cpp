// Read-modify-write of memory. Programs run one after another and elements in order, so each is atomic by
// itself.
#include "backend/reference/steps/atomics.h"
#include "backend/reference/steps/map.h"
#include "backend/reference/steps/tile.h"

#include <cmath>

namespace tuned::reference {

uint64_t combineAtomically(Rmw rmw, Kind kind, uint64_t old, uint64_t value) {
  auto pick = [&](bool takeNew) { return takeNew ? value : old; };
  auto number = [kind](uint64_t x) { return toDouble(kind, x); };
  switch (rmw) {
  case Rmw::And:
    return old & value;
  case Rmw::Or:
    return old | value;
  case Rmw::Xor:
    return old ^ value;
  case Rmw::Exchange:
    return value;
  case Rmw::Add:
    if (!isFloat(kind)) return (old + value) & mask(kind);
    return kind == Kind::F64 ? lane(asDouble(old) + asDouble(value))
                             : fromDouble(kind, number(old) + number(value));
  case Rmw::Max:
    if (isFloat(kind)) return pick(std::isnan(number(old)) || number(value) > number(old));
    return pick(signedValue(kind, value) > signedValue(kind, old));
  case Rmw::Min:
    if (isFloat(kind)) return pick(std::isnan(number(old)) || number(value) < number(old));
    return pick(signedValue(kind, value) < signedValue(kind, old));
  case Rmw::UnsignedMax:
    return pick(value > old);
  case Rmw::UnsignedMin:
    return pick(value < old);
  case Rmw::Increment:
    return old >= value ? 0 : old + 1;
  case Rmw::Decrement:
    return old == 0 || old > value ? value : old - 1;
  }
  return old;
}

namespace {

Rmw rmwOf(const Operation& op) {
  constexpr Rmw kNumbered[] = {Rmw::Exchange,    Rmw::And,         Rmw::Or,      Rmw::Xor,
                               Rmw::Add,         Rmw::Add,         Rmw::Max,     Rmw::Min,
                               Rmw::UnsignedMax, Rmw::UnsignedMin, Rmw::Exchange};
  int64_t number = op.integer("atomic_rmw_op", -1);
  if (number < 1 || number > 10) unsupported(op, "an unknown read-modify-write");
  return kNumbered[number];
}

/// Gives what was there before; lanes whose mask is false touch nothing and give zero.
Step atomicRmw(const Operation& op) {
  Rmw rmw = rmwOf(op);
  Kind kind = op.operandTypes[0].pointee;
  int maskSlot = op.operands.size() > 2 ? op.operands[2] : -1;
  return [=, x = op.operands[0], y = op.operands[1], r = op.results[0]](Frame& frame) {
    const Lanes &pointers = frame[x], &values = frame[y];
    Lanes before(pointers.size(), 0);
    Memory& memory = frame.machine.memory;
    for (size_t i = 0; i < pointers.size(); ++i) {
      if (maskSlot >= 0 && !frame[maskSlot][i]) continue;
      before[i] = loadLane(memory, pointers[i], kind);
      memory.store(pointers[i], byteWidth(kind), combineAtomically(rmw, kind, before[i], values[i]));
    }
    frame[r] = std::move(before);
  };
}

/// Compares bits, so that -0 is not +0 and NaN may match.
Step atomicCas(const Operation& op) {
  Kind kind = op.operandTypes[0].pointee;
  return [=, x = op.operands[0], y = op.operands[1], z = op.operands[2], r = op.results[0]](Frame& frame) {
    const Lanes &pointers = frame[x], &expected = frame[y], &values = frame[z];
    Lanes before(pointers.size(), 0);
    Memory& memory = frame.machine.memory;
    for (size_t i = 0; i < pointers.size(); ++i) {
      before[i] = memory.load(pointers[i], byteWidth(kind));
      if (before[i] == expected[i]) memory.store(pointers[i], byteWidth(kind), values[i]);
    }
    frame[r] = std::move(before);
  };
}

} // namespace

void addAtomics(StepTable& t) {
  t["tt.atomic_rmw"] = atomicRmw;
  t["tt.atomic_cas"] = atomicCas;
}

} // namespace tuned::reference
