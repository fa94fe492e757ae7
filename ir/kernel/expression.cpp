// Parsing: one recursive-descent function for primaries and one precedence climber for the binary operators.
#include "ir/kernel/expression.h"
#include "ir/kernel/expression_limits.h"
#include "ir/kernel/expression_node.h"

#include <array>
#include <cctype>
#include <string_view>

namespace tuned {
namespace {

using Kind = Expression::Node::Kind;
using NodePtr = std::shared_ptr<const Expression::Node>;

constexpr int kMaxDepth = 100; // keeps hostile nesting off the stack

struct BinaryOperator {
  std::string_view token;
  int precedence;
  Kind kind;
};
// Longer tokens first, so that "<=" is not read as "<".
constexpr std::array<BinaryOperator, 13> kBinary = {{{"||", 1, Kind::Or},
                                                     {"&&", 2, Kind::And},
                                                     {"==", 3, Kind::Equal},
                                                     {"!=", 3, Kind::NotEqual},
                                                     {"<=", 4, Kind::LessEqual},
                                                     {">=", 4, Kind::GreaterEqual},
                                                     {"<", 4, Kind::Less},
                                                     {">", 4, Kind::Greater},
                                                     {"+", 5, Kind::Add},
                                                     {"-", 5, Kind::Subtract},
                                                     {"*", 6, Kind::Multiply},
                                                     {"/", 6, Kind::Divide},
                                                     {"%", 6, Kind::Remainder}}};

struct Function {
  std::string_view name;
  size_t arity;
  Kind kind;
};
constexpr std::array<Function, 6> kFunctions = {{{"cdiv", 2, Kind::CeilDivide},
                                                 {"min", 2, Kind::Minimum},
                                                 {"max", 2, Kind::Maximum},
                                                 {"next_power_of_2", 1, Kind::NextPowerOf2},
                                                 {"log2", 1, Kind::Log2},
                                                 {"abs", 1, Kind::Absolute}}};

class Parser {
public:
  Parser(const std::string& text, std::set<std::string>& names) : text_(text), names_(names) {}

  Result<NodePtr> parseAll() {
    auto node = parseConditional();
    if (!node) return node;
    skipSpace();
    if (at_ != text_.size()) return unexpected("an operator or the end");
    return node;
  }

private:
  std::unexpected<Error> unexpected(const std::string& wanted) {
    skipSpace();
    std::string got = at_ < text_.size() ? "'" + std::string(1, text_[at_]) + "'" : "the end";
    Error error{ErrorKind::InvalidInput, "expression `" + text_ + "`: expected " + wanted + ", found " + got +
                                             " at column " + std::to_string(at_ + 1)};
    return fail(std::move(error));
  }

