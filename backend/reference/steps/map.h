// Elementwise steps: a function of lanes, or of numbers of a kind, applied to every element.
#pragma once

#include "backend/reference/machine.h"

namespace tuned::reference {

template <typename F> Step mapUnary(const Operation& op, F f) {
  return [x = op.operands[0], r = op.results[0], f](Frame& frame) {
    const Lanes& a = frame[x];
    Lanes& out = frame[r];
    out.resize(a.size());
    for (size_t i = 0; i < a.size(); ++i)
      out[i] = f(a[i]);
  };
}

template <typename F> Step mapBinary(const Operation& op, F f) {
  return [x = op.operands[0], y = op.operands[1], r = op.results[0], f](Frame& frame) {
    const Lanes &a = frame[x], &b = frame[y];
    Lanes& out = frame[r];
    out.resize(a.size());
    for (size_t i = 0; i < a.size(); ++i)
      out[i] = f(a[i], b[i]);
  };
}

template <typename F> Step mapTernary(const Operation& op, F f) {
  return [x = op.operands[0], y = op.operands[1], z = op.operands[2], r = op.results[0], f](Frame& frame) {
    const Lanes &a = frame[x], &b = frame[y], &c = frame[z];
    Lanes& out = frame[r];
    out.resize(a.size());
    for (size_t i = 0; i < a.size(); ++i)
      out[i] = f(a[i], b[i], c[i]);
  };
}

/// f works on float for f32 and narrower kinds (which round its result once more), on double for f64.
template <typename F> Step realUnary(const Operation& op, F f) {
  Kind kind = op.operandTypes[0].kind;
  if (kind == Kind::F32) return mapUnary(op, [f](uint64_t x) { return lane(f(asFloat(x))); });
  if (kind == Kind::F64) return mapUnary(op, [f](uint64_t x) { return lane(f(asDouble(x))); });
  return mapUnary(
      op, [f, kind](uint64_t x) { return fromDouble(kind, f(static_cast<float>(toDouble(kind, x)))); });
}

template <typename F> Step realBinary(const Operation& op, F f) {
  Kind kind = op.operandTypes[0].kind;
  if (kind == Kind::F32)
    return mapBinary(op, [f](uint64_t x, uint64_t y) { return lane(f(asFloat(x), asFloat(y))); });
  if (kind == Kind::F64)
    return mapBinary(op, [f](uint64_t x, uint64_t y) { return lane(f(asDouble(x), asDouble(y))); });
  return mapBinary(op, [f, kind](uint64_t x, uint64_t y) {
    return fromDouble(kind, f(static_cast<float>(toDouble(kind, x)), static_cast<float>(toDouble(kind, y))));
  });
}

/// f works on double whatever the kind: for functions whose float version rounds more than once.
template <typename F> Step throughDouble(const Operation& op, F f) {
  Kind kind = op.operandTypes[0].kind;
  return mapUnary(op, [f, kind](uint64_t x) { return fromDouble(kind, f(toDouble(kind, x))); });
}
template <typename F> Step throughDouble2(const Operation& op, F f) {
  Kind kind = op.operandTypes[0].kind;
  return mapBinary(op, [f, kind](uint64_t x, uint64_t y) {
    return fromDouble(kind, f(toDouble(kind, x), toDouble(kind, y)));
  });
}

// The groups of operations; each adds its makers to the table.
void addInteger(StepTable& table);
void addReal(StepTable& table);
void addMath(StepTable& table);
void addCasts(StepTable& table);
void addShapes(StepTable& table);
void addControl(StepTable& table);
void addReductions(StepTable& table);
void addMemory(StepTable& table);
void addAtomics(StepTable& table);
void addDescriptors(StepTable& table);
void addDots(StepTable& table);
void addLibdevice(StepTable& table);

} // namespace tuned::reference
