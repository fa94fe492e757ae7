// Loops, branches and what a program knows of its grid. Values and tokens that a region changes are carried
// through it.
#include "backend/tileir/emit/emitter.h"
#include "ir/analysis/loop_counter.h"

#include <mlir/Dialect/Arith/IR/Arith.h>
#include <mlir/Dialect/SCF/IR/SCF.h>
#include <mlir/IR/Matchers.h>
#include <mlir/Interfaces/SideEffectInterfaces.h>

namespace tuned::tileir {
namespace {

namespace scf = mlir::scf;

void append(Values& list, const Values& more) {
  list.insert(list.end(), more.begin(), more.end());
}

bool isScalar(Emitter& e, Value value) {
  return e.types.shape(value.type).empty();
}

std::vector<TypeId> typesOf(std::span<const Value> values) {
  std::vector<TypeId> types;
  for (Value value : values)
    types.push_back(value.type);
  return types;
}

using Range = tt::BoundRange;

/// What a scalar lies between, told from the programs of the grid, from the narrower type that it comes from,
/// or from a division by a constant.
Range rangeOf(Emitter& e, mlir::Value scalar) {
  if (auto facts = e.grid.of(scalar)) return {facts->lower, facts->upper};
  auto type = mlir::dyn_cast<mlir::IntegerType>(scalar.getType());
  if (!type) return {INT64_MIN, INT64_MAX};
  const unsigned width = type.getWidth();
  const Range all = {llvm::APInt::getSignedMinValue(width).getSExtValue(),
                     llvm::APInt::getSignedMaxValue(width).getSExtValue()};
  llvm::APInt number;
  if (mlir::matchPattern(scalar, mlir::m_ConstantInt(&number)))
    return {number.getSExtValue(), number.getSExtValue()};
  mlir::Operation* op = scalar.getDefiningOp();
  if (mlir::isa_and_nonnull<tt::GetProgramIdOp, tt::GetNumProgramsOp>(op)) return {0, all.most};
  if (auto extended = mlir::dyn_cast_or_null<mlir::arith::ExtSIOp>(op)) return rangeOf(e, extended.getIn());
  if (auto extended = mlir::dyn_cast_or_null<mlir::arith::ExtUIOp>(op)) {
    const unsigned narrow = mlir::cast<mlir::IntegerType>(extended.getIn().getType()).getWidth();
    return {0, static_cast<int64_t>(llvm::APInt::getMaxValue(narrow).getZExtValue())};
  }
  auto divided = mlir::dyn_cast_or_null<mlir::arith::DivSIOp>(op);
  if (divided && mlir::matchPattern(divided.getRhs(), mlir::m_ConstantInt(&number)) &&
      number.isStrictlyPositive())
    return {all.least / number.getSExtValue(), all.most / number.getSExtValue()};
  return all;
}

/// The assembler issues loads ahead, and then compares with bounds that it moved by some rounds: where these
/// pass an end of the counter's type, it takes rounds that are not there, or for ever (13.5, sm_90; twelve
/// rounds were seen).
int64_t roundsAhead(scf::ForOp loop) {
  auto loads = [](mlir::Operation* op) {
    return mlir::isa<tt::LoadOp, tt::DescriptorLoadOp, tt::DescriptorGatherOp>(op)
               ? mlir::WalkResult::interrupt()
               : mlir::WalkResult::advance();
  };
  constexpr int64_t enough = 64;
  return loop.getBody()->walk(loads).wasInterrupted() ? enough : 0;
}

/// How a loop counts so that its counter never passes the end of its type.
enum class Counting {
  AsItIs, ///< it never would
  Wider,  ///< in 64 bits
  Rounds, ///< over its rounds, each of which computes its counter
};

/// A bound keeps within its limit: it is known to, or on a condition of the launch; or neither.
struct Kept {
  bool keeps = false;
  std::optional<LaunchCondition> condition;
};

Kept keeps(Emitter& e, mlir::Value bound, LaunchCondition::Kind side, int64_t limit) {
  const bool most = side == LaunchCondition::Kind::AtMost;
  const Range known = rangeOf(e, bound);
  if (most ? known.most <= limit : known.least >= limit) return {true, std::nullopt};
  auto argument = mlir::dyn_cast<mlir::BlockArgument>(bound);
  auto function = argument ? mlir::dyn_cast<tt::FuncOp>(argument.getOwner()->getParentOp()) : nullptr;
  if (!function) return {};
  const int number = static_cast<int>(argument.getArgNumber());
  return {true, LaunchCondition{.kind = side, .argument = number, .value = limit}};
}

/// What is known of the bounds, of at most 32 bits, says that their type counts the way between them.
bool nearEachOther(Emitter& e, scf::ForOp loop) {
  const unsigned width = loop.getUpperBound().getType().getIntOrFloatBitWidth();
  int64_t way = 0;
  if (__builtin_sub_overflow(rangeOf(e, loop.getUpperBound()).most, rangeOf(e, loop.getLowerBound()).least,
                             &way))
    return false;
  return way <= llvm::APInt::getSignedMaxValue(width).getSExtValue();
}

Counting countingOf(Emitter& e, scf::ForOp loop) {
  using Kind = LaunchCondition::Kind;
  const int64_t ahead = roundsAhead(loop);
  mlir::Value lower = loop.getLowerBound(), upper = loop.getUpperBound();
  const bool widest = upper.getType().getIntOrFloatBitWidth() == 64;
  if (!widest && tt::boundsMayBeFarApart(loop) && !nearEachOther(e, loop)) return Counting::Wider;
  if (ahead == 0 && !tt::counterMayWrap(loop, rangeOf(e, upper).most)) return Counting::AsItIs;
  if (auto range = tt::boundsWithRoom(loop, ahead)) {
    const Kept below = ahead == 0 ? Kept{true, {}} : keeps(e, lower, Kind::AtLeast, range->least);
    const Kept above = keeps(e, upper, Kind::AtMost, range->most);
    const bool known = below.keeps && above.keeps && !below.condition && !above.condition;
    if (known) return Counting::AsItIs;
    if (widest && below.keeps && above.keeps) { // more bits cost less than a condition, where there are any
      for (const auto& condition : {below.condition, above.condition})
        if (condition) e.require(*condition);
      return Counting::AsItIs;
    }
  }
  return widest ? Counting::Rounds : Counting::Wider;
}

/// A step of 0, with which a loop is undefined, is taken for 1.
Value sound(Emitter& e, Value step) {
  Value zero = e.integer(step.type, 0), one = e.integer(step.type, 1);
  return e.select(e.compare(Predicate::Equal, step, zero), one, step);
}

/// How many rounds a loop takes; 2^62 where it would never end anyway.
Value rounds(Emitter& e, Value lower, Value upper, Value step, Sign sign) {
  Value zero = e.integer(lower.type, 0), one = e.integer(lower.type, 1);
  Value way = e.sub(e.sub(upper, lower), one);
  Value count = e.add(e.divide(way, step, Sign::Unsigned), one);
  Value endless = e.integer(lower.type, int64_t(1) << 62);
  count = e.select(e.compare(Predicate::Less, count, endless, Sign::Unsigned), count, endless);
  return e.select(e.compare(Predicate::Less, lower, upper, sign), count, zero);
}

Result<void> forLoop(Emitter& e, mlir::Operation& op) {
  auto loop = mlir::cast<scf::ForOp>(op);
  Effects effects = e.effects(&op);
  Values inits = e.flattened(loop.getInitArgs());
  append(inits, e.tokens.carried(effects));
  Value lower = e.of(loop.getLowerBound()), upper = e.of(loop.getUpperBound()), step = e.of(loop.getStep());
  for (Value bound : {lower, upper, step})
    if (!isScalar(e, bound)) return unsupported(op, "a loop for each element");
  const Sign sign = loop.getUnsignedCmp() ? Sign::Unsigned : Sign::Signed;
  const Counting counting = countingOf(e, loop);
  if (counting != Counting::AsItIs && !mlir::isConstantIntValue(loop.getStep(), 1)) step = sound(e, step);
  const Value first = lower, stride = step;
  if (counting == Counting::Rounds) {
    upper = rounds(e, lower, upper, step, sign);
    lower = e.integer(first.type, 0);
    step = e.integer(first.type, 1);
  } else if (counting == Counting::Wider) {
    for (Value* bound : {&lower, &upper, &step})
      *bound = e.extend(*bound, e.types.tile(Scalar::I64, {}), sign);
  }
  std::vector<TypeId> arguments = typesOf(inits);
  arguments.insert(arguments.begin(), lower.type);
  Values inside = e.code.beginRegion(arguments);
  Value counter = inside.front();
  if (counting == Counting::Rounds) counter = e.add(first, e.mul(counter, stride));
  if (counting == Counting::Wider) counter = e.truncate(counter, first.type);
  e.set(loop.getInductionVar(), counter);
  e.tokens.restore(effects, e.bind(loop.getRegionIterArgs(), std::span(inside).subspan(1)));
  if (auto done = e.emitBlock(*loop.getBody()); !done) return done;
  Values next = e.flattened(loop.getYieldedValues());
  append(next, e.tokens.carried(effects));
  e.code.terminator(Opcode::Continue, next);
  std::string body = e.code.endRegion();
  const bool isUnsigned = counting == Counting::AsItIs && sign == Sign::Unsigned;
  Values results = e.code.forLoop(isUnsigned, lower, upper, step, inits, body);
  e.tokens.restore(effects, e.bind(loop.getResults(), results));
  return {};
}

/// A side of a branch: its operations and what it yields.
Result<std::string> side(Emitter& e, mlir::Block* block, Effects effects) {
  e.code.beginRegion({});
  Values yielded;
  if (block) {
    if (auto done = e.emitBlock(*block); !done) return fail(done.error());
    yielded = e.flattened(block->getTerminator()->getOperands());
  }
  append(yielded, e.tokens.carried(effects));
  e.code.terminator(Opcode::Yield, yielded);
  return e.code.endRegion();
}

/// A branch of a mapped region: both sides are computed, and each element takes its own.
Result<void> choose(Emitter& e, scf::IfOp branch, Value condition) {
  if (!mlir::isMemoryEffectFree(branch)) return unsupported(*branch, "a branch for each element that acts");
  for (mlir::Block* block : {branch.thenBlock(), branch.elseBlock()})
    if (block)
      if (auto done = e.emitBlock(*block); !done) return done;
  const Shape shape = e.types.shape(condition.type);
  auto everywhere = [&](mlir::Value value) {
    Value tile = e.of(value);
    return isScalar(e, tile) ? e.splat(tile, shape) : tile;
  };
  for (auto [result, yes, no] :
       llvm::zip(branch.getResults(), branch.thenYield().getOperands(), branch.elseYield().getOperands()))
    e.set(result, e.select(condition, everywhere(yes), everywhere(no)));
  return {};
}

Result<void> ifElse(Emitter& e, mlir::Operation& op) {
  auto branch = mlir::cast<scf::IfOp>(op);
  Effects effects = e.effects(&op);
  Value condition = e.of(branch.getCondition());
  if (!isScalar(e, condition)) {
    if (branch.getNumResults() > 0) return choose(e, branch, condition);
    if (mlir::isMemoryEffectFree(branch)) return {};
    return unsupported(op, "a branch for each element that acts");
  }
  Values before = e.tokens.carried(effects);
  auto then = side(e, branch.thenBlock(), effects);
  if (!then) return fail(then.error());
  e.tokens.restore(effects, before);
  auto otherwise = side(e, branch.elseBlock(), effects);
  if (!otherwise) return fail(otherwise.error());
  std::vector<TypeId> types;
  for (mlir::Type type : branch.getResultTypes())
    e.appendTypes(type, types);
  types.insert(types.end(), before.size(), e.types.token());
  Values results = e.code.ifElse(types, condition, *then, *otherwise);
  e.tokens.restore(effects, e.bind(branch.getResults(), results));
  return {};
}

/// loop { before; if not condition break; after }
Result<void> whileLoop(Emitter& e, mlir::Operation& op) {
  auto loop = mlir::cast<scf::WhileOp>(op);
  Effects effects = e.effects(&op);
  Values inits = e.flattened(loop.getInits());
  append(inits, e.tokens.carried(effects));
  Values inside = e.code.beginRegion(typesOf(inits));
  e.tokens.restore(effects, e.bind(loop.getBeforeArguments(), inside));
  if (auto done = e.emitBlock(*loop.getBeforeBody()); !done) return done;
  Values passed = e.flattened(loop.getConditionOp().getArgs());
  Value condition = e.of(loop.getConditionOp().getCondition());
  if (!isScalar(e, condition)) return unsupported(op, "a loop for each element");
  size_t valueCount = passed.size();
  append(passed, e.tokens.carried(effects));
  e.code.beginRegion({});
  e.code.terminator(Opcode::Yield, {});
  std::string goOn = e.code.endRegion();
  e.code.beginRegion({});
  e.code.terminator(Opcode::Break, passed);
  std::string stop = e.code.endRegion();
  e.code.ifElse({}, condition, goOn, stop);
  e.bind(loop.getAfterArguments(), std::span(passed).first(valueCount));
  if (auto done = e.emitBlock(*loop.getAfterBody()); !done) return done;
  Values next = e.flattened(loop.getYieldOp().getOperands());
  append(next, e.tokens.carried(effects));
  e.code.terminator(Opcode::Continue, next);
  std::string body = e.code.endRegion();
  Values results = e.code.loop(typesOf(passed), inits, body);
  e.tokens.restore(effects, e.bind(loop.getResults(), results));
  return {};
}

Result<void> programId(Emitter& e, mlir::Operation& op) {
  auto axis = static_cast<size_t>(mlir::cast<tt::GetProgramIdOp>(op).getAxis());
  e.set(op.getResult(0), e.code.blockIds(Opcode::GetTileBlockId)[axis]);
  return {};
}

Result<void> numPrograms(Emitter& e, mlir::Operation& op) {
  auto axis = static_cast<size_t>(mlir::cast<tt::GetNumProgramsOp>(op).getAxis());
  e.set(op.getResult(0), e.code.blockIds(Opcode::GetNumTileBlocks)[axis]);
  return {};
}

Result<void> assertion(Emitter& e, mlir::Operation& op) {
  auto check = mlir::cast<tt::AssertOp>(op);
  e.code.assertion(check.getMessage().str(), e.of(check.getCondition()));
  return {};
}

/// What llvm.intr.assume says was read by the analyses; a barrier orders no more than the tokens do.
Result<void> nothing(Emitter&, mlir::Operation&) {
  return {};
}

} // namespace

void addControl(OpTable& table) {
  table["scf.for"] = forLoop;
  table["scf.if"] = ifElse;
  table["scf.while"] = whileLoop;
  table["tt.get_program_id"] = programId;
  table["tt.get_num_programs"] = numPrograms;
  table["tt.assert"] = assertion;
  table["llvm.intr.assume"] = nothing;
  table["gpu.barrier"] = nothing;
}

} // namespace tuned::tileir
