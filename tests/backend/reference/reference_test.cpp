// Semantics of kernel IR as Triton has them on NVIDIA devices.
#include "tests/backend/reference/reference_support.h"

#include <cmath>
#include <limits>

using namespace tuned;
using tuned::test::apply;
using tuned::test::bytesOf;
using tuned::test::evaluateOn;

TEST_CASE("signed division is toward zero and never traps") {
  auto y = apply<int32_t, int32_t>({7, -7, 1, INT32_MIN}, "i32", "i32",
                                   "%c = arith.constant dense<[2, 2, 0, -1]> : tensor<$Nxi32>\n"
                                   "%y = arith.divsi %x, %c : tensor<$Nxi32>");
  CHECK(y == std::vector<int32_t>{3, -3, -1, INT32_MIN});
  y = apply<int32_t, int32_t>({7, -7, 1, INT32_MIN}, "i32", "i32",
                              "%c = arith.constant dense<[2, 2, 0, -1]> : tensor<$Nxi32>\n"
                              "%y = arith.remsi %x, %c : tensor<$Nxi32>");
  CHECK(y == std::vector<int32_t>{1, -1, 1, 0});
}

TEST_CASE("maxnum ignores a NaN, maximum keeps it, and +0 is above -0") {
  float nan = std::nanf("");
  auto zeros = apply<float, float>({nan, -0.0f}, "f32", "f32",
                                   "%c = arith.constant dense<[1.0, 0.0]> : tensor<$Nxf32>\n"
                                   "%y = arith.maxnumf %x, %c : tensor<$Nxf32>");
  CHECK(zeros[0] == 1.0f);
  CHECK(!std::signbit(zeros[1]));
  auto kept = apply<float, float>({nan, 2.0f}, "f32", "f32",
                                  "%c = arith.constant dense<[1.0, 0.0]> : tensor<$Nxf32>\n"
                                  "%y = arith.maximumf %x, %c : tensor<$Nxf32>");
  CHECK(std::isnan(kept[0]));
  CHECK(kept[1] == 2.0f);
}

TEST_CASE("half arithmetic rounds after every operation") {
  // 1 + 2^-11 is a tie in f16: to even, so twice adding it leaves 1.
  auto y = apply<uint16_t, uint16_t>({0x3c00, 0x3c01}, "f16", "f16",
                                     "%c = arith.constant dense<4.8828125e-04> : tensor<$Nxf16>\n"
                                     "%a = arith.addf %x, %c : tensor<$Nxf16>\n"
                                     "%y = arith.addf %a, %c : tensor<$Nxf16>");
  CHECK(y == std::vector<uint16_t>{0x3c00, 0x3c02});
}

TEST_CASE("conversions to 8-bit floats saturate") {
  auto y =
      apply<float, uint8_t>({1e9f, -1e9f, std::numeric_limits<float>::infinity(), 1.0625f}, "f32", "f8E4M3FN",
                            "%y = tt.fp_to_fp %x, rounding = rtne : tensor<$Nxf32> -> tensor<$Nxf8E4M3FN>");
  CHECK(y == std::vector<uint8_t>{0x7e, 0xfe, 0x7e, 0x38});
}

TEST_CASE("a reduction takes any region: argmax with the first of equals") {
  std::vector<float> x = {3, 9, 9, -1};
  std::vector<int32_t> at(1);
  auto ran = evaluateOn(R"(tt.func public @f(%p: !tt.ptr<f32>, %q: !tt.ptr<i32>) {
    %i = tt.make_range {end = 4 : i32, start = 0 : i32} : tensor<4xi32>
    %s = tt.splat %p : !tt.ptr<f32> -> tensor<4x!tt.ptr<f32>>
    %a = tt.addptr %s, %i : tensor<4x!tt.ptr<f32>>, tensor<4xi32>
    %x = tt.load %a : tensor<4x!tt.ptr<f32>>
    %r:2 = "tt.reduce"(%x, %i) <{axis = 0 : i32}> ({
    ^bb0(%v: f32, %j: i32, %w: f32, %k: i32):
      %gt = arith.cmpf ogt, %v, %w : f32
      %eq = arith.cmpf oeq, %v, %w : f32
      %lt = arith.cmpi slt, %j, %k : i32
      %tie = arith.andi %eq, %lt : i1
      %left = arith.ori %gt, %tie : i1
      %m = arith.select %left, %v, %w : f32
      %n = arith.select %left, %j, %k : i32
      tt.reduce.return %m, %n : f32, i32
    }) : (tensor<4xf32>, tensor<4xi32>) -> (f32, i32)
    tt.store %q, %r#1 : !tt.ptr<i32>
    tt.return
  })",
                        {bytesOf(x), bytesOf(at)});
  REQUIRE(ran);
  CHECK(at[0] == 1);
}

