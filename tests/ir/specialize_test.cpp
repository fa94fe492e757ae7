// From a kernel document to a module, and what simplify() leaves of a module.
#include "ir/frontends/ttir/specialize.h"
#include "tests/ir/module_support.h"

#include <mlir/Dialect/SCF/IR/SCF.h>

using namespace tuned;

namespace {

Kernel scaleKernel(const std::string& source) {
  Kernel kernel;
  kernel.name = "scale";
  kernel.source = source;
  kernel.sourceName = "scale.ttir";
  kernel.entry = "scale";
  kernel.sizes = {"n"};
  kernel.parameters = {{"BLOCK", {64, 128}}};
  kernel.arguments.resize(3);
  kernel.arguments[0].name = "x", kernel.arguments[0].type = "*f32";
  kernel.arguments[0].shape = {*Expression::parse("n")};
  kernel.arguments[1].name = "n", kernel.arguments[1].type = "i32";
  kernel.arguments[1].value = *Expression::parse("n");
  kernel.arguments[2].name = "s", kernel.arguments[2].type = "f32", kernel.arguments[2].floatValue = 0.5;
  kernel.grid = {*Expression::parse("cdiv(n, BLOCK)")};
  return kernel;
}

const std::string source = R"(module {
  tt.func public @scale(%x: !tt.ptr<f32>, %n: i32, %s: f32) {
    %r = tt.make_range {end = ${BLOCK} : i32, start = 0 : i32} : tensor<${BLOCK}xi32>
    %ns = tt.splat %n : i32 -> tensor<${BLOCK}xi32>
    %m = arith.cmpi slt, %r, %ns : tensor<${BLOCK}xi32>
    %xs = tt.splat %x : !tt.ptr<f32> -> tensor<${BLOCK}x!tt.ptr<f32>>
    %p = tt.addptr %xs, %r : tensor<${BLOCK}x!tt.ptr<f32>>, tensor<${BLOCK}xi32>
    %ss = tt.splat %s : f32 -> tensor<${BLOCK}xf32>
    tt.store %p, %ss, %m : tensor<${BLOCK}x!tt.ptr<f32>>
    tt.return
  }
}
)";

} // namespace

TEST_CASE_FIXTURE(ModuleTest, "sizes become constants, the signature stays, buffers say their alignment") {
  auto module = specialize(*context, scaleKernel(source), {{"BLOCK", 64}}, {{"n", 1000}});
  REQUIRE_MESSAGE(module.has_value(), module.error().text());
  tt::FuncOp kernel = function(*module);
  CHECK_EQ(kernel.getNumArguments(), 3u);
  CHECK(kernel.getArgument(1).use_empty());
  CHECK(kernel.getArgument(2).use_empty());
  CHECK(kernel.getArgAttr(0, "tt.divisibility"));
  REQUIRE(simplify(**module).has_value());
  std::string text = print(**module);
  CHECK_NE(text.find("dense<1000> : tensor<64xi32>"), std::string::npos);
  CHECK_NE(text.find("dense<5.000000e-01> : tensor<64xf32>"), std::string::npos);
}

TEST_CASE_FIXTURE(ModuleTest, "errors stand where the user wrote them") {
  std::string bad = source;
  bad.replace(bad.find("arith.cmpi slt"), 14, "arith.cmpi odd");
  auto module = specialize(*context, scaleKernel(bad), {{"BLOCK", 128}}, {{"n", 1000}});
  REQUIRE(!module.has_value());
  REQUIRE(module.error().location.has_value());
  CHECK_EQ(module.error().location->file, "scale.ttir");
  CHECK_EQ(module.error().location->line, 5u);
  // A line with holes before the fault: the column is the template's.
  std::string late = source;
  late.replace(late.find(": tensor<${BLOCK}xi32>\n    %xs"), 22, ": tensor<${BLOCK}xi32> oops");
  auto after = specialize(*context, scaleKernel(late), {{"BLOCK", 128}}, {{"n", 1000}});
  REQUIRE(!after.has_value());
  REQUIRE(after.error().location.has_value());
  CHECK_EQ(after.error().location->line, 5u);
  CHECK_EQ(after.error().location->column, 34u + 23u);
}

TEST_CASE_FIXTURE(ModuleTest, "a document that does not fit its source") {
  Kernel kernel = scaleKernel(source);
  kernel.arguments[0].type = "*f16";
  CHECK_NE(specialize(*context, kernel, {{"BLOCK", 64}}, {{"n", 8}}).error().message.find("*f16"),
           std::string::npos);
  kernel = scaleKernel(source);
  kernel.arguments.pop_back();
  CHECK_NE(specialize(*context, kernel, {{"BLOCK", 64}}, {{"n", 8}}).error().message.find("3 arguments"),
           std::string::npos);
  kernel = scaleKernel(source);
  kernel.entry = "other";
  CHECK_NE(specialize(*context, kernel, {{"BLOCK", 64}}, {{"n", 8}}).error().message.find("@other"),
           std::string::npos);
  kernel = scaleKernel(source);
  CHECK_FALSE(specialize(*context, kernel, {{"BLOCK", 64}}, {{"n", int64_t(1) << 40}}).has_value());
  CHECK_FALSE(specialize(*context, kernel, {{"BLOCK", 96}}, {{"n", 8}}).has_value()); // no power of two
}

