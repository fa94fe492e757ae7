// tt.dot: on the tensor cores, tile by tile, or by multiply-adds (lower_dot_scalar.cpp).
#include "backend/nvptx/lowering/dots/dot.h"
#include "backend/gpu/layout/mma.h"
#include "backend/nvptx/lowering/dots/mma.h"
#include "backend/nvptx/lowering/math/float_conversion.h"

#include <array>
#include <map>

namespace tuned::nvptx {
namespace {

/// Picks registers by element: fragments are reached from lane 0 of warp 0 by registers alone. Coordinates
/// beyond a dimension that is smaller than the instruction's tile wrap: what is there is a replica.
class Fragments {
public:
  Fragments(const LinearLayout& layout, const Registers& registers)
      : layout(layout), span(layout.registers), registers(registers) {}

  llvm::Value* at(int64_t batch, int64_t row, int64_t column) const {
    return registers[registerOf(batch, row, column)];
  }
  size_t registerOf(int64_t batch, int64_t row, int64_t column) const {
    size_t rank = layout.shape.size();
    uint32_t index = bits(rank - 2, row) | bits(rank - 1, column) | (rank == 3 ? bits(0, batch) : 0);
    return static_cast<size_t>(span.coordinates(index).value_or(0));
  }

private:
  uint32_t bits(size_t dim, int64_t coordinate) const {
    auto wrapped = static_cast<uint32_t>(coordinate & (layout.shape[dim] - 1));
    return wrapped << layout.dimShift(static_cast<unsigned>(dim));
  }
  const LinearLayout& layout;
  Span span;
  const Registers& registers;
};

const char* ptxName(const DotPlan& plan, mlir::Type type) {
  switch (plan.instruction) {
  case DotInstruction::MmaF16:
    return "f16";
  case DotInstruction::MmaBf16:
    return "bf16";
  case DotInstruction::MmaTf32:
  case DotInstruction::MmaTf32x3:
    return "tf32";
  case DotInstruction::MmaFp8:
    return mlir::isa<mlir::Float8E5M2Type>(type) ? "e5m2" : "e4m3";
  case DotInstruction::MmaInt8:
    return "s8";
  case DotInstruction::MmaF64:
    return "f64";
  case DotInstruction::Scalar:
    break;
  }
  return "";
}

/// One dot on the tensor cores: walks the tiles this warp computes.
class TensorCoreDot {
public:
  TensorCoreDot(Emitter& e, tt::DotOp op, const DotPlan& plan, Registers a, Registers b)
      : e(e), plan(plan), typeA(ptxName(plan, op.getA().getType().getElementType())),
        typeB(ptxName(plan, op.getB().getType().getElementType())), valuesA(std::move(a)),
        valuesB(std::move(b)), fragmentsA(plan.a, valuesA), fragmentsB(plan.b, valuesB),
        result(e.of(op.getC())), accumulators(plan.d, result), grid(warpGrid(plan.d.shape, e.numWarps())) {}

  Registers emit() {
    size_t rank = plan.d.shape.size();
    int64_t batches = rank == 3 ? plan.d.shape[0] : 1;
    int64_t m = plan.d.shape[rank - 2], n = plan.d.shape[rank - 1], k = plan.a.shape[rank - 1];
    for (int64_t batch = 0; batch < batches; batch += grid.batch) {
      if (plan.instruction == DotInstruction::MmaTf32x3) {
        for (int64_t row = 0; row < m; row += plan.tileM * grid.m)
          for (int64_t column = 0; column < n; column += plan.tileN * grid.n)
            tileInThreeProducts(batch, row, column, k);
        continue;
      }
      // K outermost: neighbouring instructions write different accumulators.
      for (int64_t inner = 0; inner < k; inner += plan.tileK)
        for (int64_t row = 0; row < m; row += plan.tileM * grid.m)
          for (int64_t column = 0; column < n; column += plan.tileN * grid.n) {
            std::vector<size_t> places = accumulatorPlaces(batch, row, column);
            put(places, emitMma(e, plan, typeA, typeB, operandA(batch, row, inner),
                                operandB(batch, inner, column), get(places)));
          }
    }
    return std::move(result);
  }

private:
  /// Registers of the accumulator's elements, in fragment order: column pairs, then the lower eight rows.
  std::vector<size_t> accumulatorPlaces(int64_t batch, int64_t row, int64_t column) const {
    std::vector<size_t> places;
    for (unsigned lower = 0; lower < plan.tileM; lower += 8)
      for (unsigned next = 0; next < 2; ++next)
        places.push_back(accumulators.registerOf(batch, row + lower, column + next));
    return places;
  }
  Registers get(const std::vector<size_t>& places) const {
    Registers values;
    for (size_t place : places)
      values.push_back(result[place]);
    return values;
  }
  void put(const std::vector<size_t>& places, const Registers& values) {
    for (size_t i = 0; i < places.size(); ++i)
      result[places[i]] = values[i];
  }

  unsigned elementsPerWord() const { return plan.fragmentBits >= 32 ? 1 : 32 / plan.fragmentBits; }

