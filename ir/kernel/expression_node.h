// The tree behind an Expression; private to expression*.cpp.
#pragma once

#include "ir/kernel/expression.h"

#include <vector>

namespace tuned {

struct Expression::Node {
  enum class Kind {
    Number,
    Name,
    Negate,
    Not,
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Conditional,
    CeilDivide,
    Minimum,
    Maximum,
    NextPowerOf2,
    Log2,
    Absolute,
  };
  Kind kind = Kind::Number;
  int64_t value = 0;
  std::string name;
  std::vector<std::shared_ptr<const Node>> operands;
};

} // namespace tuned
