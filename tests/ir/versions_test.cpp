// The text of Triton 3.1 to 3.9: what changed is read, and printed as 3.6 prints it.
#include "tests/ir/module_support.h"

#include <mlir/Dialect/GPU/IR/GPUDialect.h>
#include <mlir/Dialect/SCF/IR/SCF.h>

using namespace tuned;

namespace {

struct Change {
  const char* version;
  const char* arguments;
  const char* before;
  const char* now;
};

const Change changes[] = {
    {"3.0", "%arg0: i32, %arg1: f32", "tt.print \"p\" {hex = false} : %arg0, %arg1 : i32, f32",
     "tt.print \"p\" {hex = false, isSigned = array<i32: 1, 1>} : %arg0, %arg1 : i32, f32"},
    {"3.1", "%arg0: i32", "tt.print \"p\" {hex = true, isSigned = array<i32: 0>} : %arg0 : i32",
     "tt.print \"p\" {hex = true, isSigned = array<i32: 0>} : %arg0 : i32"},
    {"3.1", "%arg0: tensor<8xf32>",
     "%0 = tt.reshape %arg0 {allow_reorder = true, efficient_layout} : tensor<8xf32> -> tensor<2x4xf32>",
     "%0 = tt.reshape %arg0 allow_reorder efficient_layout : tensor<8xf32> -> tensor<2x4xf32>"},
    {"3.1", "%arg0: tensor<8xf32>",
     "%0 = tt.reshape %arg0 {allow_reorder = false} : tensor<8xf32> -> tensor<2x4xf32>",
     "%0 = tt.reshape %arg0 : tensor<8xf32> -> tensor<2x4xf32>"},
    {"3.1", "%arg0: tensor<8xi1>", "tt.assert %arg0, \"m, \\22x\\22\", \"a.py\", \"f\", 12 : tensor<8xi1>",
     "tt.assert %arg0, \"m, \\22x\\22\" : tensor<8xi1>"},
    {"3.1", "%arg0: tensor<8xf16>",
     "%0 = tt.fp_to_fp %arg0, rounding = rtne : tensor<8xf16> -> tensor<8xf8E4M3FNUZ>",
     "%0 = tt.fp_to_fp %arg0, rounding = rtne : tensor<8xf16> -> tensor<8xf8E4M3FN>"},
    {"3.2",
     "%arg0: tensor<16x64xf8E5M2>, %arg1: tensor<16x2xi8>, %arg2: tensor<64x8xf8E5M2>, %arg3: "
     "tensor<16x8xf32>",
     "%0 = tt.dot_scaled %arg0, %arg1, %arg2, %arg3 lhs = e5m2 rhs = e5m2 : tensor<16x64xf8E5M2>, "
     "tensor<16x2xi8> * "
     "tensor<64x8xf8E5M2> -> tensor<16x8xf32>",
     "%0 = tt.dot_scaled %arg0 scale %arg1, %arg2, %arg3 lhs = e5m2 rhs = e5m2 {fastMath = false} : "
     "tensor<16x64xf8E5M2>, tensor<16x2xi8> * tensor<64x8xf8E5M2> -> tensor<16x8xf32>"},
    {"3.2", "%arg0: !tt.ptr<i8, 0>, %arg1: i32",
     "%0 = tt.experimental_descriptor_load %arg0[%arg1, %arg1] : !tt.ptr<i8, 0> -> tensor<64x32xf16>",
     "%0 = tt.reinterpret_tensor_descriptor %arg0 : !tt.ptr<i8, 0> to !tt.tensordesc<tensor<64x32xf16>>\n"
     "    %1 = tt.descriptor_load %0[%arg1, %arg1] : !tt.tensordesc<tensor<64x32xf16>> -> tensor<64x32xf16>"},
    {"3.2", "%arg0: !tt.ptr<i8, 0>, %arg1: i32, %arg2: tensor<64x32xf16>",
     "tt.experimental_descriptor_store %arg0[%arg1, %arg1], %arg2 : !tt.ptr<i8, 0>, tensor<64x32xf16>",
     "%0 = tt.reinterpret_tensor_descriptor %arg0 : !tt.ptr<i8, 0> to !tt.tensordesc<tensor<64x32xf16>>\n"
     "    tt.descriptor_store %0[%arg1, %arg1], %arg2 : !tt.tensordesc<tensor<64x32xf16>>, "
     "tensor<64x32xf16>"},
    {"3.3", "%arg0: !tt.tensordesc<tensor<64x32xf16>>, %arg1: i32",
     "%0 = tt.experimental_descriptor_load %arg0[%arg1, %arg1] : !tt.tensordesc<tensor<64x32xf16>> -> "
     "tensor<64x32xf16>",
     "%0 = tt.descriptor_load %arg0[%arg1, %arg1] : !tt.tensordesc<tensor<64x32xf16>> -> tensor<64x32xf16>"},
    {"3.3", "%arg0: tensor<8x4xf32>, %arg1: tensor<2x4xi32>",
     "%0 = tt.gather %arg0[%arg1] {axis = 0 : i32} : (tensor<8x4xf32>, tensor<2x4xi32>) -> tensor<2x4xf32>",
     "%0 = tt.gather %arg0[%arg1] {axis = 0 : i32} : (tensor<8x4xf32>, tensor<2x4xi32>) -> tensor<2x4xf32>"},
    {"3.3", "%arg0: !tt.ptr<f16>, %arg1: i32, %arg2: i64",
     "%0 = tt.make_tensor_descriptor %arg0, [%arg1, %arg1], [%arg2, %arg2] : <f16>, <tensor<64x32xf16>>",
     "%0 = tt.make_tensor_descriptor %arg0, [%arg1, %arg1], [%arg2, %arg2] : <f16>, <tensor<64x32xf16>>"},
    {"3.3", "%arg0: tensor<64xi32>", "%0 = tt.histogram %arg0 : tensor<64xi32> -> tensor<16xi32>",
     "%0 = tt.histogram %arg0 : tensor<64xi32> -> tensor<16xi32>"},
    {"3.4", "%arg0: tensor<16x64xf8E5M2>, %arg1: tensor<64x4xi8>, %arg2: tensor<16x8xf32>",
     "%0 = tt.dot_scaled %arg0, %arg1, %arg2 lhs = e5m2 rhs = e2m1 {fastMath = true, rhs_k_pack = false} : "
     "tensor<16x64xf8E5M2> * tensor<64x4xi8> -> tensor<16x8xf32>",
     "%0 = tt.dot_scaled %arg0, %arg1, %arg2 lhs = e5m2 rhs = e2m1 {fastMath = true, rhs_k_pack = false} : "
     "tensor<16x64xf8E5M2> * tensor<64x4xi8> -> tensor<16x8xf32>"},
    {"3.4", "%arg0: tensor<64xi32>, %arg1: tensor<64xi1>",
     "%0 = tt.histogram %arg0, %arg1 : tensor<64xi32> -> tensor<16xi32>",
     "%0 = tt.histogram %arg0, %arg1 : tensor<64xi32> -> tensor<16xi32>"},
    {"3.4", "%arg0: !tt.tensordesc<tensor<64x32xf16>>, %arg1: i32, %arg2: tensor<64x32xf16>",
     "tt.descriptor_reduce add, %arg0[%arg1, %arg1], %arg2 : !tt.tensordesc<tensor<64x32xf16>>, "
     "tensor<64x32xf16>",
     "tt.descriptor_reduce add, %arg0[%arg1, %arg1], %arg2 : !tt.tensordesc<tensor<64x32xf16>>, "
     "tensor<64x32xf16>"},
    {"3.5", "%arg0: tensor<1xf32>", "%0 = tt.unsplat %arg0 : tensor<1xf32>",
     "%0 = tt.unsplat %arg0 : tensor<1xf32>"},
    {"3.5", "%arg0: tensor<8xf32>",
     "%0 = \"tt.map_elementwise\"(%arg0) <{pack = 1 : i32}> ({\n    ^bb0(%arg1: f32):\n      "
     "tt.map_elementwise.return %arg1 : f32\n    }) : (tensor<8xf32>) -> tensor<8xf32>",
     "%0 = \"tt.map_elementwise\"(%arg0) <{pack = 1 : i32}> ({\n    ^bb0(%arg1: f32):\n      "
     "tt.map_elementwise.return %arg1 : f32\n    }) : (tensor<8xf32>) -> tensor<8xf32>"},
    {"3.6", "%arg0: !tt.ptr<f16>, %arg1: i32, %arg2: i64",
     "%0 = tt.make_tensor_descriptor %arg0, [%arg1, %arg1], [%arg2, %arg2] {padding = 2 : i32} : <f16>, "
     "<tensor<64x32xf16>>",
     "%0 = tt.make_tensor_descriptor %arg0, [%arg1, %arg1], [%arg2, %arg2] {padding = 2 : i32} : <f16>, "
     "<tensor<64x32xf16>>"},
    {"3.6", "%arg0: tensor<16x16xf32>",
     "%0 = tt.dot %arg0, %arg0, %arg0, inputPrecision = bf16x6 : tensor<16x16xf32> * tensor<16x16xf32> -> "
     "tensor<16x16xf32>",
     "%0 = tt.dot %arg0, %arg0, %arg0, inputPrecision = bf16x6 : tensor<16x16xf32> * tensor<16x16xf32> -> "
     "tensor<16x16xf32>"},
    {"3.6", "%arg0: tensor<16x16xf32>",
     "%0 = tt.dot %arg0, %arg0, %arg0, inputPrecision = bf16x3 : tensor<16x16xf32> * tensor<16x16xf32> -> "
     "tensor<16x16xf32>",
     "%0 = tt.dot %arg0, %arg0, %arg0, inputPrecision = bf16x3 : tensor<16x16xf32> * tensor<16x16xf32> -> "
     "tensor<16x16xf32>"},
    {"3.8", "%arg0: !tt.ptr<f16>, %arg1: i32, %arg2: i64",
     "%0 = tt.make_tensor_descriptor %arg0, [%arg1, %arg1], [%arg2, %arg2] : <f16>, <64x32xf16>",
     "%0 = tt.make_tensor_descriptor %arg0, [%arg1, %arg1], [%arg2, %arg2] : <f16>, <tensor<64x32xf16>>"},
    {"3.8", "%arg0: !tt.tensordesc<64x32xsi8>, %arg1: i32",
     "%0 = tt.descriptor_load %arg0[%arg1, %arg1] : !tt.tensordesc<64x32xsi8> -> tensor<64x32xi8>",
     "%0 = tt.descriptor_load %arg0[%arg1, %arg1] : !tt.tensordesc<tensor<64x32xsi8>> -> tensor<64x32xi8>"},
    {"3.8", "%arg0: !tt.tensordesc<1x32xf16>, %arg1: tensor<8xi16>, %arg2: i32",
     "%0 = tt.descriptor_gather %arg0[%arg1, %arg2] : (!tt.tensordesc<1x32xf16>, tensor<8xi16>, i32) -> "
     "tensor<8x32xf16>",
     "%0 = tt.descriptor_gather %arg0[%arg1, %arg2] : (!tt.tensordesc<tensor<1x32xf16>>, tensor<8xi16>, i32) "
     "-> tensor<8x32xf16>"},
    {"3.8", "", "ttg.barrier all", "gpu.barrier"},
    {"3.7", "", "ttg.barrier global_read|global_write loc(unknown)", "gpu.barrier"},
    {"3.9", "%arg0: !tt.ptr<f32>",
     "%0 = tt.load %arg0 {cachePolicy = #tt.cache_policy<cache_modifier = cg, eviction_policy = evict_last>} "
     ": "
     "!tt.ptr<f32>",
     "%0 = tt.load %arg0 cacheModifier = cg evictionPolicy = evict_last : !tt.ptr<f32>"},
    {"3.9", "%arg0: !tt.ptr<f32>, %arg1: i1, %arg2: f32",
     "%0 = tt.load %arg0, %arg1, %arg2 {cachePolicy = #tt.cache_policy<cache_modifier = none, "
     "eviction_policy = "
     "evict_first>, isVolatile = true} : !tt.ptr<f32>",
     "%0 = tt.load %arg0, %arg1, %arg2 evictionPolicy = evict_first {isVolatile = true} : !tt.ptr<f32>"},
    {"3.9", "%arg0: !tt.ptr<f32>, %arg1: f32",
     "tt.store %arg0, %arg1 {cachePolicy = #tt.cache_policy<cache_modifier = wt, eviction_policy = "
     "evict_normal>} "
     ": !tt.ptr<f32>",
     "tt.store %arg0, %arg1 cacheModifier = wt : !tt.ptr<f32>"},
    {"3.9", "%arg0: tensor<8xf32>", "%0 = tt.approx_divf %arg0, %arg0 : tensor<8xf32>",
     "%0 = arith.divf %arg0, %arg0 : tensor<8xf32>"},
    {"3.9", "%arg0: !tt.ptr<i32>, %arg1: i1",
     "%0 = tt.atomic_load acquire, gpu, %arg0, %arg1 : (!tt.ptr<i32>, i1) -> i32 loc(unknown)",
     "%c0_i32 = arith.constant 0 : i32\n    %0 = tt.atomic_rmw or, acquire, gpu, %arg0, %c0_i32, %arg1 : "
     "(!tt.ptr<i32>, i32, i1) -> i32"},
    {"3.9", "%arg0: tensor<8x!tt.ptr<bf16>>",
     "%0 = tt.atomic_load relaxed, sys, %arg0 : (tensor<8x!tt.ptr<bf16>>) -> tensor<8xbf16>",
     "%0 = tt.bitcast %arg0 : tensor<8x!tt.ptr<bf16>> -> tensor<8x!tt.ptr<i16>>\n    %cst = arith.constant "
     "dense<0> : tensor<8xi16>\n    %1 = tt.atomic_rmw or, relaxed, sys, %0, %cst : (tensor<8x!tt.ptr<i16>>, "
     "tensor<8xi16>) -> tensor<8xi16>\n    %2 = tt.bitcast %1 : tensor<8xi16> -> tensor<8xbf16>"},
    {"3.9", "%arg0: !tt.ptr<f32>, %arg1: f32, %arg2: i1",
     "tt.atomic_store release, cta, %arg0, %arg1, %arg2 : !tt.ptr<f32>",
     "%0 = tt.bitcast %arg0 : !tt.ptr<f32> -> !tt.ptr<i32>\n    %1 = tt.bitcast %arg1 : f32 -> i32\n    %2 = "
     "tt.atomic_rmw exch, release, cta, %0, %1, %arg2 : (!tt.ptr<i32>, i32, i1) -> i32"},
    {"3.9", "", "tt.grid_dependency_wait", ""},
    {"3.6", "",
     "%0 = tt.elementwise_inline_asm \"griddepcontrol.wait; // dummy $0\" {constraints = \"=r\", "
     "packed_element = 1 "
     ": i32, pure = false} -> i32",
     "%c0_i32 = arith.constant 0 : i32"},
};

} // namespace

