// Linear forms over scalar values of a function: constant + Σ coefficient · atom, as exact integers.
#pragma once

#include <cstdint>
#include <llvm/ADT/SmallVector.h>
#include <mlir/IR/Value.h>
#include <optional>

namespace tuned::tt {

/// What a linear form is made of: a scalar integer, or a count of a loop's iterations.
struct Atom {
  enum class Kind {
    Plain,     ///< the value itself
    Iteration, ///< `value` is the induction variable of an scf.for: iterations that ran before, from 0
    Trips,     ///< `value` is the induction variable of an scf.for: how often it runs in all
  };
  mlir::Value value;
  Kind kind = Kind::Plain;
  int64_t divisor = 1; ///< the atom is that divided by this, and the division leaves no rest

  bool operator==(const Atom&) const = default;
};

struct LinearForm {
  struct Term {
    Atom atom;
    int64_t coefficient; ///< never 0
    bool operator==(const Term&) const = default;
  };
  int64_t constant = 0;
  llvm::SmallVector<Term, 4> terms; ///< each atom once, in the order in which they came

  static LinearForm ofConstant(int64_t value) { return {value, {}}; }
  static LinearForm ofValue(mlir::Value value) { return {0, {{Atom{value}, 1}}}; }
  static LinearForm ofAtom(Atom atom) { return {0, {{atom, 1}}}; }

  bool isConstant() const { return terms.empty(); }
  bool isZero() const { return terms.empty() && constant == 0; }
};

/// Sums and products; nullopt where a number does not fit 64 bits, or of more than 32 terms.
std::optional<LinearForm> add(const LinearForm& a, const LinearForm& b);
std::optional<LinearForm> subtract(const LinearForm& a, const LinearForm& b);
std::optional<LinearForm> scale(const LinearForm& a, int64_t factor);

/// Whether the two are the same function of their atoms, up to the constant.
bool sameTerms(const LinearForm& a, const LinearForm& b);

} // namespace tuned::tt
