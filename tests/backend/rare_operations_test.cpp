// Operations that ir/transforms/expand_operations.cpp takes apart: what they give on the CPU, compiled in
// full and plainly, and on the evaluator, which runs them as they are; and that both NVIDIA compilers take
// them.
#include "backend/nvptx/nvptx.h"
#include "backend/tileir/tileir.h"
#include "tests/backend/cpu/cpu_support.h"
#include "tests/backend/reference/reference_support.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

using namespace tuned;
using namespace tuned::test;

namespace {

constexpr size_t lanes = 16;

struct Buffer {
  std::string type; ///< of an element
  std::vector<uint8_t> bytes;
};

/// Sixteen elements, the last repeated.
template <typename T> Buffer buffer(const std::string& type, std::vector<T> values) {
  values.resize(lanes, values.back());
  std::vector<uint8_t> bytes(lanes * sizeof(T));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return {type, bytes};
}

std::string tensor(const std::string& type) {
  return "tensor<16x" + type + ">";
}

/// Each output %yK is stored; each input is %xK.
std::string kernelOf(const std::vector<Buffer>& inputs, const std::vector<Buffer>& outputs,
                     const std::string& body) {
  std::string arguments, loads, stores;
  const auto pointers = [&](const std::string& name, const std::string& type) {
    arguments += (arguments.empty() ? "%" : ", %") + name + "p: !tt.ptr<" + type + ">";
    return "%" + name + "s = tt.splat %" + name + "p : !tt.ptr<" + type + "> -> " +
           tensor("!tt.ptr<" + type + ">") + "\n%" + name + "a = tt.addptr %" + name +
           "s, %r : " + tensor("!tt.ptr<" + type + ">") + ", tensor<16xi32>\n";
  };
  for (size_t k = 0; k < inputs.size(); ++k) {
    const std::string x = "x" + std::to_string(k);
    loads += pointers(x, inputs[k].type);
    loads += "%" + x + " = tt.load %" + x + "a : " + tensor("!tt.ptr<" + inputs[k].type + ">") + "\n";
  }
  for (size_t k = 0; k < outputs.size(); ++k) {
    const std::string y = "y" + std::to_string(k);
    stores += pointers(y, outputs[k].type);
    stores += "tt.store %" + y + "a, %" + y + " : " + tensor("!tt.ptr<" + outputs[k].type + ">") + "\n";
  }
  return "tt.func public @k(" + arguments +
         ") {\n%r = tt.make_range {end = 16 : i32, start = 0 : i32} : tensor<16xi32>\n" + loads + body +
         "\n" + stores + "tt.return }";
}

void takenByNvidia(const std::string& text) {
  const auto compile = [&](Compiler& compiler, CompileOptions options) {
    auto context = makeContext();
    auto module = parseModule(*context, text, "kernel.ttir");
    REQUIRE_MESSAGE(module, module.error().text());
    options.target = "sm_90a";
    return compiler.compile(**module, "k", options);
  };
  auto bytecode = compile(*tileir::makeEmitter(), {});
  CHECK_MESSAGE(bytecode, bytecode.error().text());
  CompileOptions options; // PTX is there before an assembler is sought
  std::string ptx;
  options.onStage = [&](const std::string& stage, const std::string& said) {
    if (stage == "ptx") ptx = said;
  };
  auto cubin = compile(*nvptx::makeCompiler(), options);
  CHECK_MESSAGE(!ptx.empty(), cubin.error().text());
}

void check(const std::vector<Buffer>& inputs, const std::vector<Buffer>& expected, const std::string& body) {
  const std::string text = kernelOf(inputs, expected, body);
  INFO(body);
  takenByNvidia(text);
  for (const std::string on : {"evaluator", "cpu", "cpu:plain"}) {
    CAPTURE(on);
    std::vector<Buffer> in = inputs, out = expected;
    std::vector<HostBytes> memory;
    std::vector<ArgumentValue> arguments;
    for (auto* list : {&in, &out})
      for (Buffer& one : *list) {
        if (list == &out) std::ranges::fill(one.bytes, uint8_t{0xee});
        memory.push_back(bytesOf(one.bytes));
        arguments.push_back(pointerTo(one.bytes));
      }
    if (on == "evaluator") {
      auto ran = evaluateOn(text, memory);
      REQUIRE_MESSAGE(ran, ran.error().text());
    } else {
      CompileOptions options;
      options.target = on;
      auto ran = runOnCpu(text, {1, 1, 1}, arguments, options);
      REQUIRE_MESSAGE(ran, ran.error().text());
    }
    for (size_t k = 0; k < out.size(); ++k)
      for (size_t i = 0; i < lanes; ++i) {
        const size_t size = out[k].bytes.size() / lanes;
        CHECK_MESSAGE(std::memcmp(&out[k].bytes[i * size], &expected[k].bytes[i * size], size) == 0,
                      "result " << k << ", element " << i);
      }
  }
}

/// What each of four tests says of some patterns of a type.
template <typename Bits>
void checkClasses(const std::string& type, const std::vector<Bits>& patterns,
                  const std::vector<std::string>& classes) {
  const std::vector<std::pair<std::string, std::string>> tests = {
      {"isnan", "n"}, {"isinf", "i"}, {"isfinite", "fs"}, {"isnormal", "f"}};
  for (const auto& [name, holds] : tests) {
    std::vector<uint8_t> expected;
    for (const std::string& is : classes)
      expected.push_back(holds.find(is) != std::string::npos);
    check({buffer(type, patterns)}, {buffer("i1", expected)},
          "%y0 = math." + name + " %x0 : " + tensor(type));
  }
}

template <typename T> std::vector<T> powers(const std::vector<T>& x, const std::vector<int64_t>& n) {
  std::vector<T> out;
  for (size_t i = 0; i < x.size(); ++i)
    out.push_back(static_cast<T>(std::pow(static_cast<double>(x[i]), static_cast<double>(n[i]))));
  return out;
}

} // namespace

