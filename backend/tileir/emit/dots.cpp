// Matrix products: operands of one type go to the tensor cores as they are; others are widened first, and f32
// is cut into the parts that its precision asks for.
#include "backend/tileir/emit/emitter.h"

namespace tuned::tileir {
namespace {

/// A sum of products of parts of the operands on top of an accumulator.
class Product {
public:
  Product(Emitter& emitter, Value accumulator) : e(emitter), sum(accumulator) {}
  void add(Value a, Value b, bool fast = false) {
    sum = e.code.op(Opcode::MmaF, sum.type, {uint8_t(fast)}, {a, b, sum});
  }
  Value result() const { return sum; }

private:
  Emitter& e;
  Value sum;
};

/// f32 as a sum of narrower floats, the largest first.
Values partsOf(Emitter& e, Value x, Scalar narrow, int count) {
  Values parts;
  TypeId type = e.types.withElement(x.type, narrow);
  for (int i = 0; i < count; ++i) {
    parts.push_back(e.toFloat(x, type));
    if (i + 1 < count) x = e.subF(x, e.toFloat(parts.back(), x.type));
  }
  return parts;
}

/// Products of parts whose places add up to less than `depth`, the smallest first.
Value splitProduct(Emitter& e, Value a, Value b, Value c, Scalar narrow, int count, int depth) {
  Values left = partsOf(e, a, narrow, count), right = partsOf(e, b, narrow, count);
  Product product(e, c);
  for (int places = depth - 1; places >= 0; --places)
    for (int i = 0; i < count; ++i)
      if (int j = places - i; j >= 0 && j < count)
        product.add(left[static_cast<size_t>(i)], right[static_cast<size_t>(j)]);
  return product.result();
}

Value singleProduct(Emitter& e, tt::DotOp op, Value a, Value b, Value c) {
  using P = tt::InputPrecision;
  switch (op.getInputPrecision()) {
  case P::TF32:
    return splitProduct(e, a, b, c, Scalar::TF32, 1, 1);
  case P::TF32x3:
    return splitProduct(e, a, b, c, Scalar::TF32, 2, 2);
  case P::BF16x3:
    return splitProduct(e, a, b, c, Scalar::BF16, 2, 2);
  case P::BF16x6:
    return splitProduct(e, a, b, c, Scalar::BF16, 3, 3);
  case P::IEEE:
    break;
  }
  Product product(e, c);
  product.add(a, b);
  return product.result();
}

Value integerProduct(Emitter& e, Value a, Value b, Value c) {
  constexpr auto isSigned = static_cast<uint8_t>(Sign::Signed);
  return e.code.op(Opcode::MmaI, c.type, {isSigned, isSigned}, {a, b, c});
}

Result<void> dot(Emitter& e, mlir::Operation& operation) {
  auto op = mlir::cast<tt::DotOp>(operation);
  Value a = e.of(op.getA()), b = e.of(op.getB()), c = e.of(op.getC());
  Scalar of = e.scalarOf(a), with = e.scalarOf(b), wanted = e.scalarOf(c);
  if (!isFloat(of)) {
    if (of != Scalar::I8 || with != Scalar::I8 || wanted != Scalar::I32)
      return unsupported(operation, "of integers other than i8 to i32");
    e.set(op.getResult(), integerProduct(e, a, b, c));
    return {};
  }
  if (!isFloat(with) || !isFloat(wanted)) return unsupported(operation, "of floats and integers");
  bool eight = bitsOf(of) == 8 && of == with;
  if (of != with || (bitsOf(of) == 8 && !eight)) { // the two 8-bit formats: f16 holds both
    if (bitsOf(of) != 8 || bitsOf(with) != 8) return unsupported(operation, "of two types");
    a = e.toFloat(a, e.types.withElement(a.type, Scalar::F16));
    b = e.toFloat(b, e.types.withElement(b.type, Scalar::F16));
    of = Scalar::F16;
  }
  // Sums are kept in f32 (f16 and f64 where they are asked for).
  TypeId sumType = c.type;
  bool direct = wanted == Scalar::F32 || (wanted == Scalar::F64 && of == Scalar::F64) ||
                (wanted == Scalar::F16 && (of == Scalar::F16 || eight));
  if (of == Scalar::F64 && wanted != Scalar::F64) return unsupported(operation, "of f64 to less");
  if (!direct) sumType = e.types.withElement(c.type, Scalar::F32);
  Value sum = e.toFloat(c, sumType);
  if (of == Scalar::F32) {
    sum = singleProduct(e, op, a, b, sum);
  } else {
    Product product(e, sum);
    // Tensor cores may sum 8-bit products with fewer bits where the kernel allows it for all of K.
    int64_t depth = e.types.shape(a.type).back();
    product.add(a, b, eight && op.getMaxNumImpreciseAcc() >= depth);
    sum = product.result();
  }
  e.set(op.getResult(), e.toFloat(sum, c.type));
  return {};
}

} // namespace

void addDots(OpTable& table) {
  table["tt.dot"] = dot;
}

} // namespace tuned::tileir
