// Checks of matrix products.
#include "ir/dialect/Dialect.h"

#define GET_OP_CLASSES
#include "ir/dialect/DotOps.cpp.inc"

namespace tuned::tt {

using mlir::LogicalResult;
using mlir::RankedTensorType;
using mlir::success;

void TTDialect::registerDotOps() {
  addOperations<
#define GET_OP_LIST
#include "ir/dialect/DotOps.cpp.inc"
      >();
}

// The sizes of a product, with the batch (1 without one); a packed dimension counts twice.
static LogicalResult verifyProduct(mlir::Operation* op, RankedTensorType a, RankedTensorType b,
                                   RankedTensorType d, int64_t packA[2], int64_t packB[2]) {
  int64_t rank = d.getRank();
  auto bad = [&](const char* what) {
    return op->emitOpError() << what << ": " << a << " x " << b << " -> " << d;
  };
  if ((rank != 2 && rank != 3) || a.getRank() != rank || b.getRank() != rank)
    return bad("takes operands of two dimensions, or three with a batch");
  if (rank == 3 && (a.getDimSize(0) != d.getDimSize(0) || b.getDimSize(0) != d.getDimSize(0)))
    return bad("has unequal batch sizes");
  auto size = [&](RankedTensorType type, int dimension) { return type.getDimSize(rank - 2 + dimension); };
  if (size(a, 1) * packA[1] != size(b, 0) * packB[0]) return bad("has unequal inner sizes");
  if (size(a, 0) * packA[0] != size(d, 0)) return bad("has unequal row counts");
  if (size(b, 1) * packB[1] != size(d, 1)) return bad("has unequal column counts");
  return success();
}

LogicalResult DotOp::verify() {
  auto a = getA().getType(), b = getB().getType(), d = getD().getType();
  int64_t pack[2] = {1, 1};
  if (mlir::failed(verifyProduct(*this, a, b, d, pack, pack))) return mlir::failure();
  auto floating = [](RankedTensorType type) { return mlir::isa<mlir::FloatType>(type.getElementType()); };
  if (floating(a) == floating(b) && floating(a) == floating(d) && a.getElementType().isIntOrFloat() &&
      elementBits(a) == elementBits(b) && elementBits(a) >= 8 && elementBits(d) >= 8)
    return success();
  return emitOpError() << "has operand types that do not go together: " << a << " x " << b << " -> " << d;
}

// A scale stands for 16 or 32 elements of K, whatever the packing.
static LogicalResult verifyScale(DotScaledOp op, mlir::Value scale, int64_t outer, int64_t inner) {
  if (!scale) return success();
  auto type = mlir::cast<RankedTensorType>(scale.getType());
  int64_t rank = type.getRank();
  int64_t groups = rank >= 2 ? type.getDimSize(rank - 1) : 0;
  if (rank == op.getD().getType().getRank() && type.getDimSize(rank - 2) == outer && groups > 0 &&
      (inner == 32 * groups || inner == 16 * groups))
    return success();
  return op.emitOpError() << "has a scale of type " << type << " for an operand of " << outer << " by "
                          << inner << " elements; one a row and 16 or 32 elements is wanted";
}

// Formats of 16 bits are floats of their own; the others are bytes, as floats of 8 bits or as they lie.
static bool holds(RankedTensorType type, ScaleDotElemType format) {
  bool wide = format == ScaleDotElemType::BF16 || format == ScaleDotElemType::FP16;
  return elementBits(type) == (wide ? 16 : 8) && (!wide || mlir::isa<mlir::FloatType>(type.getElementType()));
}

LogicalResult DotScaledOp::verify() {
  auto a = getA().getType(), b = getB().getType(), d = getD().getType();
  for (auto [type, format] : {std::pair(a, getAElemType()), std::pair(b, getBElemType())})
    if (!holds(type, format))
      return emitOpError() << "has an operand of " << type << ", which holds no " << stringifyEnum(format);
  int64_t packA[2] = {1, 1}, packB[2] = {1, 1};
  if (getAElemType() == ScaleDotElemType::E2M1) packA[getLhsKPack() ? 1 : 0] = 2;
  if (getBElemType() == ScaleDotElemType::E2M1) packB[getRhsKPack() ? 0 : 1] = 2;
  if (mlir::failed(verifyProduct(*this, a, b, d, packA, packB))) return mlir::failure();
  int64_t rank = d.getRank(), inner = a.getDimSize(rank - 1) * packA[1];
  if (mlir::failed(verifyScale(*this, getAScale(), d.getDimSize(rank - 2), inner))) return mlir::failure();
  return verifyScale(*this, getBScale(), d.getDimSize(rank - 1), inner);
}

} // namespace tuned::tt
