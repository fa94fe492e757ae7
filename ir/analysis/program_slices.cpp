// Which program ids and loops a scalar depends on.
#include "ir/analysis/program_domain.h"

#include <mlir/Dialect/Arith/IR/Arith.h>

namespace tuned::tt {

namespace {

namespace scf = mlir::scf;
using mlir::Value;
using Sources = llvm::SmallBitVector;

constexpr int kDeepest = 200; ///< operations behind each other; what lies deeper is not known

} // namespace

Slices::Slices(FuncOp function, std::optional<std::array<int64_t, 3>> grid) : grid_(grid) {
  function.walk<mlir::WalkOrder::PreOrder>([&](scf::ForOp loop) {
    numbers_[loop.getOperation()] = count();
    loops_.push_back(loop);
  });
}

const Sources* Slices::of(Value scalar) {
  const void* key = scalar.getAsOpaquePointer();
  if (auto found = known_.find(key); found != known_.end()) return found->second ? &*found->second : nullptr;
  if (depth_ >= kDeepest) return nullptr;
  known_[key] = std::nullopt; // while it is looked at: what depends on itself is not known
  ++depth_;
  auto sources = compute(scalar);
  --depth_;
  auto& kept = known_[key] = std::move(sources);
  return kept ? &*kept : nullptr;
}

bool Slices::join(Sources& into, Value scalar) {
  const Sources* sources = of(scalar);
  if (sources) into |= *sources;
  return sources != nullptr;
}

bool Slices::joinBounds(Sources& into, scf::ForOp loop) {
  return !loop.getUnsignedCmp() && join(into, loop.getLowerBound()) && join(into, loop.getUpperBound()) &&
         join(into, loop.getStep());
}

std::optional<Sources> Slices::compute(Value scalar) {
  if (!scalar.getType().isIntOrIndex()) return std::nullopt;
  if (auto argument = mlir::dyn_cast<mlir::BlockArgument>(scalar)) return computeArgument(argument);
  Sources sources(count());
  mlir::Operation* op = scalar.getDefiningOp();
  if (auto id = mlir::dyn_cast<GetProgramIdOp>(op)) {
    if (!grid_) return std::nullopt;
    sources.set(unsigned(id.getAxis()));
    return sources;
  }
  if (mlir::isa<GetNumProgramsOp>(op)) return grid_ ? std::optional(sources) : std::nullopt;
  unsigned number = mlir::cast<mlir::OpResult>(scalar).getResultNumber();
  if (auto loop = mlir::dyn_cast<scf::ForOp>(op)) {
    auto carried = recurrenceOf(loop.getRegionIterArg(number));
    if (!carried || !join(sources, carried->init)) return std::nullopt;
    if (!carried->step) return sources;
    // The step must be the same in all iterations: what is made outside of the loop is.
    if (!loop.isDefinedOutsideOfLoop(carried->step)) return std::nullopt;
    return join(sources, carried->step) && joinBounds(sources, loop) ? std::optional(sources) : std::nullopt;
  }
  if (auto branch = mlir::dyn_cast<scf::IfOp>(op)) {
    bool all = join(sources, branch.getCondition()) && join(sources, branch.thenYield().getOperand(number)) &&
               join(sources, branch.elseYield().getOperand(number));
    return all ? std::optional(sources) : std::nullopt;
  }
  if (!isScalarArithmetic(op)) return std::nullopt;
  for (Value operand : op->getOperands())
    if (!join(sources, operand)) return std::nullopt;
  return sources;
}

std::optional<Sources> Slices::computeArgument(mlir::BlockArgument argument) {
  auto loop = mlir::dyn_cast<scf::ForOp>(argument.getOwner()->getParentOp());
  if (!loop) return std::nullopt;
  Sources sources(count());
  if (argument == loop.getInductionVar()) {
    sources.set(number(loop));
    return joinBounds(sources, loop) ? std::optional(sources) : std::nullopt;
  }
  auto carried = recurrenceOf(argument);
  if (!carried || !join(sources, carried->init)) return std::nullopt;
  if (!carried->step) return sources;
  if (!loop.isDefinedOutsideOfLoop(carried->step)) return std::nullopt;
  sources.set(number(loop));
  return join(sources, carried->step) && joinBounds(sources, loop) ? std::optional(sources) : std::nullopt;
}

std::optional<Recurrence> recurrenceOf(mlir::BlockArgument argument) {
  auto loop = mlir::dyn_cast<scf::ForOp>(argument.getOwner()->getParentOp());
  if (!loop || argument.getArgNumber() == 0) return std::nullopt;
  unsigned number = argument.getArgNumber() - 1;
  Value init = loop.getInitArgs()[number], next = loop.getYieldedValues()[number];
  if (next == argument) return Recurrence{init, {}};
  mlir::Operation* op = next.getDefiningOp();
  if (!op || !mlir::isa<mlir::arith::AddIOp, AddPtrOp>(op)) return std::nullopt;
  if (op->getOperand(0) == argument) return Recurrence{init, op->getOperand(1)};
  if (op->getOperand(1) == argument) return Recurrence{init, op->getOperand(0)};
  return std::nullopt;
}

} // namespace tuned::tt