  void skipSpace() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])))
      ++at_;
  }

  bool accept(std::string_view token) {
    skipSpace();
    if (text_.compare(at_, token.size(), token) != 0) return false;
    at_ += token.size();
    return true;
  }

  Result<NodePtr> parseConditional() {
    if (++depth_ > kMaxDepth) return fail(ErrorKind::InvalidInput, "expression is nested too deeply");
    auto condition = parseBinary(1);
    if (!condition || !accept("?")) return leave(std::move(condition));
    auto yes = parseConditional();
    if (!yes) return yes;
    if (!accept(":")) return unexpected("':'");
    auto no = parseConditional();
    if (!no) return no;
    return leave(make(Kind::Conditional, {*condition, *yes, *no}));
  }

  Result<NodePtr> parseBinary(int lowest) {
    auto left = parseUnary();
    while (left) {
      const BinaryOperator* found = peekBinary();
      if (!found || found->precedence < lowest) break;
      at_ += found->token.size();
      auto right = parseBinary(found->precedence + 1);
      if (!right) return right;
      left = make(found->kind, {*left, *right});
    }
    return left;
  }

  const BinaryOperator* peekBinary() {
    skipSpace();
    for (const BinaryOperator& candidate : kBinary)
      if (text_.compare(at_, candidate.token.size(), candidate.token) == 0) return &candidate;
    return nullptr;
  }

  Result<NodePtr> parseUnary() {
    if (++depth_ > kMaxDepth) return fail(ErrorKind::InvalidInput, "expression is nested too deeply");
    bool negate = accept("-");
    if (!negate && !accept("!")) return leave(parsePrimary());
    auto operand = parseUnary();
    if (!operand) return operand;
    return leave(make(negate ? Kind::Negate : Kind::Not, {*operand}));
  }

  Result<NodePtr> parsePrimary() {
    if (accept("(")) {
      auto inner = parseConditional();
      if (!inner) return inner;
      if (!accept(")")) return unexpected("')'");
      return inner;
    }
    skipSpace();
    unsigned char next = at_ < text_.size() ? text_[at_] : 0;
    if (std::isdigit(next)) return parseNumber();
    if (std::isalpha(next) || next == '_') return parseName();
    return unexpected("a number, a name or '('");
  }

  Result<NodePtr> parseNumber() {
    int64_t value = 0;
    for (; at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_])); ++at_)
      if (__builtin_mul_overflow(value, 10, &value) ||
          __builtin_add_overflow(value, text_[at_] - '0', &value))
        return fail(ErrorKind::InvalidInput, "expression `" + text_ + "`: a number is beyond 64 bits");
    if (at_ < text_.size() && (std::isalpha(static_cast<unsigned char>(text_[at_])) || text_[at_] == '.'))
      return unexpected("an integer");
    auto node = std::make_shared<Expression::Node>();
    node->value = value;
    return node;
  }

  Result<NodePtr> parseName() {
    size_t start = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) || text_[at_] == '_'))
      ++at_;
    std::string name = text_.substr(start, at_ - start);
    if (accept("(")) return parseCall(name);
    names_.insert(name);
    auto node = std::make_shared<Expression::Node>();
    node->kind = Kind::Name;
    node->name = std::move(name);
    return node;
  }

  Result<NodePtr> parseCall(const std::string& name) {
    std::vector<NodePtr> operands;
    do {
      auto operand = parseConditional();
      if (!operand) return operand;
      operands.push_back(*operand);
    } while (accept(","));
    if (!accept(")")) return unexpected("',' or ')'");
    for (const Function& function : kFunctions) {
      if (function.name != name) continue;
      if (operands.size() != function.arity)
        return fail(ErrorKind::InvalidInput, "expression `" + text_ + "`: " + name + " takes " +
                                                 std::to_string(function.arity) + " operand(s), not " +
                                                 std::to_string(operands.size()));
      return make(function.kind, std::move(operands));
    }
    return fail(ErrorKind::InvalidInput, "expression `" + text_ + "`: unknown function '" + name + "'",
                "known are cdiv, min, max, next_power_of_2, log2, abs");
  }

  NodePtr make(Kind kind, std::vector<NodePtr> operands) {
    auto node = std::make_shared<Expression::Node>();
    node->kind = kind;
    node->operands = std::move(operands);
    return node;
  }

  Result<NodePtr> leave(Result<NodePtr> node) {
    --depth_;
    return node;
  }

  const std::string& text_;
  std::set<std::string>& names_;
  size_t at_ = 0;
  int depth_ = 0;
};

} // namespace

Result<Expression> Expression::parse(const std::string& text) {
  if (text.size() > longestExpression)
    return fail(ErrorKind::InvalidInput, "expression of " + std::to_string(text.size()) +
                                             " characters: the limit is " +
                                             std::to_string(longestExpression));
  Expression expression;
  expression.text_ = text;
  auto root = Parser(expression.text_, expression.names_).parseAll();
  if (!root) return fail(std::move(root.error()));
  expression.root_ = std::move(*root);
  return expression;
}

} // namespace tuned