TEST_CASE("floats are told apart by their bits: n NaN, i infinite, s zero or subnormal, f other finite") {
  const std::vector<std::string> is = {"f", "s", "s", "s", "f", "i", "i", "n", "n", "n", "f", "f"};
  checkClasses<uint32_t>("f32",
                         {0x3f800000, 0, 0x80000000, 0x007fffff, 0x00800000, 0x7f800000, 0xff800000,
                          0x7f800001, 0xffc00000, 0x7fffffff, 0x7f7fffff, 0xff7fffff},
                         is);
  checkClasses<uint16_t>(
      "f16", {0x3c00, 0, 0x8000, 0x03ff, 0x0400, 0x7c00, 0xfc00, 0x7c01, 0xfe00, 0x7fff, 0x7bff, 0xfbff}, is);
  checkClasses<uint16_t>(
      "bf16", {0x3f80, 0, 0x8000, 0x007f, 0x0080, 0x7f80, 0xff80, 0x7f81, 0xffc0, 0x7fff, 0x7f7f, 0xff7f},
      is);
  checkClasses<uint64_t>("f64",
                         {std::bit_cast<uint64_t>(1.0), 0, uint64_t{1} << 63, 0x000fffffffffffff,
                          0x0010000000000000, 0x7ff0000000000000, 0xfff0000000000000, 0x7ff0000000000001,
                          0xfff8000000000000, ~uint64_t{0} >> 1, 0x7fefffffffffffff, 0xffefffffffffffff},
                         is);
  checkClasses<uint8_t>("f8E5M2", {0x3c, 0, 0x80, 0x03, 0x04, 0x7c, 0xfc, 0x7d, 0xfe, 0x7f, 0x7b, 0xfb}, is);
  checkClasses<uint8_t>("f8E4M3FN", {0x38, 0, 0x80, 0x07, 0x08, 0x7f, 0xff, 0x7e, 0x78, 0xfe},
                        {"f", "s", "s", "s", "f", "n", "n", "f", "f", "f"});
}

TEST_CASE("floats to integer powers: negative ones, of zeros and infinities, odd ones beyond a double") {
  constexpr float inf = std::numeric_limits<float>::infinity();
  const std::vector<float> x = {2, -2, -2, 0.0f, -0.0f, -0.0f, inf, -inf, -1.5f, 3, 1.0009765625f, 0, -7};
  const std::vector<int32_t> n = {10, 3, -3, -1, -3, 3, -2, 5, 4, -2, 1 << 14, 0, INT32_MIN};
  const std::vector<int64_t> wide(n.begin(), n.end());
  check({buffer("f32", x), buffer("i32", n)}, {buffer("f32", powers(x, wide))},
        "%y0 = math.fpowi %x0, %x1 : tensor<16xf32>, tensor<16xi32>");
  const std::vector<double> d = {2, -2, -0.0, -1, -1, 1, 10};
  const std::vector<int64_t> m = {-3, 3, 5, (int64_t{1} << 53) + 1, INT64_MIN, INT64_MAX, 3};
  check({buffer("f64", d), buffer("i64", m)}, {buffer<double>("f64", {0.125, -8, -0.0, -1, 1, 1, 1000})},
        "%y0 = math.fpowi %x0, %x1 : tensor<16xf64>, tensor<16xi64>");
  check({buffer<uint16_t>("f16", {0x4000, 0xc200, 0x3c00}), buffer<int8_t>("i8", {3, -1, -128})},
        {buffer<uint16_t>("f16", {0x4800, 0xb555, 0x3c00})}, // 2³, (-3)⁻¹, 1
        "%y0 = math.fpowi %x0, %x1 : tensor<16xf16>, tensor<16xi8>");
}

