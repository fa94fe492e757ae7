#include "ir/analysis/program_grid.h"

#include "ir/analysis/program_domain.h"

#include <mlir/Dialect/Arith/IR/Arith.h>
#include <numeric>

namespace tuned::tt {

namespace {

namespace arith = mlir::arith;
namespace scf = mlir::scf;
using mlir::Value;
using Sources = llvm::SmallBitVector;

/// The most evaluations for one function: what is asked after that is not known.
constexpr int64_t kTotalLimit = 32 * ProgramGrid::limit;

constexpr int kDeepest = 100; ///< operations that linear() looks through

ScalarFacts factsOf(const Column& column) {
  ScalarFacts facts{column.front(), column.front(), 0};
  for (int64_t value : column) {
    facts.lower = std::min(facts.lower, value);
    facts.upper = std::max(facts.upper, value);
    // A divisor of 2^63 would not be a number of 64 bits with a sign.
    facts.divisor =
        value == INT64_MIN ? std::gcd(facts.divisor, int64_t(1) << 62) : std::gcd(facts.divisor, value);
  }
  return facts;
}

/// Terms whose sources meet, evaluated together; those of other groups vary on their own.
struct Group {
  Sources sources;
  llvm::SmallVector<LinearForm::Term, 4> terms;
};

/// The loop of an induction variable.
scf::ForOp loopOf(Value induction) {
  return mlir::cast<scf::ForOp>(induction.getParentBlock()->getParentOp());
}

std::optional<int64_t> constantOf(Value value) {
  auto constant = value.getDefiningOp<arith::ConstantOp>();
  auto number = constant ? mlir::dyn_cast<mlir::IntegerAttr>(constant.getValue()) : mlir::IntegerAttr();
  if (!number || number.getValue().getBitWidth() > 64) return std::nullopt;
  return wrapTo(value.getType(), number.getValue().getSExtValue());
}

/// min(other, bound), or max.
struct Bound {
  Value other;
  int64_t bound;
  bool above; ///< nothing is above the bound
};

std::optional<Bound> boundOf(Value value) {
  mlir::Operation* op = value.getDefiningOp();
  if (!op || !mlir::isa<arith::MinSIOp, arith::MaxSIOp>(op)) return std::nullopt;
  for (unsigned i : {0u, 1u})
    if (auto bound = constantOf(op->getOperand(i)))
      return Bound{op->getOperand(1 - i), *bound, mlir::isa<arith::MinSIOp>(op)};
  return std::nullopt;
}

std::optional<ScalarFacts> times(const ScalarFacts& facts, int64_t factor) {
  ScalarFacts out;
  if (factor == INT64_MIN || __builtin_mul_overflow(facts.lower, factor, &out.lower) ||
      __builtin_mul_overflow(facts.upper, factor, &out.upper) ||
      __builtin_mul_overflow(facts.divisor, std::abs(factor), &out.divisor))
    return std::nullopt;
  if (factor < 0) std::swap(out.lower, out.upper);
  return out;
}

} // namespace

class ProgramGrid::Impl {
public:
  Impl(FuncOp function, std::optional<std::array<int64_t, 3>> grid) : slices_(function, grid) {}

  std::optional<ScalarFacts> of(const LinearForm& form, mlir::Operation* at) {
    ScalarFacts facts{form.constant, form.constant, form.constant == INT64_MIN ? 1 : std::abs(form.constant)};
    auto add = [&](const std::optional<ScalarFacts>& part) {
      if (!part || __builtin_add_overflow(facts.lower, part->lower, &facts.lower) ||
          __builtin_add_overflow(facts.upper, part->upper, &facts.upper))
        return false;
      facts.divisor = std::gcd(facts.divisor, part->divisor);
      return true;
    };
    LinearForm evaluated;
    for (const LinearForm::Term& term : form.terms) {
      auto range = clampedTo(term.atom);
      if (!range)
        evaluated.terms.push_back(term);
      else if (!add(times(*range, term.coefficient)))
        return std::nullopt;
    }
    auto groups = groupsOf(evaluated, at);
    if (!groups) return std::nullopt;
    for (const Group& group : *groups)
      if (!add(ofGroup(group, at))) return std::nullopt;
    return facts;
  }

  std::optional<std::vector<Column>> rows(llvm::ArrayRef<LinearForm> forms) {
    Sources sources(slices_.count());
    for (const LinearForm& form : forms)
      for (const LinearForm::Term& term : form.terms)
        if (!joinSources(sources, term.atom)) return std::nullopt;
    Domain* domain = domainOf(sources);
    if (!domain) return std::nullopt;
    std::vector<Column> columns;
    for (const LinearForm& form : forms) {
      auto column = sum(*domain, form.terms, form.constant);
      if (!column) return std::nullopt;
      columns.push_back(std::move(*column));
    }
    return columns;
  }