  Registers elementsA(int64_t batch, int64_t row, int64_t inner) const {
    Registers elements;
    for (unsigned far = 0; far < plan.tileK;
         far += 4 * elementsPerWord()) // the two halves of K (one for f64)
      for (unsigned lower = 0; lower < plan.tileM; lower += 8)
        for (unsigned next = 0; next < elementsPerWord(); ++next)
          elements.push_back(fragmentsA.at(batch, row + lower, inner + far + next));
    return elements;
  }
  Registers elementsB(int64_t batch, int64_t inner, int64_t column) const {
    Registers elements;
    for (unsigned far = 0; far < plan.tileK; far += 4 * elementsPerWord())
      for (unsigned next = 0; next < elementsPerWord(); ++next)
        elements.push_back(fragmentsB.at(batch, inner + far + next, column));
    return elements;
  }
  /// Packed once for every tile that uses them.
  const Registers& operandA(int64_t batch, int64_t row, int64_t inner) {
    Registers& words = packedA[{batch, row, inner}];
    if (words.empty()) words = packWords(e, elementsA(batch, row, inner));
    return words;
  }
  const Registers& operandB(int64_t batch, int64_t inner, int64_t column) {
    Registers& words = packedB[{batch, inner, column}];
    if (words.empty()) words = packWords(e, elementsB(batch, inner, column));
    return words;
  }

  /// A float as the sum of two that tf32 holds.
  void split(const Registers& elements, Registers& upper, Registers& lower) {
    auto& b = e.builder;
    auto round = [&](llvm::Value* value) {
      return e.assembly(b.getInt32Ty(), "cvt.rna.tf32.f32 $0, $1;", "=r,f", {value}, false);
    };
    for (llvm::Value* value : elements) {
      upper.push_back(round(value));
      lower.push_back(round(b.CreateFSub(value, b.CreateBitCast(upper.back(), b.getFloatTy()))));
    }
  }

  /// a·b ≈ upper·upper + (upper·lower + lower·upper). The small terms are summed first; where an operand is
  /// infinite they are NaN and count for nothing, so that the main product decides.
  void tileInThreeProducts(int64_t batch, int64_t row, int64_t column, int64_t k) {
    auto& b = e.builder;
    std::vector<size_t> places = accumulatorPlaces(batch, row, column);
    llvm::Value* zero = llvm::ConstantFP::get(b.getFloatTy(), 0.0);
    Registers sum(places.size(), zero);
    std::vector<std::array<Registers, 2>> uppers;
    for (int64_t inner = 0; inner < k; inner += plan.tileK) {
      Registers upperA, lowerA, upperB, lowerB;
      split(elementsA(batch, row, inner), upperA, lowerA);
      split(elementsB(batch, inner, column), upperB, lowerB);
      sum = emitMma(e, plan, typeA, typeB, lowerA, upperB, sum);
      sum = emitMma(e, plan, typeA, typeB, upperA, lowerB, sum);
      uppers.push_back({upperA, upperB});
    }
    for (llvm::Value*& value : sum)
      value = b.CreateSelect(b.CreateFCmpUNO(value, value), zero, value);
    for (auto& [upperA, upperB] : uppers)
      sum = emitMma(e, plan, typeA, typeB, upperA, upperB, sum);
    Registers before = get(places);
    for (size_t i = 0; i < sum.size(); ++i)
      sum[i] = b.CreateFAdd(before[i], sum[i]);
    put(places, sum);
  }

  Emitter& e;
  const DotPlan& plan;
  const char *typeA, *typeB;
  Registers valuesA, valuesB;
  Fragments fragmentsA, fragmentsB;
  Registers result;
  Fragments accumulators;
  WarpGrid grid;
  std::map<std::array<int64_t, 3>, Registers> packedA, packedB;
};

Result<void> emitDot(Emitter& e, mlir::Operation& op) {
  auto dot = mlir::cast<tt::DotOp>(op);
  DotPlan plan = planDot(dot.getA().getType(), dot.getB().getType(), dot.getD().getType(),
                         dot.getInputPrecision(), e.target, e.numWarps());
  if (plan.instruction == DotInstruction::Scalar) return emitScalarDot(e, dot);
  if (e.layout(dot.getA()) != plan.a || e.layout(dot.getB()) != plan.b || e.layout(dot.getD()) != plan.d)
    return failAt(op, ErrorKind::Internal, "a dot's operands are not in the tensor cores' layout");
  auto operand = [&](mlir::Value value) {
    // 8-bit floats in 16-bit fragments are widened here, after their way through shared memory.
    bool widen = isFp8(value.getType()) && plan.fragmentBits == 16;
    return widen ? convertFloat(e, e.of(value), value.getType(), mlir::Float16Type::get(op.getContext()))
                 : e.of(value);
  };
  e.set(dot.getD(), TensorCoreDot(e, dot, plan, operand(dot.getA()), operand(dot.getB())).emit());
  return {};
}

uint32_t dotScratchBytes(mlir::Operation& op) {
  return op.hasAttr("nv.scalar") ? scalarDotScratchBytes(mlir::cast<tt::DotOp>(op)) : 0;
}

} // namespace

void addDot(OpTable& table) {
  table["tt.dot"] = {emitDot, dotScratchBytes};
}

} // namespace tuned::nvptx
