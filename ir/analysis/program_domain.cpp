// Points and columns.
#include "ir/analysis/program_domain.h"

#include <mlir/Dialect/Arith/IR/Arith.h>

namespace tuned::tt {

namespace {

namespace scf = mlir::scf;
using mlir::Value;

constexpr int kDeepest = 400;

/// How often a loop from lower to upper runs; -1: for ever, or it is not known.
int64_t tripCount(int64_t lower, int64_t upper, int64_t step) {
  if (step <= 0) return -1;
  if (lower >= upper) return 0;
  uint64_t span = uint64_t(upper) - uint64_t(lower); // fits: upper is above lower
  uint64_t trips = (span - 1) / uint64_t(step) + 1;
  return trips > uint64_t(INT64_MAX) ? -1 : int64_t(trips);
}

} // namespace

std::optional<Domain> Domain::make(Slices& slices, const llvm::SmallBitVector& sources, int64_t limit) {
  Domain domain(slices, limit);
  for (unsigned source : sources.set_bits())
    if (!domain.expand(source)) return std::nullopt;
  return domain;
}

bool Domain::expand(unsigned source) {
  Column counts(points_), starts(points_, 0), steps(points_, 1);
  if (source < 3) {
    std::ranges::fill(counts, (*slices_->grid())[source]);
  } else {
    scf::ForOp loop = slices_->loop(source);
    const Column* lower = values(loop.getLowerBound());
    const Column* step = values(loop.getStep());
    auto times = trips(loop);
    if (!lower || !step || !times) return false;
    counts = std::move(*times), starts = *lower, steps = *step;
  }
  int64_t total = 0;
  for (int64_t count : counts)
    if (count < 0 || count > limit_ || (total += count) > limit_) return false;
  if (total == 0) return false;
  repeat(counts, size_t(total));
  Column counter, iteration;
  counter.reserve(size_t(total)), iteration.reserve(size_t(total));
  for (size_t i = 0; i < counts.size(); ++i)
    for (int64_t n = 0; n < counts[i]; ++n) {
      counter.push_back(starts[i] + n * steps[i]);
      iteration.push_back(n);
    }
  counters_[source] = std::move(counter);
  iterations_[source] = std::move(iteration);
  points_ = size_t(total);
  return true;
}

/// Each point becomes as many as its count says. Columns of values are computed again where they are needed.
void Domain::repeat(const Column& counts, size_t total) {
  auto repeated = [&](Column& column) {
    Column out;
    out.reserve(total);
    for (size_t i = 0; i < counts.size(); ++i)
      out.insert(out.end(), size_t(counts[i]), column[i]);
    column = std::move(out);
  };
  for (auto& [source, column] : counters_)
    repeated(column);
  for (auto& [source, column] : iterations_)
    repeated(column);
  columns_.clear();
}

const Column* Domain::values(Value scalar) {
  const void* key = scalar.getAsOpaquePointer();
  if (auto found = columns_.find(key); found != columns_.end())
    return found->second ? &*found->second : nullptr;
  if (depth_ >= kDeepest || spent_ > limit_) return nullptr;
  ++depth_;
  auto column = compute(scalar);
  --depth_;
  spent_ += int64_t(points_);
  auto& kept = columns_[key] = std::move(column);
  return kept ? &*kept : nullptr;
}

std::optional<Column> Domain::trips(scf::ForOp loop) {
  const Column* lower = values(loop.getLowerBound());
  const Column* upper = values(loop.getUpperBound());
  const Column* step = values(loop.getStep());
  if (!lower || !upper || !step) return std::nullopt;
  Column out(points_);
  for (size_t i = 0; i < points_; ++i)
    if ((out[i] = tripCount((*lower)[i], (*upper)[i], (*step)[i])) < 0) return std::nullopt;
  return out;
}

std::optional<Column> Domain::computeCarried(Value init, Value step, const Column& times, mlir::Type type) {
  const Column* first = values(init);
  if (!step) return first ? std::optional(*first) : std::nullopt;
  const Column* increment = values(step);
  if (!first || !increment) return std::nullopt;
  Column out(points_);
  for (size_t i = 0; i < points_; ++i)
    out[i] = wrapTo(type, int64_t(uint64_t((*first)[i]) + uint64_t((*increment)[i]) * uint64_t(times[i])));
  return out;
}

std::optional<Column> Domain::compute(Value scalar) {
  if (auto argument = mlir::dyn_cast<mlir::BlockArgument>(scalar)) {
    auto loop = mlir::dyn_cast<scf::ForOp>(argument.getOwner()->getParentOp());
    if (!loop) return std::nullopt;
    unsigned source = slices_->number(loop);
    if (argument == loop.getInductionVar()) {
      auto counter = counters_.find(source);
      return counter == counters_.end() ? std::nullopt : std::optional(counter->second);
    }
    auto carried = recurrenceOf(argument);
    auto times = iterations_.find(source);
    bool known = carried && (!carried->step || times != iterations_.end());
    if (!known) return std::nullopt;
    return computeCarried(carried->init, carried->step, carried->step ? times->second : Column(),
                          scalar.getType());
  }
  mlir::Operation* op = scalar.getDefiningOp();
  if (auto id = mlir::dyn_cast<GetProgramIdOp>(op)) {
    auto counter = counters_.find(unsigned(id.getAxis()));
    return counter == counters_.end() ? std::nullopt : std::optional(counter->second);
  }
  if (auto count = mlir::dyn_cast<GetNumProgramsOp>(op))
    return Column(points_, (*slices_->grid())[size_t(count.getAxis())]);
  unsigned number = mlir::cast<mlir::OpResult>(scalar).getResultNumber();
  if (auto loop = mlir::dyn_cast<scf::ForOp>(op)) {
    auto carried = recurrenceOf(loop.getRegionIterArg(number));
    if (!carried) return std::nullopt;
    auto times = carried->step ? trips(loop) : std::optional(Column());
    return times ? computeCarried(carried->init, carried->step, *times, scalar.getType()) : std::nullopt;
  }
  if (auto branch = mlir::dyn_cast<scf::IfOp>(op)) {
    const Column* condition = values(branch.getCondition());
    const Column* yes = values(branch.thenYield().getOperand(number));
    const Column* no = values(branch.elseYield().getOperand(number));
    if (!condition || !yes || !no) return std::nullopt;
    Column out(points_);
    for (size_t i = 0; i < points_; ++i)
      out[i] = (*condition)[i] != 0 ? (*yes)[i] : (*no)[i];
    return out;
  }
  llvm::SmallVector<const Column*, 3> operands;
  for (Value operand : op->getOperands()) {
    operands.push_back(values(operand));
    if (!operands.back()) return std::nullopt;
  }
  return applyScalar(op, operands, points_);
}

} // namespace tuned::tt