  LinearForm linear(Value scalar, int depth) {
    if (auto number = constantOf(scalar)) return LinearForm::ofConstant(*number);
    LinearForm opaque = LinearForm::ofValue(scalar);
    if (depth > kDeepest) return opaque;
    const void* key = scalar.getAsOpaquePointer();
    if (auto found = forms_.find(key); found != forms_.end()) return found->second;
    forms_[key] = opaque; // while it is looked at
    bool carriedByLoop = mlir::isa<mlir::BlockArgument>(scalar) || scalar.getDefiningOp<scf::ForOp>();
    auto form = carriedByLoop ? carried(scalar, depth) : throughOperation(scalar, depth);
    return forms_[key] = form.value_or(opaque);
  }

private:
  /// The range of a number that nobody knows (from memory, say), but that is kept between two constants.
  std::optional<ScalarFacts> clampedTo(const Atom& atom) {
    if (atom.kind != Atom::Kind::Plain || atom.divisor != 1 || slices_.of(atom.value)) return std::nullopt;
    auto outer = boundOf(atom.value);
    auto inner = outer ? boundOf(outer->other) : std::nullopt;
    if (!inner || inner->above == outer->above) return std::nullopt;
    if (outer->above) return ScalarFacts{std::min(inner->bound, outer->bound), outer->bound, 1};
    return ScalarFacts{outer->bound, std::max(inner->bound, outer->bound), 1};
  }

  std::optional<LinearForm> throughOperation(Value scalar, int depth) {
    mlir::Operation* op = scalar.getDefiningOp();
    auto operand = [&](unsigned i) { return linear(op->getOperand(i), depth + 1); };
    if (mlir::isa<arith::AddIOp>(op)) return add(operand(0), operand(1));
    if (mlir::isa<arith::SubIOp>(op)) return subtract(operand(0), operand(1));
    if (mlir::isa<arith::MulIOp>(op)) {
      LinearForm a = operand(0), b = operand(1);
      if (b.isConstant()) return scale(a, b.constant);
      if (a.isConstant()) return scale(b, a.constant);
      return std::nullopt;
    }
    if (mlir::isa<arith::ShLIOp>(op)) {
      auto shift = constantOf(op->getOperand(1));
      return shift && *shift >= 0 && *shift < 32 ? scale(operand(0), int64_t(1) << *shift) : std::nullopt;
    }
    if (mlir::isa<arith::ExtSIOp, arith::ExtUIOp, arith::IndexCastOp>(op)) {
      mlir::Type from = op->getOperand(0).getType();
      if (from.isInteger(1)) return std::nullopt;
      LinearForm inner = operand(0);
      auto facts = of(inner, nullptr);
      bool kept = facts && fits(*facts, from) && (!mlir::isa<arith::ExtUIOp>(op) || facts->lower >= 0);
      return kept ? std::optional(inner) : std::nullopt;
    }
    // Truncation keeps the value modulo the narrower width, which is all that is promised.
    if (mlir::isa<arith::TruncIOp>(op)) return operand(0);
    return std::nullopt;
  }

  /// init + step · iterations, of a value that a loop carries.
  std::optional<LinearForm> carried(Value scalar, int depth) {
    auto argument = mlir::dyn_cast<mlir::BlockArgument>(scalar);
    bool result = !argument;
    if (result) {
      auto loop = scalar.getDefiningOp<scf::ForOp>();
      argument = loop.getRegionIterArg(mlir::cast<mlir::OpResult>(scalar).getResultNumber());
    }
    auto recurrence = recurrenceOf(argument);
    if (!recurrence) return std::nullopt;
    LinearForm init = linear(recurrence->init, depth + 1);
    if (!recurrence->step) return init;
    LinearForm step = linear(recurrence->step, depth + 1);
    if (!step.isConstant()) return std::nullopt;
    auto loop = mlir::cast<scf::ForOp>(argument.getOwner()->getParentOp());
    auto moved = scale(LinearForm::ofAtom(counterOf(loop, result)), step.constant);
    return moved ? add(init, *moved) : std::nullopt;
  }

  static Atom counterOf(scf::ForOp loop, bool all) {
    bool counts = constantOf(loop.getLowerBound()) == 0 && constantOf(loop.getStep()) == 1;
    if (all) return {loop.getInductionVar(), Atom::Kind::Trips};
    return {loop.getInductionVar(), counts ? Atom::Kind::Plain : Atom::Kind::Iteration};
  }

  bool joinSources(Sources& into, const Atom& atom) {
    if (atom.kind != Atom::Kind::Trips) {
      const Sources* sources = slices_.of(atom.value);
      if (sources) into |= *sources;
      return sources != nullptr;
    }
    auto loop = loopOf(atom.value);
    if (loop.getUnsignedCmp()) return false;
    for (Value bound : {loop.getLowerBound(), loop.getUpperBound(), loop.getStep()}) {
      const Sources* sources = slices_.of(bound);
      if (!sources) return false;
      into |= *sources;
    }
    return true;
  }

