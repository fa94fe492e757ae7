// Text that must be refused, with the place and the limit in the message.
#include "tests/ir/module_support.h"

using namespace tuned;

namespace {

struct Bad {
  const char* arguments;
  const char* body; ///< its first line is line 3
  unsigned line;
  const char* message; ///< stands in the error
};

const Bad cases[] = {
    {"", "    %0 = tt.make_range {end = 96 : i32, start = 0 : i32} : tensor<96xi32>", 3, "powers of two"},
    {"%f: f32", "    %0 = tt.splat %f : f32 -> tensor<2048x1024xf32>", 3, "1048576"},
    {"%f: f32", "    %0 = tt.splat %f : f32 -> tensor<4294967296x4294967296xf32>", 3, "1048576"},
    {"", "\n    %0 = arith.constant dense<0> : tensor<3xi32>", 4, "tile size 3"},
    {"", "    %0 = tt.make_range {end = 0 : i32, start = 8 : i32} : tensor<8xi32>", 3, "empty range"},
    {"%t: tensor<8xi32>", "    %0 = tt.expand_dims %t {axis = 4 : i32} : tensor<8xi32> -> tensor<8x1xi32>", 3,
     "'tt.expand_dims' op has axis 4"},
    {"%t: tensor<8x2xi32>", "    %0 = tt.broadcast %t : tensor<8x2xi32> -> tensor<8x4xi32>", 3,
     "dimension 1"},
    {"%t: tensor<8x2xi32>", "    %0 = tt.reshape %t : tensor<8x2xi32> -> tensor<8xi32>", 3,
     "number of elements"},
    {"%t: tensor<8x2xi32>",
     "    %0 = tt.trans %t {order = array<i32: 0, 0>} : tensor<8x2xi32> -> tensor<8x2xi32>", 3,
     "no permutation"},
    {"%t: tensor<8xi32>", "    %0 = tt.join %t, %t : tensor<8xi32> -> tensor<8x4xi32>", 3, "'tt.join' op"},
    {"%t: tensor<8x4xi32>", "    %0, %1 = tt.split %t : tensor<8x4xi32> -> tensor<8xi32>", 3, "must be 2"},
    {"%a: tensor<16x32xf16>, %c: tensor<16x16xf32>",
     "    %0 = tt.dot %a, %a, %c : tensor<16x32xf16> * tensor<16x32xf16> -> tensor<16x16xf32>", 3,
     "inner sizes"},
    {"%p: tensor<8x!tt.ptr<f32>>, %o: tensor<4xi32>",
     "    %0 = tt.addptr %p, %o : tensor<8x!tt.ptr<f32>>, tensor<4xi32>", 3, "same shape"},
    {"%p: i32", "    %0 = tt.load %p : i32", 3, "must be pointer or"},
    {"%p: !tt.ptr<f32>, %i: i32", "    tt.store %p, %i : !tt.ptr<f32>", 3, "expects different type"},
    {"%p: !tt.ptr<f32>, %f: f32",
     "    %0 = tt.atomic_rmw add, relaxed, gpu, %p, %f : (!tt.ptr<f32>, f32) -> f32", 3, "fadd"},
    {"%p: !tt.ptr<f32>", "    %0 = tt.load %p cacheModifier = fast : !tt.ptr<f32>", 3, "fast"},
    {"%t: tensor<8xf32>", "    %0 = tt.fp_to_fp %t : tensor<8xf32> -> tensor<8xf16>", 3, "rounding"},
    {"%t: tensor<8xf32>", "    %0 = tt.bitcast %t : tensor<8xf32> -> tensor<8xi64>", 3, "width"},
    {"", "    %0 = arith.constant dense<0> : tensor<i32>", 3, "a tile has dimensions"},
    {"", "    %0 = arith.constant 0 : i33", 3, "i33"},
    {"", "    %0 = arith.constant dense<0> : tensor<8xindex>", 3, "elements are"},
    {"", "    %0 = arith.constant 0.0 : f128", 3, "f128"},
    {"%p: !tt.ptr<f16>, %i: i32, %j: i64",
     "    %0 = tt.make_tensor_descriptor %p, [%i], [%j] : <f16>, <tensor<48xf16>>", 3, "tile size 48"},
    {"", "    %0 = tt.frobnicate : i32", 3, "tt.frobnicate"},
    {"", "    %0 = \"spirv.Nop\"() : () -> i32", 3, "spirv"},
    {"", "    %0 = tt.get_program_id w : i32", 3, "x, y, z"},
    {"", "    %0 = arith.addi %nope, %nope : i32", 3, "nope"},
    {"", "    tt.call @missing() : () -> ()", 3, "@missing"},
    {"%t: tensor<8xf32>", R"(    %0 = "tt.reduce"(%t) <{axis = 1 : i32}> ({
    ^bb0(%a: f32, %b: f32):
      tt.reduce.return %a : f32
    }) : (tensor<8xf32>) -> f32)",
     3, "axis 1"},
    {"%t: tensor<8xf32>", R"(    %0 = "tt.reduce"(%t) <{axis = 0 : i32}> ({
    ^bb0(%a: f32):
      tt.reduce.return %a : f32
    }) : (tensor<8xf32>) -> f32)",
     3, "takes 1 values"},
    {"%t: tensor<8xf32>", R"(    %0 = "tt.scan"(%t) <{axis = 0 : i32, reverse = false}> ({
    }) : (tensor<8xf32>) -> tensor<8xf32>)",
     3, "region"},
};

} // namespace

