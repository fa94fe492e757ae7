// Every operation as Triton prints it, read and printed back word for word.
#include "tests/ir/module_support.h"

#include <mlir/IR/OperationSupport.h>

using namespace tuned;

namespace {

struct Snippet {
  const char* arguments;
  const char* line; ///< printed back exactly so
};

const Snippet snippets[] = {
    {"", "%0 = tt.get_program_id x : i32"},
    {"", "%0 = tt.get_num_programs z : i32"},
    {"", "%0 = tt.make_range {end = 128 : i32, start = 0 : i32} : tensor<128xi32>"},
    {"%arg0: !tt.ptr<f32>", "%0 = tt.splat %arg0 : !tt.ptr<f32> -> tensor<128x!tt.ptr<f32>>"},
    {"%arg0: tensor<1xi64>", "%0 = tt.unsplat %arg0 : tensor<1xi64>"},
    {"%arg0: tensor<8xf16>", "%0 = tt.expand_dims %arg0 {axis = 1 : i32} : tensor<8xf16> -> tensor<8x1xf16>"},
    {"%arg0: tensor<8x1xf16>", "%0 = tt.broadcast %arg0 : tensor<8x1xf16> -> tensor<8x4xf16>"},
    {"%arg0: tensor<8xi16>", "%0 = tt.cat %arg0, %arg0 : tensor<8xi16> -> tensor<16xi16>"},
    {"%arg0: tensor<8xi16>", "%0 = tt.join %arg0, %arg0 : tensor<8xi16> -> tensor<8x2xi16>"},
    {"%arg0: tensor<8x2xi16>", "%outLHS, %outRHS = tt.split %arg0 : tensor<8x2xi16> -> tensor<8xi16>"},
    {"%arg0: tensor<8x2xi16>", "%0 = tt.reshape %arg0 : tensor<8x2xi16> -> tensor<16xi16>"},
    {"%arg0: tensor<8xi16>",
     "%0 = tt.reshape %arg0 allow_reorder efficient_layout : tensor<8xi16> -> tensor<2x4xi16>"},
    {"%arg0: tensor<8x2xi16>",
     "%0 = tt.trans %arg0 {order = array<i32: 1, 0>} : tensor<8x2xi16> -> tensor<2x8xi16>"},
    {"%arg0: tensor<8x!tt.ptr<f8E5M2>>, %arg1: tensor<8xi64>",
     "%0 = tt.addptr %arg0, %arg1 : tensor<8x!tt.ptr<f8E5M2>>, tensor<8xi64>"},
    {"%arg0: !tt.ptr<!tt.ptr<f32>, 3>", "%0 = tt.load %arg0 : !tt.ptr<!tt.ptr<f32>, 3>"},
    {"%arg0: tensor<8x!tt.ptr<f16>>, %arg1: tensor<8xi1>, %arg2: tensor<8xf16>",
     "%0 = tt.load %arg0, %arg1, %arg2 cacheModifier = cg evictionPolicy = evict_last {isVolatile = true} : "
     "tensor<8x!tt.ptr<f16>>"},
    {"%arg0: tensor<8x!tt.ptr<f16>>, %arg1: tensor<8xi1>, %arg2: tensor<8xf16>",
     "tt.store %arg0, %arg2, %arg1 cacheModifier = wt evictionPolicy = evict_first : tensor<8x!tt.ptr<f16>>"},
    {"%arg0: !tt.ptr<i32>, %arg1: i32", "tt.store %arg0, %arg1 : !tt.ptr<i32>"},
    {"%arg0: tensor<16x32xf16>, %arg1: tensor<32x8xf16>, %arg2: tensor<16x8xf32>",
     "%0 = tt.dot %arg0, %arg1, %arg2, inputPrecision = tf32 {maxNumImpreciseAcc = 4 : i32} : "
     "tensor<16x32xf16> * "
     "tensor<32x8xf16> -> tensor<16x8xf32>"},
    {"%arg0: tensor<2x16x32xi8>, %arg1: tensor<2x32x8xi8>, %arg2: tensor<2x16x8xi32>",
     "%0 = tt.dot %arg0, %arg1, %arg2 : tensor<2x16x32xi8> * tensor<2x32x8xi8> -> tensor<2x16x8xi32>"},
    {"%arg0: tensor<16x64xf8E5M2>, %arg1: tensor<16x2xi8>, %arg2: tensor<32x8xi8>, %arg3: tensor<16x8xf32>",
     "%0 = tt.dot_scaled %arg0 scale %arg1, %arg2, %arg3 lhs = e5m2 rhs = e2m1 {fastMath = false} : "
     "tensor<16x64xf8E5M2>, tensor<16x2xi8> * tensor<32x8xi8> -> tensor<16x8xf32>"},
    {"%arg0: !tt.ptr<f16>, %arg1: i32, %arg2: i64",
     "%0 = tt.make_tensor_descriptor %arg0, [%arg1, %arg1], [%arg2, %arg2] {padding = 2 : i32} : <f16>, "
     "<tensor<64x32xf16>>"},
    {"%arg0: !tt.tensordesc<tensor<1x64x32xsi8>>, %arg1: i32",
     "%0 = tt.descriptor_load %arg0[%arg1, %arg1, %arg1] : !tt.tensordesc<tensor<1x64x32xsi8>> -> "
     "tensor<64x32xi8>"},
    {"%arg0: !tt.tensordesc<tensor<64x32xf16>>, %arg1: i32, %arg2: tensor<64x32xf16>",
     "tt.descriptor_store %arg0[%arg1, %arg1], %arg2 : !tt.tensordesc<tensor<64x32xf16>>, tensor<64x32xf16>"},
    {"%arg0: !tt.tensordesc<tensor<8xf16>>, %arg1: i32, %arg2: tensor<8xf16>",
     "tt.descriptor_reduce add, %arg0[%arg1], %arg2 : !tt.tensordesc<tensor<8xf16>>, tensor<8xf16>"},
    {"%arg0: !tt.tensordesc<tensor<1x32xf16>>, %arg1: tensor<8xi32>, %arg2: i32",
     "%0 = tt.descriptor_gather %arg0[%arg1, %arg2] : (!tt.tensordesc<tensor<1x32xf16>>, tensor<8xi32>, i32) "
     "-> "
     "tensor<8x32xf16>"},
    {"%arg0: !tt.tensordesc<tensor<1x32xf16>>, %arg1: tensor<8xi32>, %arg2: i32, %arg3: tensor<8x32xf16>",
     "tt.descriptor_scatter %arg0[%arg1, %arg2], %arg3 : !tt.tensordesc<tensor<1x32xf16>>, tensor<8xi32>, "
     "i32, "
     "tensor<8x32xf16>"},
    {"%arg0: tensor<8x!tt.ptr<f16>>, %arg1: tensor<8xf16>, %arg2: tensor<8xi1>",
     "%0 = tt.atomic_rmw fadd, acq_rel, gpu, %arg0, %arg1, %arg2 : (tensor<8x!tt.ptr<f16>>, tensor<8xf16>, "
     "tensor<8xi1>) -> tensor<8xf16>"},
    {"%arg0: !tt.ptr<i32>, %arg1: i32",
     "%0 = tt.atomic_rmw exch, relaxed, sys, %arg0, %arg1 : (!tt.ptr<i32>, i32) -> i32"},
    {"%arg0: !tt.ptr<i32>, %arg1: i32",
     "%0 = tt.atomic_cas acquire, cta, %arg0, %arg1, %arg1 : (!tt.ptr<i32>, i32, i32) -> i32"},
    {"%arg0: tensor<8xf32>", "%0 = tt.extern_elementwise %arg0 {libname = \"\", libpath = \"\", pure = true, "
                             "symbol = \"__nv_asinf\"} : "
                             "(tensor<8xf32>) -> tensor<8xf32>"},
    {"%arg0: tensor<8xi32>",
     "%0:2 = tt.elementwise_inline_asm \"mov $0, $2;\" {constraints = \"=r,=r,r,r\", packed_element = 1 : "
     "i32, pure "
     "= true} %arg0, %arg0 : tensor<8xi32>, tensor<8xi32> -> tensor<8xi32>, tensor<8xi32>"},
    {"%arg0: tensor<8xf32>", "%0 = tt.fp_to_fp %arg0, rounding = rtne : tensor<8xf32> -> tensor<8xf8E5M2>"},
    {"%arg0: tensor<8xf16>", "%0 = tt.fp_to_fp %arg0 : tensor<8xf16> -> tensor<8xf32>"},
    {"%arg0: tensor<8xf32>", "%0 = tt.bitcast %arg0 : tensor<8xf32> -> tensor<8xi32>"},
    {"%arg0: i64", "%0 = tt.int_to_ptr %arg0 : i64 -> !tt.ptr<f32>"},
    {"%arg0: !tt.ptr<f32>", "%0 = tt.ptr_to_int %arg0 : !tt.ptr<f32> -> i64"},
    {"%arg0: f32", "%0 = tt.clampf %arg0, %arg0, %arg0, propagateNan = all : f32"},
    {"%arg0: tensor<8xi32>", "%0 = tt.mulhiui %arg0, %arg0 : tensor<8xi32>"},
    {"%arg0: tensor<8xf32>", "%0 = tt.precise_sqrt %arg0 : tensor<8xf32>"},
    {"%arg0: tensor<8xf32>", "%0 = tt.precise_divf %arg0, %arg0 : tensor<8xf32>"},
    {"%arg0: tensor<4x4xf32>, %arg1: tensor<8x4xi64>",
     "%0 = tt.gather %arg0[%arg1] {axis = 0 : i32} : (tensor<4x4xf32>, tensor<8x4xi64>) -> tensor<8x4xf32>"},
    {"%arg0: tensor<64xi32>, %arg1: tensor<64xi1>",
     "%0 = tt.histogram %arg0, %arg1 : tensor<64xi32> -> tensor<16xi32>"},
    {"%arg0: i32", "tt.print \"p: \" {hex = false, isSigned = array<i32: 1>} : %arg0 : i32"},
    {"", "tt.print \"here\" {hex = false, isSigned = array<i32>}"},
    {"%arg0: tensor<8xi1>", "tt.assert %arg0, \"must \\22hold\\22\" : tensor<8xi1>"},
    {"%arg0: !tt.ptr<f16>, %arg1: i64, %arg2: i32", "%0 = tt.make_tensor_ptr %arg0, [%arg1, %arg1], [%arg1, "
                                                    "%arg1], [%arg2, %arg2] {order = array<i32: 1, 0>} : "
                                                    "<tensor<8x4xf16>>"},
    {"%arg0: !tt.ptr<tensor<8x4xf16>>, %arg1: i32",
     "%0 = tt.advance %arg0, [%arg1, %arg1] : <tensor<8x4xf16>>"},
    {"%arg0: !tt.ptr<tensor<8x4xf16>>",
     "%0 = tt.load %arg0 {boundaryCheck = array<i32: 0, 1>, padding = 1 : i32} : !tt.ptr<tensor<8x4xf16>>"},
    {"%arg0: !tt.ptr<tensor<8x4xf16>>, %arg1: tensor<8x4xf16>",
     "tt.store %arg0, %arg1 {boundaryCheck = array<i32: 1>} : !tt.ptr<tensor<8x4xf16>>"},
};

const char* const regions[] = {
    R"(    %0:2 = "tt.reduce"(%arg0, %arg1) <{axis = 1 : i32}> ({
    ^bb0(%arg2: f32, %arg3: i32, %arg4: f32, %arg5: i32):
      %1 = arith.cmpf ogt, %arg2, %arg4 : f32
      %2 = arith.select %1, %arg2, %arg4 : f32
      %3 = arith.select %1, %arg3, %arg5 : i32
      tt.reduce.return %2, %3 : f32, i32
    }) : (tensor<4x8xf32>, tensor<4x8xi32>) -> (tensor<4xf32>, tensor<4xi32>))",
    R"(    %0 = "tt.scan"(%arg0) <{axis = 0 : i32, reverse = true}> ({
    ^bb0(%arg2: f32, %arg3: f32):
      %1 = arith.addf %arg2, %arg3 : f32
      tt.scan.return %1 : f32
    }) : (tensor<4x8xf32>) -> tensor<4x8xf32>)",
    R"(    %0 = "tt.map_elementwise"(%arg0) <{pack = 2 : i32}> ({
    ^bb0(%arg2: f32, %arg3: f32):
      tt.map_elementwise.return %arg3, %arg2 : f32, f32
    }) : (tensor<4x8xf32>) -> tensor<4x8xf32>)"};

} // namespace

