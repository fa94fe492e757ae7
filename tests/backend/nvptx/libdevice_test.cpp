// Functions of libdevice on the CPU and on the evaluator: results that their definitions fix, on both.
#include "tests/backend/cpu/cpu_support.h"
#include "tests/backend/reference/reference_support.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace tuned;
using namespace tuned::test;

namespace {

/// y = symbol(a, b, …) of eight elements each, on `device`; operand k's buffer is inputs[k].
template <typename To, typename From>
std::vector<To> call(bool evaluator, const std::string& symbol, const std::string& from,
                     const std::string& to, std::vector<std::vector<From>> inputs) {
  std::string tensors, arguments, names, text;
  auto pointers = [](const std::string& type) { return "tensor<8x!tt.ptr<" + type + ">>"; };
  for (size_t k = 0; k < inputs.size(); ++k) {
    std::string x = "%x" + std::to_string(k);
    arguments += x + "p: !tt.ptr<" + from + ">, ";
    names += (k ? ", " : "") + x;
    tensors += (k ? ", " : "") + std::string("tensor<8x") + from + ">";
    text += x + "s = tt.splat " + x + "p : !tt.ptr<" + from + "> -> " + pointers(from) + "\n" + x +
            "a = tt.addptr " + x + "s, %r : " + pointers(from) + ", tensor<8xi32>\n" + x + " = tt.load " + x +
            "a : " + pointers(from) + "\n";
  }
  text = "tt.func public @k(" + arguments + "%yp: !tt.ptr<" + to +
         ">) {\n%r = tt.make_range {end = 8 : i32, start = 0 : i32} : tensor<8xi32>\n" + text +
         "%y = tt.extern_elementwise " + names +
         " {libname = \"\", libpath = \"\", pure = true, symbol = \"__nv_" + symbol + "\"} : (" + tensors +
         ") -> tensor<8x" + to + ">\n%ys = tt.splat %yp : !tt.ptr<" + to + "> -> " + pointers(to) +
         "\n%ya = tt.addptr %ys, %r : " + pointers(to) +
         ", tensor<8xi32>\ntt.store %ya, %y : " + pointers(to) + "\ntt.return }";
  std::vector<To> y(8);
  std::vector<HostBytes> buffers;
  std::vector<ArgumentValue> values;
  for (auto& input : inputs) {
    input.resize(8, input.back());
    buffers.push_back(bytesOf(input));
    values.push_back(pointerTo(input));
  }
  buffers.push_back(bytesOf(y));
  values.push_back(pointerTo(y));
  if (evaluator) {
    auto ran = evaluateOn(text, buffers);
    REQUIRE_MESSAGE(ran, ran.error().text());
  } else {
    auto ran = runOnCpu(text, {1, 1, 1}, values);
    REQUIRE_MESSAGE(ran, ran.error().text());
  }
  return y;
}

template <typename To, typename From>
void check(const std::string& symbol, const std::string& from, const std::string& to,
           std::vector<std::vector<From>> inputs, std::vector<To> expected) {
  for (bool evaluator : {false, true}) {
    auto y = call<To>(evaluator, symbol, from, to, inputs);
    for (size_t i = 0; i < expected.size(); ++i)
      CHECK_MESSAGE(y[i] == expected[i],
                    symbol << (evaluator ? " on the evaluator: " : " on the CPU: ") << i);
  }
}

} // namespace

