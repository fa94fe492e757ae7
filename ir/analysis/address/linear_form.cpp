#include "ir/analysis/address/linear_form.h"

#include <llvm/ADT/STLExtras.h>

namespace tuned::tt {

namespace {

constexpr size_t kMostTerms = 32;

/// a + factor · b
std::optional<LinearForm> combine(const LinearForm& a, const LinearForm& b, int64_t factor) {
  LinearForm sum = a;
  int64_t product = 0;
  if (__builtin_mul_overflow(b.constant, factor, &product) ||
      __builtin_add_overflow(sum.constant, product, &sum.constant))
    return std::nullopt;
  for (const LinearForm::Term& term : b.terms) {
    if (__builtin_mul_overflow(term.coefficient, factor, &product)) return std::nullopt;
    auto known = llvm::find_if(sum.terms, [&](const LinearForm::Term& t) { return t.atom == term.atom; });
    if (known == sum.terms.end())
      sum.terms.push_back({term.atom, product});
    else if (__builtin_add_overflow(known->coefficient, product, &known->coefficient))
      return std::nullopt;
  }
  llvm::erase_if(sum.terms, [](const LinearForm::Term& term) { return term.coefficient == 0; });
  return sum.terms.size() <= kMostTerms ? std::optional(sum) : std::nullopt;
}

} // namespace

std::optional<LinearForm> add(const LinearForm& a, const LinearForm& b) {
  return combine(a, b, 1);
}

std::optional<LinearForm> subtract(const LinearForm& a, const LinearForm& b) {
  return combine(a, b, -1);
}

std::optional<LinearForm> scale(const LinearForm& a, int64_t factor) {
  return combine({}, a, factor);
}

bool sameTerms(const LinearForm& a, const LinearForm& b) {
  auto difference = subtract(a, b);
  return difference && difference->isConstant();
}

} // namespace tuned::tt