TEST_CASE_FIXTURE(ModuleTest, "what changed between releases is read") {
  for (const Change& change : changes) {
    INFO("Triton ", change.version, ": ", change.before);
    std::string arguments = change.arguments;
    Module module = parse(kernelText(arguments, std::string("    ") + change.before));
    std::string printed = print(*module);
    CHECK_NE(printed.find((*change.now ? std::string("    ") + change.now + "\n" : "{\n") + "    tt.return"),
             std::string::npos);
  }
}

TEST_CASE_FIXTURE(ModuleTest, "a poll of Triton 3.9 becomes a loop, which ends when its time is up") {
  std::string printed =
      print(*parse(kernelText("%arg0: tensor<4x8x!tt.ptr<i32>>, %arg1: tensor<4x8xi32>",
                              "    %0 = tt.atomic_poll acquire, gpu, %arg0, %arg1 : "
                              "tensor<4x8x!tt.ptr<i32>>, tensor<4x8xi32> -> tensor<4x8xi1>")));
  CHECK_NE(printed.find("scf.while"), std::string::npos);
  CHECK_NE(printed.find("(tensor<4x8xi1>) -> tensor<8xi1>"), std::string::npos);
  CHECK_NE(printed.find("(tensor<8xi1>) -> i1"), std::string::npos);
  Module timed = parse(kernelText(
      "%arg0: !tt.ptr<i32>, %arg1: i32, %arg2: i64, %arg3: !tt.ptr<i1>",
      "    %0 = tt.atomic_poll relaxed, cta, %arg0, %arg1 timeout %arg2 : !tt.ptr<i32>, i32 -> i1\n"
      "    tt.store %arg3, %0 : !tt.ptr<i1>"));
  CHECK_EQ(find<mlir::scf::WhileOp>(timed).getNumResults(), 2);
  CHECK_EQ(find<tt::StoreOp>(timed).getValue(), find<mlir::scf::WhileOp>(timed).getResult(0));
}