TEST_CASE("integers to integer powers wrap; of negative powers those of 1 and -1 are not 0") {
  const std::vector<int32_t> x = {3, -3, 2, 7, 0, 0, 1, -1, -1, 5, -2},
                             n = {4, 3, 31, 0, 0, 3, -5, -5, -4, -1, 40};
  check({buffer("i32", x), buffer("i32", n)},
        {buffer<int32_t>("i32", {81, -27, INT32_MIN, 1, 1, 0, 1, -1, 1, 0, 0})},
        "%y0 = math.ipowi %x0, %x1 : tensor<16xi32>");
  check({buffer<int8_t>("i8", {3, -2, -1, 2}), buffer<int8_t>("i8", {5, 7, 127, -128})},
        {buffer<int8_t>("i8", {-13, -128, -1, 0})}, "%y0 = math.ipowi %x0, %x1 : tensor<16xi8>");
  check({buffer<int64_t>("i64", {3, -1}), buffer<int64_t>("i64", {39, INT64_MAX})},
        {buffer<int64_t>("i64", {4052555153018976267, -1})}, "%y0 = math.ipowi %x0, %x1 : tensor<16xi64>");
}

TEST_CASE("sums with their carry, products with their high half") {
  check(
      {buffer<uint32_t>("i32", {1, ~0u, ~0u, 0x80000000}), buffer<uint32_t>("i32", {2, 1, ~0u, 0x80000000})},
      {buffer<uint32_t>("i32", {3, 0, ~0u - 1, 0}), buffer<uint8_t>("i1", {0, 1, 1, 1})},
      "%y0, %y1 = arith.addui_extended %x0, %x1 : tensor<16xi32>, tensor<16xi1>");
  check({buffer<uint8_t>("i1", {0, 1, 1}), buffer<uint8_t>("i1", {1, 0, 1})},
        {buffer<uint8_t>("i1", {1, 1, 0}), buffer<uint8_t>("i1", {0, 0, 1})},
        "%y0, %y1 = arith.addui_extended %x0, %x1 : tensor<16xi1>, tensor<16xi1>");
  check({buffer<int64_t>("i64", {INT64_MIN, -1, 3}), buffer<int64_t>("i64", {INT64_MIN, 5, 4})},
        {buffer<int64_t>("i64", {0, -5, 12}), buffer<int64_t>("i64", {int64_t{1} << 62, -1, 0})},
        "%y0, %y1 = arith.mulsi_extended %x0, %x1 : tensor<16xi64>");
  check({buffer<uint64_t>("i64", {~uint64_t{0}, 3}), buffer<uint64_t>("i64", {~uint64_t{0}, 4})},
        {buffer<uint64_t>("i64", {1, 12}), buffer<uint64_t>("i64", {~uint64_t{0} - 1, 0})},
        "%y0, %y1 = arith.mului_extended %x0, %x1 : tensor<16xi64>");
  check({buffer<int32_t>("i32", {INT32_MIN, -1, -7}), buffer<int32_t>("i32", {INT32_MIN, INT32_MAX, 3})},
        {buffer<int32_t>("i32", {0, -INT32_MAX, -21}), buffer<int32_t>("i32", {1 << 30, -1, -1})},
        "%y0, %y1 = arith.mulsi_extended %x0, %x1 : tensor<16xi32>");
  check({buffer<int8_t>("i8", {-128, 127, -1}), buffer<int8_t>("i8", {-128, 127, 1})},
        {buffer<int8_t>("i8", {0, 1, -1}), buffer<int8_t>("i8", {64, 63, -1})},
        "%y0, %y1 = arith.mulsi_extended %x0, %x1 : tensor<16xi8>");
  check({buffer<uint16_t>("i16", {0xffff, 2}), buffer<uint16_t>("i16", {0xffff, 3})},
        {buffer<uint16_t>("i16", {1, 6}), buffer<uint16_t>("i16", {0xfffe, 0})},
        "%y0, %y1 = arith.mului_extended %x0, %x1 : tensor<16xi16>");
}

TEST_CASE("bounds, and sine with cosine; scalars as tensors") {
  check({buffer<float>("f32", {-1, 0.5f, 9, NAN}), buffer<float>("f32", {0}), buffer<float>("f32", {1})},
        {buffer<float>("f32", {0, 0.5f, 1, 0})}, "%y0 = math.clampf %x0 to [%x1, %x2] : tensor<16xf32>");
  check({buffer<double>("f64", {0, 0})}, {buffer<double>("f64", {0, 0}), buffer<double>("f64", {1, 1})},
        "%y0, %y1 = math.sincos %x0 : tensor<16xf64>");
  check({buffer<float>("f32", {1})}, {buffer<uint8_t>("i1", {1})},
        "%c = arith.constant 0x7F800001 : f32\n%b = math.isnan %c : f32\n"
        "%y0 = tt.splat %b : i1 -> tensor<16xi1>");
}