  std::optional<std::vector<Group>> groupsOf(const LinearForm& form, mlir::Operation* at) {
    std::vector<Group> groups;
    for (const LinearForm::Term& term : form.terms) {
      Group merged{Sources(slices_.count()), {term}};
      if (!joinSources(merged.sources, term.atom)) return std::nullopt;
      for (size_t i = groups.size(); i-- > 0;) {
        if (!groups[i].sources.anyCommon(merged.sources)) continue;
        merged.sources |= groups[i].sources;
        merged.terms.append(groups[i].terms.begin(), groups[i].terms.end());
        groups.erase(groups.begin() + long(i));
      }
      groups.push_back(std::move(merged));
    }
    for (Group& group : groups)
      for (auto [condition, wanted] : conditionsAround(at))
        if (const Sources* sources = slices_.of(condition); sources && sources->anyCommon(group.sources))
          group.sources |= *sources;
    return groups;
  }

  static llvm::SmallVector<std::pair<Value, bool>> conditionsAround(mlir::Operation* at) {
    llvm::SmallVector<std::pair<Value, bool>> conditions;
    for (; at; at = at->getParentOp())
      if (auto branch = mlir::dyn_cast_or_null<scf::IfOp>(at->getParentOp()))
        conditions.push_back({branch.getCondition(), at->getParentRegion() == &branch.getThenRegion()});
    return conditions;
  }

  std::optional<ScalarFacts> ofGroup(const Group& group, mlir::Operation* at) {
    Domain* domain = domainOf(group.sources);
    if (!domain) return std::nullopt;
    auto column = sum(*domain, group.terms, 0);
    if (!column) return std::nullopt;
    std::vector<bool> kept(column->size(), true);
    for (auto [condition, wanted] : conditionsAround(at)) {
      const Sources* sources = slices_.of(condition);
      if (!sources || sources->test(group.sources)) continue; // it depends on more than the group
      const Column* truth = domain->values(condition);
      for (size_t i = 0; truth && i < kept.size(); ++i)
        kept[i] = kept[i] && ((*truth)[i] != 0) == wanted;
    }
    Column reached;
    for (size_t i = 0; i < kept.size(); ++i)
      if (kept[i]) reached.push_back((*column)[i]);
    return reached.empty() ? std::nullopt : std::optional(factsOf(reached));
  }

  std::optional<Column> sum(Domain& domain, llvm::ArrayRef<LinearForm::Term> terms, int64_t constant) {
    Column out(domain.points(), constant);
    for (const LinearForm::Term& term : terms) {
      auto column = atomColumn(domain, term.atom);
      if (!column) return std::nullopt;
      for (size_t i = 0; i < out.size(); ++i) {
        int64_t product = 0;
        if (__builtin_mul_overflow((*column)[i], term.coefficient, &product) ||
            __builtin_add_overflow(out[i], product, &out[i]))
          return std::nullopt;
      }
    }
    spent_ += int64_t(domain.points());
    return out;
  }

  std::optional<Column> atomColumn(Domain& domain, const Atom& atom) {
    std::optional<Column> column;
    if (atom.kind == Atom::Kind::Plain) {
      if (const Column* values = domain.values(atom.value)) column = *values;
    } else {
      auto loop = loopOf(atom.value);
      column = atom.kind == Atom::Kind::Trips ? domain.trips(loop) : std::optional(domain.iterations(loop));
    }
    if (!column || atom.divisor == 1) return column;
    for (int64_t& value : *column) {
      if (value % atom.divisor != 0) return std::nullopt; // then the atom promised too much
      value /= atom.divisor;
    }
    return column;
  }

  Domain* domainOf(const Sources& sources) {
    int64_t all = spent_;
    for (auto& [known, domain] : domains_)
      all += domain ? domain->spent() : 0;
    if (all > kTotalLimit) return nullptr;
    auto found = llvm::find_if(domains_, [&](auto& entry) { return entry.first == sources; });
    if (found == domains_.end()) {
      auto made = Domain::make(slices_, sources, limit);
      domains_.emplace_back(sources, made ? std::make_unique<Domain>(std::move(*made)) : nullptr);
      found = std::prev(domains_.end());
    }
    return found->second.get();
  }

  Slices slices_;
  std::vector<std::pair<Sources, std::unique_ptr<Domain>>> domains_;
  std::map<const void*, LinearForm> forms_;
  int64_t spent_ = 0;
};

ProgramGrid::ProgramGrid(FuncOp function, std::optional<std::array<int64_t, 3>> grid)
    : impl_(std::make_unique<Impl>(function, grid)) {}
ProgramGrid::~ProgramGrid() = default;
ProgramGrid::ProgramGrid(ProgramGrid&&) noexcept = default;

std::optional<ScalarFacts> ProgramGrid::of(Value scalar, mlir::Operation* at) {
  return impl_->of(LinearForm::ofValue(scalar), at);
}
std::optional<ScalarFacts> ProgramGrid::of(const LinearForm& form, mlir::Operation* at) {
  return impl_->of(form, at);
}
std::optional<std::vector<Column>> ProgramGrid::rows(llvm::ArrayRef<LinearForm> forms) {
  return impl_->rows(forms);
}
LinearForm ProgramGrid::linear(Value scalar) {
  return impl_->linear(scalar, 0);
}

bool fits(const ScalarFacts& facts, mlir::Type type) {
  return wrapTo(type, facts.lower) == facts.lower && wrapTo(type, facts.upper) == facts.upper;
}

} // namespace tuned::tt