TEST_CASE("directed rounding") {
  std::vector<float> one = {1, -1, 3}, tiny = {0x1p-30f, -0x1p-30f, 0};
  check<float, float>("fadd_rn", "f32", "f32", {one, tiny}, {1, -1, 3});
  check<float, float>("fadd_rz", "f32", "f32", {one, tiny}, {1, -1, 3});
  check<float, float>("fadd_ru", "f32", "f32", {one, tiny}, {0x1.000002p0f, -1, 3});
  check<float, float>("fadd_rd", "f32", "f32", {one, tiny}, {1, -0x1.000002p0f, 3});
  check<float, float>("frcp_ru", "f32", "f32", {{3, 4}}, {0x1.555556p-2f, 0.25f});
  check<float, float>("frcp_rd", "f32", "f32", {{3, 4}}, {0x1.555554p-2f, 0.25f});
  check<double, double>("dsqrt_ru", "f64", "f64", {{2, 4}}, {0x1.6a09e667f3bcdp0, 2});
  check<double, double>("dsqrt_rd", "f64", "f64", {{2, 4}}, {0x1.6a09e667f3bccp0, 2});
  check<float, double>("double2float_rz", "f64", "f32", {{1 + 0x1.8p-24, -0.1}}, {1, -0x1.999998p-4f});
  check<float, int32_t>("int2float_ru", "i32", "f32", {{16777217, -16777217}}, {16777218, -16777216});
}

TEST_CASE("numbers to integers: rounded as named, held to the range") {
  std::vector<float> x = {2.5f, -2.5f, 3e9f, -3e9f, NAN, 1.1f};
  check<int32_t, float>("float2int_rn", "f32", "i32", {x}, {2, -2, INT32_MAX, INT32_MIN, 0, 1});
  check<int32_t, float>("float2int_ru", "f32", "i32", {x}, {3, -2, INT32_MAX, INT32_MIN, 0, 2});
  check<int32_t, float>("float2int_rd", "f32", "i32", {x}, {2, -3, INT32_MAX, INT32_MIN, 0, 1});
  check<uint32_t, float>("float2uint_rz", "f32", "i32", {x}, {2, 0, 3000000000u, 0, 0, 1});
  check<int64_t, float>("llroundf", "f32", "i64", {{2.5f, -2.5f, 1e30f}}, {3, -3, INT64_MAX});
}

TEST_CASE("integers and bits") {
  check<int32_t, int32_t>("mulhi", "i32", "i32", {{INT32_MIN, -1, 1 << 20}, {INT32_MIN, 1, 1 << 20}},
                          {1 << 30, -1, 256});
  check<int64_t, int64_t>("umul64hi", "i64", "i64", {{-1, 1}, {-1, 1}}, {-2, 0});
  check<int32_t, int32_t>("mul24", "i32", "i32", {{0x7fffff, 0x800000}, {2, 1}}, {0xfffffe, -0x800000});
  check<int32_t, int32_t>("hadd", "i32", "i32", {{INT32_MAX, -3}, {INT32_MAX, 0}}, {INT32_MAX, -2});
  check<uint32_t, uint32_t>("byte_perm", "i32", "i32", {{0x33221100}, {0x77665544}, {0x7531}}, {0x77553311});
  check<uint32_t, uint32_t>("brev", "i32", "i32", {{1, 0xf0000000}}, {0x80000000, 0xf});
  check<int32_t, uint32_t>("clz", "i32", "i32", {{1, 0}}, {31, 32});
  check<int32_t, float>("isnanf", "f32", "i32", {{NAN, 1}}, {1, 0});
  check<uint32_t, float>("float_as_uint", "f32", "i32", {{1, -0.0f}}, {0x3f800000, 0x80000000});
}

TEST_CASE("the CPU and the evaluator, each by its own method") {
  for (const char* symbol : {"erfcinv", "normcdfinv", "erfinv", "erfcx", "rcbrt", "sinpi"}) {
    std::vector<std::vector<double>> x = {{1e-300, 1e-20, 0.003, 0.2, 0.5, 0.75, 0.999, 1e-5}};
    auto cpu = call<double>(false, symbol, "f64", "f64", x),
         evaluator = call<double>(true, symbol, "f64", "f64", x);
    for (size_t i = 0; i < 8; ++i)
      CHECK_MESSAGE(std::fabs(cpu[i] - evaluator[i]) <= 1e-13 * std::fabs(evaluator[i]) + 2e-16,
                    symbol << " of " << x[0][i] << ": " << cpu[i] << " and " << evaluator[i]);
  }
}