TEST_CASE_FIXTURE(ModuleTest, "calls, branches and what is known at compile time go") {
  Module module = parse(R"(module {
  tt.func public @k(%p: !tt.ptr<i32>, %c: i1) {
    %one = arith.constant 1 : i32
    cf.cond_br %c, ^bb1, ^bb2
  ^bb1:
    tt.return
  ^bb2:
    %v = tt.call @f(%one, %c) : (i32, i1) -> i32
    tt.store %p, %v : !tt.ptr<i32>
    tt.return
  }
  tt.func private @f(%a: i32, %c: i1) -> i32 attributes {noinline = true} {
    cf.cond_br %c, ^bb1, ^bb2(%a : i32)
  ^bb1:
    %b = arith.addi %a, %a : i32
    cf.br ^bb2(%b : i32)
  ^bb2(%r: i32):
    tt.return %r : i32
  }
}
)");
  auto simple = simplify(*module);
  REQUIRE_MESSAGE(simple.has_value(), simple.error().text());
  CHECK_EQ(count<tt::CallOp>(module), 0);
  CHECK_EQ(count<tt::FuncOp>(module), 1);
  CHECK(function(module).getBody().hasOneBlock());
  CHECK_EQ(count<tt::StoreOp>(module), 1);
  CHECK_EQ(count<mlir::scf::IfOp>(module), 1);
}

TEST_CASE_FIXTURE(ModuleTest, "text straight from the front end: returns of poison that nothing reaches") {
  Module module = parse(R"(module {
  tt.func public @k(%p: !tt.ptr<i32>, %c: i1) {
    %two = arith.constant 2 : i32
    cf.cond_br %c, ^early, ^late
  ^early:
    tt.return
  ^late:
    %x = tt.call @twice(%two) : (i32) -> i32
    tt.store %p, %x : !tt.ptr<i32>
    tt.return
  ^after:
    tt.return
  }
  tt.func private @twice(%x: i32) -> i32 attributes {noinline = false} {
    %y = arith.addi %x, %x : i32
    tt.return %y : i32
  ^after:
    %z = ub.poison : i32
    cf.br ^more(%z : i32)
  ^more(%w: i32):
    tt.return %w : i32
  }
})");
  auto simple = simplify(*module);
  REQUIRE_MESSAGE(simple.has_value(), simple.error().text());
  CHECK(print(*module).find("arith.constant 4 : i32") != std::string::npos);
  CHECK(count<tt::StoreOp>(module) == 1);
}

TEST_CASE_FIXTURE(ModuleTest, "loops keep their attributes, invariants leave them") {
  Module module = parse(kernelText("%p: !tt.ptr<i32>, %n: i32", R"(    %zero = arith.constant 0 : i32
    %one = arith.constant 1 : i32
    %x:2 = scf.for %i = %zero to %n step %one iter_args(%a = %zero, %u = %one) -> (i32, i32) : i32 {
      %s = tt.splat %n : i32 -> tensor<8xi32>
      %q = arith.muli %s, %s : tensor<8xi32>
      %r = "tt.reduce"(%q) <{axis = 0 : i32}> ({
      ^bb0(%l: i32, %m: i32):
        %t = arith.addi %l, %m : i32
        tt.reduce.return %t : i32
      }) : (tensor<8xi32>) -> i32
      %b = arith.addi %a, %r : i32
      scf.yield %b, %u : i32, i32
    } {tt.num_stages = 3 : i32}
    tt.store %p, %x#0 : !tt.ptr<i32>)"));
  REQUIRE(simplify(*module).has_value());
  auto loop = find<mlir::scf::ForOp>(module);
  CHECK(loop->hasAttr("tt.num_stages"));
  CHECK_EQ(loop.getNumResults(), 1u);
  CHECK_EQ(loop.getBody()->getOperations().size(), 2u);
  CHECK_EQ(find<tt::ReduceOp>(module)->getParentOp(), function(module).getOperation());
}

TEST_CASE_FIXTURE(ModuleTest, "views of splats and constants fold") {
  std::string text =
      kernelText("%p: tensor<8x4x!tt.ptr<f32>>, %x: f32, %y: tensor<8x4xf32>",
                 "    %0 = tt.splat %x : f32 -> tensor<8xf32>\n"
                 "    %1 = tt.expand_dims %0 {axis = 1 : i32} : tensor<8xf32> -> tensor<8x1xf32>\n"
                 "    %2 = tt.broadcast %1 : tensor<8x1xf32> -> tensor<8x4xf32>\n"
                 "    %3 = tt.trans %2 {order = array<i32: 1, 0>} : tensor<8x4xf32> -> tensor<4x8xf32>\n"
                 "    %4 = tt.reshape %3 : tensor<4x8xf32> -> tensor<8x4xf32>\n    tt.store %p, %4 : "
                 "tensor<8x4x!tt.ptr<f32>>\n"
                 "    %5 = tt.trans %y {order = array<i32: 1, 0>} : tensor<8x4xf32> -> tensor<4x8xf32>\n"
                 "    %6 = tt.trans %5 {order = array<i32: 1, 0>} : tensor<4x8xf32> -> tensor<8x4xf32>\n"
                 "    %true = arith.constant dense<true> : tensor<8x4xi1>\n"
                 "    tt.store %p, %6, %true : tensor<8x4x!tt.ptr<f32>>");
  text.replace(text.find("public"), 6, "private"); // tensors are no arguments of kernels
  Module module = parse(text);
  REQUIRE(simplify(*module).has_value());
  CHECK_EQ(function(module).getBody().front().getOperations().size(), 4u); // splat, two stores, return
  module->walk([](tt::StoreOp store) { CHECK_FALSE(store.getMask()); });
}