TEST_CASE_FIXTURE(ModuleTest, "bad text is refused with its place and its limit") {
  for (const Bad& bad : cases) {
    Error error = refused(kernelText(bad.arguments, bad.body));
    INFO(error.text());
    CHECK(error.kind == ErrorKind::InvalidInput);
    CHECK_NE(error.message.find(bad.message), std::string::npos);
    REQUIRE(error.location.has_value());
    CHECK_EQ(error.location->file, "test.ttir");
    CHECK_EQ(error.location->line, bad.line);
    CHECK_GE(error.location->column, 1u);
  }
}

TEST_CASE_FIXTURE(ModuleTest, "the place is that of the text, not that of its debug locations") {
  Error error =
      refused("#loc = loc(\"a.py\":70:2)\nmodule {\n  tt.func public @k() {\n"
              "    %0 = tt.make_range {end = 3 : i32, start = 0 : i32} : tensor<3xi32> loc(\"x\"(#loc))\n"
              "    tt.return loc(#loc)\n  } loc(#loc)\n} loc(#loc)\n");
  REQUIRE(error.location.has_value());
  CHECK_EQ(error.location->file, "test.ttir");
  CHECK_EQ(error.location->line, 4u);
  CHECK_EQ(error.location->column, 10u);
}

TEST_CASE_FIXTURE(ModuleTest, "text that is no module at all") {
  for (const char* text : {"{", "hello", "module {", "\x01\x02\xff", "tt.func @k() {\n  tt.return\n", "loc(",
                           "#loc = loc(", "module { tt.func @k(%a: !tt.ptr<index>) { tt.return } }",
                           "module { tt.func @k(%a: !tt.tensordesc<f16>) { tt.return } }",
                           "module { tt.func @k(%a: !tt.tensordesc<4x4>) { tt.return } }",
                           "module { tt.func @k(%a: !tt.ptr<f32, -4>) { tt.return } }",
                           "module { tt.func @k(%a: index) { tt.return } }"}) {
    Error error = refused(text);
    CHECK_MESSAGE(error.location.has_value(), error.text());
  }
}

TEST_CASE_FIXTURE(ModuleTest, "recursion is refused when calls are replaced") {
  Module module =
      parse("module {\n  tt.func public @k() {\n    tt.call @k() : () -> ()\n    tt.return\n  }\n}\n");
  auto simple = simplify(*module);
  REQUIRE(!simple.has_value());
  CHECK_NE(simple.error().message.find("recursion"), std::string::npos);
  REQUIRE(simple.error().location.has_value());
  CHECK_EQ(simple.error().location->line, 2u);
}

TEST_CASE_FIXTURE(ModuleTest, "kernels that cannot be launched") {
  Module module = parse("module {\n  tt.func public @k(%t: tensor<8xf32>) {\n    tt.return\n  }\n}\n");
  auto simple = simplify(*module);
  REQUIRE(!simple.has_value());
  CHECK_NE(simple.error().message.find("tensor<8xf32>"), std::string::npos);
  REQUIRE(simple.error().location.has_value());
  CHECK_EQ(simple.error().location->line, 2u);
  Module result = parse("module {\n  tt.func public @k(%t: i32) -> i32 {\n    tt.return %t : i32\n  }\n}\n");
  CHECK_FALSE(simplify(*result).has_value());
}