TEST_CASE_FIXTURE(ModuleTest, "what only looks like operations of Triton 3.9 is refused with its place") {
  for (const char* line :
       {"%0 = tt.atomic_load relaxed, gpu, %arg0 : (!tt.ptr<index>) -> index", "%0 = tt.atomic_load : (",
        "tt.atomic_store a, b, c :", "%0 = tt.atomic_load relaxed, gpu, %arg0 : (i32, !tt.ptr<f32>) -> f32",
        "tt.atomic_store relaxed, gpu, %arg0 : !tt.ptr<i32",
        "%0 = tt.atomic_poll relaxed, gpu, %arg0, %arg0 : tensor<8x!tt.ptr<x1>> -> i1",
        "%0 = tt.atomic_load relaxed, gpu, %arg0 : ) ->",
        "%0 = tt.load %arg0 {cachePolicy = #tt.cache_policy<",
        "%0 = tt.load %arg0 {cachePolicy = #tt.cache_policy<ca>} : i32"}) {
    INFO(line);
    Error error = refused(kernelText("%arg0: !tt.ptr<i32>", std::string("    ") + line));
    REQUIRE(error.location);
    CHECK_GE(error.location->line, 3);
  }
}

TEST_CASE_FIXTURE(ModuleTest, "the text of 3.6 stays as it is") {
  for (const char* line : {"tt.print \"tt.assert\" {hex = false, isSigned = array<i32: 1>} : %arg0 : i32",
                           "tt.assert %arg1, \"ttg.barrier, tt.reshape {allow_reorder = true}\" : i1"}) {
    std::string text = kernelText("%arg0: i32, %arg1: i1", std::string("    ") + line);
    CHECK_EQ(print(*parse(text)), text);
  }
}