TEST_CASE_FIXTURE(ModuleTest, "every operation is printed as it was read") {
  for (const Snippet& snippet : snippets) {
    std::string text = kernelText(snippet.arguments, std::string("    ") + snippet.line);
    CHECK_EQ(print(*parse(text)), text);
  }
}

TEST_CASE_FIXTURE(ModuleTest, "operations with regions are printed as they were read") {
  for (const char* body : regions) {
    std::string text = kernelText("%arg0: tensor<4x8xf32>, %arg1: tensor<4x8xi32>", body);
    CHECK_EQ(print(*parse(text)), text);
  }
}

TEST_CASE_FIXTURE(ModuleTest, "functions keep attributes of arguments, visibility and calls") {
  std::string text = R"ir(module {
  tt.func public @k(%arg0: !tt.ptr<f32> {tt.divisibility = 16 : i32}, %arg1: i32) attributes {noinline = false} {
    %0 = tt.call @"a.b__(1,)"(%arg1) : (i32) -> i32
    tt.return
  }
  tt.func private @"a.b__(1,)"(%arg0: i32) -> i32 attributes {noinline = true} {
    tt.return %arg0 : i32
  }
}
)ir";
  CHECK_EQ(print(*parse(text)), text);
}

TEST_CASE_FIXTURE(ModuleTest, "locations are kept, also on arguments, and printed on demand") {
  std::string text =
      "#loc = loc(\"a.py\":1:2)\nmodule {\n  tt.func public @k(%arg0: i32 loc(\"n\"(#loc))) {\n"
      "    tt.return loc(#loc1)\n  } loc(#loc)\n} loc(#loc)\n#loc1 = loc(\"a.py\":7:3)\n";
  Module module = parse(text);
  CHECK_EQ(print(*module).find("loc("), std::string::npos);
  CHECK_NE(print(*module, true).find("\"a.py\":7:3"), std::string::npos);
  CHECK_NE(print(*module, true).find("loc(\"n\""), std::string::npos);
}

TEST_CASE_FIXTURE(ModuleTest, "effects: loads read, stores write, the rest is free to go") {
  Module module =
      parse(kernelText("%p: !tt.ptr<f32>, %x: f32, %c: i1",
                       "    %0 = tt.load %p : !tt.ptr<f32>\n    tt.store %p, %x : !tt.ptr<f32>\n"
                       "    tt.assert %c, \"m\" : i1\n    %1 = tt.splat %x : f32 -> tensor<8xf32>\n"
                       "    %2 = tt.load %p {isVolatile = true} : !tt.ptr<f32>"));
  CHECK(mlir::hasSingleEffect<mlir::MemoryEffects::Read>(find<tt::LoadOp>(module)));
  CHECK(mlir::hasSingleEffect<mlir::MemoryEffects::Write>(find<tt::StoreOp>(module)));
  CHECK(mlir::isMemoryEffectFree(find<tt::SplatOp>(module)));
  REQUIRE(simplify(*module).has_value());
  CHECK_EQ(count<tt::LoadOp>(module), 1); // the volatile one
  CHECK_EQ(count<tt::AssertOp>(module), 1);
  CHECK_EQ(count<tt::SplatOp>(module), 0);
}
