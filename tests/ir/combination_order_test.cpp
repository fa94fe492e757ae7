// Which reductions may take their elements in any order, and what becomes of the others.
#include "ir/analysis/combination_order.h"
#include "ir/analysis/loop_counter.h"
#include "ir/transforms/passes.h"
#include "tests/ir/module_support.h"

using namespace tuned;

namespace {

struct OrderTest : ModuleTest {
  /// A kernel that reduces 64 numbers and their indices by a region of (%a, %i, %b, %j).
  bool ordered(const std::string& type, const std::string& region) {
    module = parse(kernelText("%p: !tt.ptr<" + type + ">", R"(
    %r = tt.make_range {end = 64 : i32, start = 0 : i32} : tensor<64xi32>
    %x = arith.constant dense<0x)" + std::string(type == "f32" ? "3F800000" : "1") +
                                                               "> : tensor<64x" + type + R"(>
    %0:2 = "tt.reduce"(%x, %r) <{axis = 0 : i32}> ({
    ^bb0(%a: )" + type + ", %i: i32, %b: " + type + ", %j: i32):\n" +
                                                               region + R"(
    }) : (tensor<64x)" + type + ">, tensor<64xi32>) -> (" + type +
                                                               R"(, i32)
    tt.store %p, %0#0 : !tt.ptr<)" + type + ">"));
    return tt::orderMatters(find<tt::ReduceOp>(module).getCombineOp());
  }
  Module module;
};

const std::string argmaxHead = "%gt = arith.cmpf ogt, %a, %b : f32\n %eq = arith.cmpf oeq, %a, %b : f32\n";
const std::string argmaxTail = "%v = arith.select %c, %a, %b : f32\n %k = arith.select %c, %i, %j : i32\n "
                               "tt.reduce.return %v, %k : f32, i32";

} // namespace

TEST_CASE_FIXTURE(OrderTest,
                  "sums, and the largest with the first of its indices, may be combined in any order") {
  CHECK_FALSE(ordered("f32", "%s = arith.addf %a, %b : f32\n %t = arith.maxsi %j, %i : i32\n"
                             "tt.reduce.return %s, %t : f32, i32"));
  CHECK_FALSE(ordered("f32", argmaxHead +
                                 "%lt = arith.cmpi slt, %i, %j : i32\n %t = arith.andi %eq, %lt : i1\n"
                                 "%c = arith.ori %gt, %t : i1\n" +
                                 argmaxTail));
}

TEST_CASE_FIXTURE(OrderTest, "a region that prefers a side keeps the order") {
  CHECK(ordered("f32", argmaxHead + "%c = arith.ori %gt, %eq : i1\n" + argmaxTail));
  CHECK(ordered("i32", "%s = arith.muli %a, %b : i32\n %m = arith.muli %i, %b : i32\n"
                       "%t = arith.addi %m, %j : i32\n tt.reduce.return %s, %t : i32, i32"));
  CHECK(ordered("f32", "tt.reduce.return %b, %i : f32, i32"));
}

TEST_CASE_FIXTURE(OrderTest, "what does not fold counts as ordered") {
  CHECK(ordered("f32",
                "%s = tt.extern_elementwise %a, %b {libname = \"\", libpath = \"\", pure = true, symbol = "
                "\"__nv_hypotf\"} : (f32, f32) -> f32\n tt.reduce.return %s, %i : f32, i32"));
}

TEST_CASE_FIXTURE(OrderTest, "an ordered reduction becomes a tree over neighbours") {
  REQUIRE(ordered("i32", "%c = arith.cmpi ne, %j, %i : i32\n %s = arith.select %c, %b, %a : i32\n"
                         "tt.reduce.return %s, %j : i32, i32"));
  REQUIRE(mlir::succeeded(orderReductions(*module)));
  CHECK(mlir::succeeded(module->verify()));
  CHECK_EQ(count<tt::ReduceOp>(module), 0);
  CHECK_EQ(count<tt::MapElementwiseOp>(module), 6);
  CHECK_EQ(count<tt::UnsplatOp>(module), 2);
}

TEST_CASE_FIXTURE(OrderTest, "a counter may wrap unless its step is one or its bound leaves room") {
  auto wraps = [&](const std::string& upper, const std::string& step) {
    module = parse(kernelText("%n: i32, %p: !tt.ptr<i32>",
                              "    %lo = arith.constant 0 : i32\n    %up = arith.constant " + upper +
                                  " : i32\n    %st = arith.constant " + step +
                                  R"( : i32
    scf.for %i = %lo to %up step %st : i32 { tt.store %p, %i : !tt.ptr<i32> })"));
    return tt::counterMayWrap(find<mlir::scf::ForOp>(module));
  };
  CHECK_FALSE(wraps("2147483647", "1"));
  CHECK(wraps("2147483647", "2"));
  CHECK_FALSE(wraps("2147483646", "2"));
  CHECK_FALSE(wraps("4096", "64"));
  module = parse(kernelText("%n: i32, %p: !tt.ptr<i32>", R"(    %lo = arith.constant 0 : i32
    %st = arith.constant 64 : i32
    scf.for %i = %lo to %n step %st : i32 { tt.store %p, %i : !tt.ptr<i32> })"));
  auto loop = find<mlir::scf::ForOp>(module);
  CHECK(tt::counterMayWrap(loop));
  CHECK_FALSE(tt::counterMayWrap(loop, 100000));
}
