// Integer expressions over sizes and parameters: grids, shapes, work, constraints and template holes.
#pragma once

#include "base/error.h"

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>

namespace tuned {

/// Names to values, in name order so that two equal ones print the same.
using Bindings = std::map<std::string, int64_t>;

/// C-like integer expressions: + - * / % (toward zero), comparisons, && || !, ?:, parentheses, decimal
/// numbers, names, and cdiv(a,b) min max next_power_of_2(a) log2(a) abs(a). Comparisons give 0 or 1.
class Expression {
public:
  static Result<Expression> parse(const std::string& text);
  /// InvalidInput names an unbound name, a division by zero, or a result beyond 64 bits.
  Result<int64_t> evaluate(const Bindings& bindings) const;
  const std::set<std::string>& names() const { return names_; }
  const std::string& text() const { return text_; }
  struct Node;

private:
  std::string text_;
  std::set<std::string> names_;
  std::shared_ptr<const Node> root_;
};

} // namespace tuned