TEST_CASE("a reversed scan runs from the end") {
  auto y = apply<int32_t, int32_t>({1, 2, 3, 4}, "i32", "i32", R"(
    %y = "tt.scan"(%x) <{axis = 0 : i32, reverse = true}> ({
    ^bb0(%a: i32, %b: i32):
      %c = arith.subi %b, %a : i32
      tt.scan.return %c : i32
    }) : (tensor<$Nxi32>) -> tensor<$Nxi32>)");
  CHECK(y == std::vector<int32_t>{1 - (2 - (3 - 4)), 2 - (3 - 4), 3 - 4, 4});
}

TEST_CASE("a dot cuts f32 operands to tf32 when asked, and the sum once") {
  std::vector<float> x(256, 0.0f), out(256);
  x[0] = 1.0f + 0x1p-12f; // below tf32's last place
  const char* source = R"(tt.func public @f(%p: !tt.ptr<f32>, %q: !tt.ptr<f32>) {
    %z = arith.constant dense<0.0> : tensor<16x16xf32>
    %i = tt.make_range {end = 256 : i32, start = 0 : i32} : tensor<256xi32>
    %s = tt.splat %p : !tt.ptr<f32> -> tensor<256x!tt.ptr<f32>>
    %a = tt.addptr %s, %i : tensor<256x!tt.ptr<f32>>, tensor<256xi32>
    %l = tt.load %a : tensor<256x!tt.ptr<f32>>
    %x = tt.reshape %l : tensor<256xf32> -> tensor<16x16xf32>
    %d = tt.dot %x, %x, %z, inputPrecision = PRECISION : tensor<16x16xf32> * tensor<16x16xf32> -> tensor<16x16xf32>
    %r = tt.reshape %d : tensor<16x16xf32> -> tensor<256xf32>
    %t = tt.splat %q : !tt.ptr<f32> -> tensor<256x!tt.ptr<f32>>
    %b = tt.addptr %t, %i : tensor<256x!tt.ptr<f32>>, tensor<256xi32>
    tt.store %b, %r : tensor<256x!tt.ptr<f32>>
    tt.return
  })";
  for (bool tf32 : {true, false}) {
    std::string text = source;
    text.replace(text.find("PRECISION"), 9, tf32 ? "tf32" : "ieee");
    REQUIRE(evaluateOn(text, {bytesOf(x), bytesOf(out)}));
    CHECK(out[0] == (tf32 ? 1.0f : float(double(x[0]) * double(x[0]))));
    CHECK(out[17] == 0.0f);
  }
}

TEST_CASE("library functions go by libdevice's names; unknown ones and PTX are refused with their place") {
  auto y = apply<float, float>(
      {0.5f, -1.0f}, "f32", "f32",
      "%y = tt.extern_elementwise %x {libname = \"\", libpath = \"\", pure = true, symbol = "
      "\"__nv_asinf\"} : (tensor<$Nxf32>) -> tensor<$Nxf32>");
  CHECK(y[0] == doctest::Approx(std::asin(0.5)));
  std::vector<float> x(1);
  auto refused = evaluateOn(R"(tt.func public @f(%p: !tt.ptr<f32>) {
    %t = tt.elementwise_inline_asm "mov.u64 $0, %globaltimer;" {constraints = "=l", packed_element = 1 : i32, pure = false} -> i64
    tt.return })",
                            {bytesOf(x)});
  REQUIRE(!refused);
  CHECK(refused.error().kind == ErrorKind::Unsupported);
  REQUIRE(refused.error().location);
  CHECK(refused.error().location->line == 2);
}
