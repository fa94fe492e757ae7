// Evaluation in 64 bits; every overflow is an error and never a wrapped number.
#include "ir/kernel/expression.h"
#include "ir/kernel/expression_node.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace tuned {
namespace {

using Kind = Expression::Node::Kind;
constexpr int64_t kLowest = std::numeric_limits<int64_t>::min();

struct Evaluator {
  const Bindings& bindings;
  const std::string& text;

  std::unexpected<Error> problem(const std::string& what) const {
    return fail(ErrorKind::InvalidInput, "expression `" + text + "`: " + what);
  }
  std::unexpected<Error> overflow() const { return problem("the result is beyond 64 bits"); }

  Result<int64_t> evaluate(const Expression::Node& node) const {
    switch (node.kind) {
    case Kind::Number:
      return node.value;
    case Kind::Name:
      return lookUp(node.name);
    case Kind::Or:
    case Kind::And:
    case Kind::Conditional:
      return branch(node);
    default:
      break;
    }
    auto left = evaluate(*node.operands[0]);
    if (!left) return left;
    if (node.operands.size() == 1) return unary(node.kind, *left);
    auto right = evaluate(*node.operands[1]);
    if (!right) return right;
    return binary(node.kind, *left, *right);
  }

  Result<int64_t> lookUp(const std::string& name) const {
    auto found = bindings.find(name);
    if (found != bindings.end()) return found->second;
    std::string known;
    for (const auto& [key, value] : bindings)
      known += (known.empty() ? "" : ", ") + key;
    return fail(ErrorKind::InvalidInput, "expression `" + text + "`: unknown name '" + name + "'",
                known.empty() ? "no names are known here" : "known are " + known);
  }

  // Only the operand that decides is evaluated, so that `n > 0 && m / n` is safe.
  Result<int64_t> branch(const Expression::Node& node) const {
    auto first = evaluate(*node.operands[0]);
    if (!first) return first;
    if (node.kind == Kind::Conditional) return evaluate(*node.operands[*first ? 1 : 2]);
    if (node.kind == Kind::Or && *first) return 1;
    if (node.kind == Kind::And && !*first) return 0;
    auto second = evaluate(*node.operands[1]);
    if (!second) return second;
    return *second != 0 ? 1 : 0;
  }

  Result<int64_t> unary(Kind kind, int64_t a) const {
    switch (kind) {
    case Kind::Not:
      return a == 0 ? 1 : 0;
    case Kind::Absolute:
      if (a >= 0) return a;
      [[fallthrough]];
    case Kind::Negate:
      if (a == kLowest) return overflow();
      return -a;
    case Kind::NextPowerOf2:
      if (a > int64_t(1) << 62) return overflow();
      return a <= 1 ? 1 : static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(a)));
    default:
      if (a <= 0) return problem("log2 of " + std::to_string(a));
      return std::bit_width(static_cast<uint64_t>(a)) - 1;
    }
  }

  Result<int64_t> binary(Kind kind, int64_t a, int64_t b) const {
    int64_t result = 0;
    switch (kind) {
    case Kind::Equal:
      return a == b;
    case Kind::NotEqual:
      return a != b;
    case Kind::Less:
      return a < b;
    case Kind::LessEqual:
      return a <= b;
    case Kind::Greater:
      return a > b;
    case Kind::GreaterEqual:
      return a >= b;
    case Kind::Minimum:
      return std::min(a, b);
    case Kind::Maximum:
      return std::max(a, b);
    case Kind::Add:
      return __builtin_add_overflow(a, b, &result) ? Result<int64_t>(overflow()) : result;
    case Kind::Subtract:
      return __builtin_sub_overflow(a, b, &result) ? Result<int64_t>(overflow()) : result;
    case Kind::Multiply:
      return __builtin_mul_overflow(a, b, &result) ? Result<int64_t>(overflow()) : result;
    default:
      return quotient(kind, a, b);
    }
  }

  Result<int64_t> quotient(Kind kind, int64_t a, int64_t b) const {
    if (b == 0) return problem("division by zero");
    if (a == kLowest && b == -1) return overflow();
    if (kind == Kind::Divide) return a / b;
    if (kind == Kind::Remainder) return a % b;
    return a / b + (a % b != 0 && (a < 0) == (b < 0) ? 1 : 0);
  }
};

} // namespace

Result<int64_t> Expression::evaluate(const Bindings& bindings) const {
  return Evaluator{bindings, text_}.evaluate(*root_);
}

} // namespace tuned
