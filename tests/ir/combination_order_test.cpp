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

TEST_CASE_FIXTURE(OrderTest, "means by weights commute, though no weight at all leaves the first") {
  const std::string mean = "%z = arith.constant 0.0 : f32\n %u = arith.sitofp %i : i32 to f32\n"
                           "%v = arith.sitofp %j : i32 to f32\n %w = arith.addf %u, %v : f32\n"
                           "%no = arith.cmpf oeq, %w, %z : f32\n %q = arith.divf %v, %w : f32\n"
                           "%part = arith.select %no, %z, %q : f32\n %d = arith.subf %b, %a : f32\n"
                           "%e = arith.mulf %d, %part : f32\n %m = arith.addf %a, %e : f32\n";
  CHECK_FALSE(ordered("f32", mean + "%n = arith.addi %i, %j : i32\n tt.reduce.return %m, %n : f32, i32"));
  CHECK(ordered("f32", mean + "tt.reduce.return %m, %i : f32, i32"));
  module = parse(kernelText("%p: !tt.ptr<f32>", R"(
    %z = arith.constant 0.0 : f32
    %x = arith.constant dense<1.0> : tensor<64xf32>
    %0:2 = "tt.reduce"(%x, %x) <{axis = 0 : i32}> ({
    ^bb0(%a: f32, %u: f32, %b: f32, %v: f32):
      %w = arith.addf %u, %v : f32
      %no = arith.cmpf oeq, %w, %z : f32
      %q = arith.divf %v, %w : f32
      %part = arith.select %no, %z, %q : f32
      %d = arith.subf %b, %a : f32
      %e = arith.mulf %d, %part : f32
      %m = arith.addf %a, %e : f32
      tt.reduce.return %m, %w : f32, f32
    }) : (tensor<64xf32>, tensor<64xf32>) -> (f32, f32)
    tt.store %p, %0#0 : !tt.ptr<f32>)"));
  CHECK_FALSE(tt::orderMatters(find<tt::ReduceOp>(module).getCombineOp())); // a constant from outside
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

TEST_CASE_FIXTURE(
    OrderTest,
    "bounds may lie further apart than their type counts where the lower one may be far below zero") {
  auto apart = [&](const std::string& lower, const std::string& upper, const std::string& step) {
    module = parse(kernelText("%n: i32, %p: !tt.ptr<i32>", "    %lo = arith." + lower + "\n    %up = arith." +
                                                               upper + "\n    %st = arith.constant " + step +
                                                               R"( : i32
    scf.for %i = %lo to %up step %st : i32 { tt.store %p, %i : !tt.ptr<i32> })"));
    return tt::boundsMayBeFarApart(find<mlir::scf::ForOp>(module));
  };
  const std::string any = "addi %n, %n : i32";
  CHECK(apart(any, "constant 1 : i32", "64"));
  CHECK(apart(any, any, "2"));
  CHECK(apart("constant -2147483648 : i32", "constant 0 : i32", "64"));
  CHECK_FALSE(apart("constant -2147483648 : i32", "constant -1 : i32", "64"));
  CHECK_FALSE(apart("constant -2147483647 : i32", "constant 0 : i32", "64"));
  CHECK_FALSE(apart("constant 0 : i32", any, "64"));
  CHECK_FALSE(apart(any, "constant -1 : i32", "64"));
  CHECK_FALSE(apart(any, any, "1"));
}

TEST_CASE_FIXTURE(OrderTest, "bounds with room for rounds before the first and after the last") {
  auto range = [&](const std::string& type, const std::string& step, int64_t ahead) {
    module = parse(kernelText("%n: " + type + ", %p: !tt.ptr<" + type + ">",
                              "    %st = arith.constant " + step + " : " + type +
                                  "\n    scf.for %i = %n to %n step %st : " + type +
                                  " { tt.store %p, %i : !tt.ptr<" + type + "> }"));
    return tt::boundsWithRoom(find<mlir::scf::ForOp>(module), ahead);
  };
  auto plain = range("i32", "3", 0), ahead = range("i32", "3", 64);
  REQUIRE(plain);
  CHECK(plain->least == -2147483648);
  CHECK(plain->most == 2147483645);
  REQUIRE(ahead);
  CHECK(ahead->least == -2147483648 + 192);
  CHECK(ahead->most == 2147483645 - 192);
  CHECK_FALSE(range("i8", "7", 64));
  CHECK_FALSE(range("i32", "-1", 0));
  auto widest = range("i64", "1", 64);
  REQUIRE(widest);
  CHECK(widest->most == INT64_MAX - 64);
}
