#include "ir/kernel/expression.h"

#include <doctest/doctest.h>

using namespace tuned;

namespace {

Result<int64_t> value(const std::string& text, const Bindings& bindings = {}) {
  auto expression = Expression::parse(text);
  if (!expression) return fail(expression.error());
  return expression->evaluate(bindings);
}

std::string problem(const std::string& text, const Bindings& bindings = {}) {
  auto result = value(text, bindings);
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().kind == ErrorKind::InvalidInput);
  return result.error().text();
}

} // namespace

TEST_CASE("operators bind as in C") {
  CHECK(value("2 + 3 * 4") == 14);
  CHECK(value("(2 + 3) * 4") == 20);
  CHECK(value("20 - 5 - 3") == 12);
  CHECK(value("100 / 7 % 5") == 4);
  CHECK(value("-7 / 2") == -3);
  CHECK(value("-7 % 2") == -1);
  CHECK(value("1 + 1 == 2 && 3 > 2 || 0") == 1);
  CHECK(value("1 < 2 == 1") == 1);
  CHECK(value("!0 + !5") == 1);
  CHECK(value("1 ? 2 : 0 ? 3 : 4") == 2);
  CHECK(value("0 ? 2 : 0 ? 3 : 4") == 4);
  CHECK(value("- -3") == 3);
  CHECK(value("3!=3") == 0);
}

TEST_CASE("functions") {
  CHECK(value("cdiv(1000, 128)") == 8);
  CHECK(value("cdiv(-7, 2)") == -3);
  CHECK(value("cdiv(7, -2)") == -3);
  CHECK(value("cdiv(-7, -2)") == 4);
  CHECK(value("min(3, max(1, 2))") == 2);
  CHECK(value("next_power_of_2(1000)") == 1024);
  CHECK(value("next_power_of_2(1024)") == 1024);
  CHECK(value("next_power_of_2(0)") == 1);
  CHECK(value("log2(4096)") == 12);
  CHECK(value("log2(4095)") == 11);
  CHECK(value("abs(0 - 5)") == 5);
}

TEST_CASE("names come from the bindings") {
  auto expression = Expression::parse("cdiv(M, BLOCK_M) * cdiv(N, 2 * BLOCK_M)");
  REQUIRE(expression.has_value());
  CHECK(expression->names() == std::set<std::string>{"BLOCK_M", "M", "N"});
  CHECK(expression->evaluate({{"M", 100}, {"N", 100}, {"BLOCK_M", 32}}) == 8);
  std::string text = problem("M + K", {{"M", 1}, {"N", 2}});
  CHECK(text.find("unknown name 'K'") != std::string::npos);
  CHECK(text.find("known are M, N") != std::string::npos);
}

TEST_CASE("only the deciding operand is evaluated") {
  CHECK(value("n != 0 && 10 / n > 1", {{"n", 0}}) == 0);
  CHECK(value("n == 0 || 10 / n > 1", {{"n", 0}}) == 1);
  CHECK(value("n ? 10 / n : 7", {{"n", 0}}) == 7);
}

TEST_CASE("what cannot be computed is an error") {
  CHECK(problem("1 / 0").find("division by zero") != std::string::npos);
  CHECK(problem("5 % 0").find("division by zero") != std::string::npos);
  CHECK(problem("cdiv(5, 0)").find("division by zero") != std::string::npos);
  CHECK(problem("log2(0)").find("log2 of 0") != std::string::npos);
  Bindings most = {{"a", INT64_MAX}, {"b", INT64_MIN}};
  for (const char* text :
       {"a + 1", "b - 1", "a * 2", "-b", "abs(b)", "b / (0 - 1)", "b % (0 - 1)", "next_power_of_2(a)"})
    CHECK_MESSAGE(problem(text, most).find("beyond 64 bits") != std::string::npos, text);
}

TEST_CASE("what cannot be read is an error with its column") {
  CHECK(problem("2 +").find("found the end at column 4") != std::string::npos);
  CHECK(problem("2 ^ 3").find("found '^' at column 3") != std::string::npos);
  CHECK(problem("(1 + 2").find("expected ')'") != std::string::npos);
  CHECK(problem("1 ? 2").find("expected ':'") != std::string::npos);
  CHECK(problem("").find("found the end at column 1") != std::string::npos);
  CHECK(problem("1.5").find("integer") != std::string::npos);
  CHECK(problem("12abc").find("integer") != std::string::npos);
  CHECK(problem("99999999999999999999").find("beyond 64 bits") != std::string::npos);
  CHECK(problem("sqrt(4)").find("unknown function 'sqrt'") != std::string::npos);
  CHECK(problem("cdiv(4)").find("takes 2 operand(s), not 1") != std::string::npos);
}

TEST_CASE("hostile texts end in errors and not on the stack") {
  CHECK(problem(std::string(3000, '(')).find("nested too deeply") != std::string::npos);
  CHECK(problem(std::string(3000, '-') + "1").find("nested too deeply") != std::string::npos);
  CHECK(problem(std::string(100000, '1')).find("the limit is") != std::string::npos);
  std::string sum = "1";
  while (sum.size() < 4000)
    sum += "+1";
  CHECK(value(sum) == int64_t(sum.size() + 1) / 2);
}