TEST_CASE_FIXTURE(ModuleTest, "block pointers become tensors of pointers, also in loops and branches") {
  Module module = parse(kernelText("%p: !tt.ptr<f16>, %n: i64, %c: i1", R"(    %zero = arith.constant 0 : i32
    %one = arith.constant 1 : i32
    %ten = arith.constant 10 : i32
    %s = arith.constant 1 : i64
    %b = tt.make_tensor_ptr %p, [%n, %n], [%n, %s], [%zero, %zero] {order = array<i32: 1, 0>} : <tensor<16x32xf16>>
    %moved = scf.if %c -> (!tt.ptr<tensor<16x32xf16>>) {
      %m = tt.advance %b, [%one, %zero] : <tensor<16x32xf16>>
      scf.yield %m : !tt.ptr<tensor<16x32xf16>>
    } else {
      scf.yield %b : !tt.ptr<tensor<16x32xf16>>
    }
    %e = scf.for %i = %zero to %ten step %one iter_args(%q = %moved) -> (!tt.ptr<tensor<16x32xf16>>) : i32 {
      %v = tt.load %q {boundaryCheck = array<i32: 0, 1>, padding = 2 : i32} : !tt.ptr<tensor<16x32xf16>>
      tt.store %q, %v {boundaryCheck = array<i32: 1>} : !tt.ptr<tensor<16x32xf16>>
      %next = tt.advance %q, [%zero, %ten] : <tensor<16x32xf16>>
      scf.yield %next : !tt.ptr<tensor<16x32xf16>>
    })"));
  auto simple = simplify(*module);
  REQUIRE_MESSAGE(simple.has_value(), simple.error().text());
  CHECK_EQ(count<tt::MakeTensorPtrOp>(module), 0);
  CHECK_EQ(count<tt::AdvanceOp>(module), 0);
  auto load = find<tt::LoadOp>(module);
  CHECK(load.getMask());
  CHECK(load.getOther());
  CHECK(mlir::isa<mlir::RankedTensorType>(load.getPtr().getType()));
  CHECK(find<tt::StoreOp>(module).getMask());
  CHECK_EQ(print(*module).find("!tt.ptr<tensor"), std::string::npos);
  parse(print(*module));
}
