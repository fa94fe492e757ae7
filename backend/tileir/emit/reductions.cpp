// Reductions and scans, whose regions combine scalars, and maps, whose region becomes operations on tiles.
#include "backend/tileir/emit/emitter.h"
#include "backend/tileir/emit/memory/clusters.h"
#include "backend/tileir/emit/products.h"
#include "ir/analysis/combination_order.h"

#include <llvm/ADT/MapVector.h>
#include <mlir/Dialect/Arith/IR/Arith.h>
#include <mlir/Interfaces/SideEffectInterfaces.h>
#include <mlir/Transforms/RegionUtils.h>

namespace tuned::tileir {
namespace {

namespace arith = mlir::arith;

/// What leaves the other operand as it is, for a region of one known operation; zero bits for others: the
/// format wants some number, and sizes are powers of two, so that no combination needs one.
uint64_t identityBits(mlir::Block& region, Scalar scalar) {
  mlir::Operation* terminator = region.getTerminator();
  mlir::Operation* combiner = terminator->getOperand(0).getDefiningOp();
  bool single = combiner && terminator->getNumOperands() == 1 && &region.front() == combiner;
  if (!single) return 0;
  uint64_t ones = bitsOf(scalar) == 64 ? ~uint64_t(0) : (uint64_t(1) << bitsOf(scalar)) - 1;
  uint64_t top = uint64_t(1) << (bitsOf(scalar) - 1);
  double infinity = std::numeric_limits<double>::infinity();
  if (mlir::isa<arith::MulFOp>(combiner)) return floatBits(scalar, 1);
  if (mlir::isa<arith::AddFOp>(combiner)) return floatBits(scalar, -0.0);
  if (mlir::isa<arith::MaxNumFOp, arith::MaximumFOp>(combiner)) return floatBits(scalar, -infinity);
  if (mlir::isa<arith::MinNumFOp, arith::MinimumFOp>(combiner)) return floatBits(scalar, infinity);
  if (mlir::isa<arith::MulIOp>(combiner)) return 1;
  if (mlir::isa<arith::AndIOp, arith::MinUIOp>(combiner)) return ones;
  if (mlir::isa<arith::MaxSIOp>(combiner)) return top;
  if (mlir::isa<arith::MinSIOp>(combiner)) return ones ^ top;
  return 0;
}

/// Why a region of scalars cannot be combined here; empty: it can.
std::string regionRefusal(mlir::Region& region) {
  std::string why;
  region.walk([&](mlir::Operation* inner) {
    if (inner->hasTrait<mlir::OpTrait::IsTerminator>() || inner->getNumRegions() > 0) return;
    if (!mlir::isMemoryEffectFree(inner)) why = inner->getName().getStringRef().str() + " in its region";
  });
  return why;
}

/// Operands of types that regions combine: 8-bit floats as f16.
struct Operands {
  Values tiles;
  std::vector<std::string> identities;
};

Result<Operands> operandsOf(Emitter& e, mlir::Operation& op, mlir::Region& region) {
  if (std::string why = regionRefusal(region); !why.empty()) return unsupported(op, why);
  size_t dimensions = tt::shapeOf(op.getOperand(0).getType()).size();
  if (std::string why = reductionRefusal(e.options, dimensions); !why.empty()) return unsupported(op, why);
  Operands operands;
  for (mlir::Value source : op.getOperands()) {
    Value tile = e.of(source);
    if (e.types.isPointerTile(tile.type)) return unsupported(op, "of pointers");
    Scalar scalar = e.scalarOf(tile);
    if (isFloat(scalar) && bitsOf(scalar) == 8) return unsupported(op, "of 8-bit floats");
    operands.tiles.push_back(tile);
    operands.identities.push_back(elementBytes(scalar, identityBits(region.front(), scalar)));
  }
  return operands;
}

/// The region with its arguments in pairs: (a0, b0, a1, b1, …) for (a0, a1, b0, b1, …).
Result<std::string> combiner(Emitter& e, mlir::Region& region, const Values& operands) {
  std::vector<TypeId> arguments;
  for (Value operand : operands)
    arguments.insert(arguments.end(), 2, e.types.withShape(operand.type, {}));
  Values inside = e.code.beginRegion(arguments);
  mlir::Block& block = region.front();
  for (unsigned i = 0; i < operands.size(); ++i) {
    e.set(block.getArgument(i), inside[2 * i]);
    e.set(block.getArgument(static_cast<unsigned>(operands.size()) + i), inside[2 * i + 1]);
  }
  if (auto done = e.emitMapped(block, {}); !done) return fail(done.error());
  e.code.terminator(Opcode::Yield, e.flattened(block.getTerminator()->getOperands()));
  return e.code.endRegion();
}

Result<void> reduce(Emitter& e, mlir::Operation& operation) {
  auto op = mlir::cast<tt::ReduceOp>(operation);
  // A tree over neighbours, as orderReductions() makes it, came out wrong on an H100 (tileiras 13.5.37;
  // Welford's sums over 2 × 64 to 1 × 2048), the same reduction as one operation right.
  if (tt::orderMatters(op.getCombineOp()))
    return unsupported(operation,
                       "whose operands may not be exchanged: the assembler takes them in any order");
  auto operands = operandsOf(e, operation, op.getCombineOp());
  if (!operands) return fail(operands.error());
  auto region = combiner(e, op.getCombineOp(), operands->tiles);
  if (!region) return fail(region.error());
  std::vector<TypeId> results;
  for (mlir::Type type : op.getResultTypes())
    results.push_back(e.type(type));
  Values values =
      e.code.reduce(results, static_cast<int>(op.getAxis()), operands->identities, operands->tiles, *region);
  for (auto [result, value] : llvm::zip(op.getResults(), values))
    e.set(result, value);
  return {};
}

Result<void> scan(Emitter& e, mlir::Operation& operation) {
  auto op = mlir::cast<tt::ScanOp>(operation);
  if (llvm::any_of(op.getOperands(), comesFromProduct))
    return unsupported(operation, "of what comes from a product: the assembler gets it wrong");
  auto operands = operandsOf(e, operation, op.getCombineOp());
  if (!operands) return fail(operands.error());
  auto region = combiner(e, op.getCombineOp(), operands->tiles);
  if (!region) return fail(region.error());
  std::vector<TypeId> results;
  for (mlir::Type type : op.getResultTypes())
    results.push_back(e.type(type));
  Values values = e.code.scan(results, static_cast<int>(op.getAxis()), op.getReverse(), operands->identities,
                              operands->tiles, *region);
  for (auto [result, value] : llvm::zip(op.getResults(), values))
    e.set(result, value);
  return {};
}

/// While it lives, scalars from outside that a mapped region reads are tiles of its shape.
class SpreadScalars {
public:
  SpreadScalars(Emitter& emitter, mlir::Region& region, const Shape& shape) : e(emitter) {
    mlir::visitUsedValuesDefinedAbove(region, region, [&](mlir::OpOperand* use) {
      mlir::Value value = use->get();
      if (!mlir::isa<mlir::RankedTensorType>(value.getType())) before.try_emplace(value, e.of(value));
    });
    for (auto& [value, tile] : before)
      e.set(value, e.splat(tile, shape));
  }
  ~SpreadScalars() {
    for (auto& [value, tile] : before)
      e.set(value, tile);
  }
  SpreadScalars(const SpreadScalars&) = delete;

private:
  Emitter& e;
  llvm::MapVector<mlir::Value, Value> before;
};

/// The region's scalars are the operands' tiles.
Result<void> map(Emitter& e, mlir::Operation& operation) {
  auto op = mlir::cast<tt::MapElementwiseOp>(operation);
  mlir::Region& region = op.getScalarOp();
  if (op.getPack() != 1) return unsupported(operation, "of several elements at a time");
  if (!region.hasOneBlock()) return unsupported(operation, "with branches");
  if (std::string why = regionRefusal(region); !why.empty()) return unsupported(operation, why);
  mlir::Block& block = region.front();
  for (auto [argument, source] : llvm::zip(block.getArguments(), op.getSrcs()))
    e.set(argument, e.of(source));
  Shape shape(tt::shapeOf(op.getSrcs().front().getType()));
  SpreadScalars spread(e, region, shape);
  if (auto done = e.emitMapped(block, shape); !done) return done;
  for (auto [result, yielded] : llvm::zip(op.getResults(), block.getTerminator()->getOperands())) {
    e.set(result, e.of(yielded));
  }
  return {};
}

} // namespace

void addReductions(OpTable& table) {
  table["tt.reduce"] = reduce;
  table["tt.scan"] = scan;
  table["tt.map_elementwise"] = map;
}

} // namespace tuned::tileir
