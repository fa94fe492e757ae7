// The NVIDIA compiler without a GPU: what the PTX says of accesses and barriers, and how bad input is
// refused.
#include "backend/nvptx/dialect/nv.h"
#include "backend/nvptx/nvptx.h"
#include "ir/module.h"
#include "tests/backend/nvptx/nvptx_kernels.h"
#include "tests/backend/occurrences.h"

#include <doctest/doctest.h>
#include <mlir/IR/Verifier.h>

using namespace tuned;
using test::count;

namespace {

struct Compiled {
  Result<Artefact> artefact = fail(ErrorKind::Internal, "not compiled");
  std::map<std::string, std::string> stages;
};

Compiled compileWith(const std::string& text, CompileOptions options) {
  auto context = makeContext();
  auto module = parseModule(*context, text, "kernel.ttir");
  REQUIRE_MESSAGE(module.has_value(), module.error().text());
  Compiled result;
  options.onStage = [&](const std::string& stage, const std::string& said) { result.stages[stage] = said; };
  result.artefact = nvptx::makeCompiler()->compile(**module, "", options);
  return result;
}

Compiled compile(const std::string& text, int numWarps = 4, const std::string& target = "sm_90a",
                 const std::string& printAfter = {}) {
  CompileOptions options;
  options.target = target;
  options.numWarps = numWarps;
  options.printAfter = printAfter;
  return compileWith(text, options);
}

} // namespace

TEST_CASE("relu moves 16 bytes a thread and takes no shared memory") {
  auto relu = compile(kernels::relu);
  REQUIRE_MESSAGE(relu.artefact.has_value(), relu.artefact.error().text());
  const std::string& ptx = relu.stages["ptx"];
  CHECK(count(ptx, "ld.global.v4.b32") == 2);
  CHECK(count(ptx, "st.global.v4.b32") == 2);
  CHECK(count(ptx, "bar.sync") == 0);
  CHECK(relu.artefact->resources.sharedBytes == 0);
  CHECK(relu.artefact->resources.spillBytes == 0);
  CHECK(relu.artefact->resources.registers > 0);
  CHECK(relu.artefact->launch.threadsPerCta() == 128);
  REQUIRE(relu.artefact->launch.parameters.size() == 3);
  CHECK(relu.artefact->launch.parameters[2].sizeBytes == 4);
}

TEST_CASE("what divides the arguments is a condition of the launch, and nothing is for any address") {
  using Kind = LaunchCondition::Kind;
  const auto multiple = [](int argument) {
    return LaunchCondition{.kind = Kind::Divisible, .argument = argument, .value = 16};
  };
  auto relu = compile(kernels::relu);
  REQUIRE_MESSAGE(relu.artefact.has_value(), relu.artefact.error().text());
  CHECK(relu.artefact->launch.conditions == std::vector{multiple(0), multiple(1), multiple(2)});
  auto anywhere = compileWith(kernels::relu, {.target = "sm_90a", .anyAddress = true});
  REQUIRE_MESSAGE(anywhere.artefact.has_value(), anywhere.artefact.error().text());
  // What is said of numbers stays: they are the problem's.
  CHECK(anywhere.artefact->launch.conditions == std::vector{multiple(2)});
  const std::string& ptx = anywhere.stages["ptx"];
  CHECK(count(ptx, "global.v4") == 0);
  CHECK(count(ptx, "ld.global.b32") == 8);
}

TEST_CASE("a mask that is not known to be uniform over vectors makes accesses single") {
  auto ragged = compile(kernels::raggedRelu);
  REQUIRE_MESSAGE(ragged.artefact.has_value(), ragged.artefact.error().text());
  CHECK(count(ragged.stages["ptx"], "ld.global.v4") == 0);
  CHECK(count(ragged.stages["ptx"], "ld.global.b32") == 8);
}

TEST_CASE("a row reduction waits once a reduction") {
  auto softmax = compile(kernels::softmax);
  REQUIRE_MESSAGE(softmax.artefact.has_value(), softmax.artefact.error().text());
  CHECK(count(softmax.stages["ptx"], "bar.sync") + count(softmax.stages["ptx"], "barrier.sync") == 2);
  CHECK(count(softmax.stages["ptx"], "ex2.approx") == 8);
  CHECK(count(softmax.stages["ptx"], "div.full.f32") == 8);
  CHECK(softmax.artefact->resources.sharedBytes > 0);
}

TEST_CASE("in one warp a reduction needs no shared memory") {
  auto softmax = compile(kernels::softmax, 1);
  REQUIRE(softmax.artefact.has_value());
  CHECK(softmax.artefact->resources.sharedBytes == 0);
  CHECK(count(softmax.stages["ptx"], "bar.sync") == 0);
}

TEST_CASE("with 32 warps each lane takes one warp's part of a reduction") {
  auto softmax = compile(kernels::softmax, 32);
  REQUIRE_MESSAGE(softmax.artefact.has_value(), softmax.artefact.error().text());
  CHECK(count(softmax.stages["ptx"], "ld.shared") == 2);
  CHECK(count(softmax.stages["ptx"], "shfl.sync.bfly") == 2 * (5 + 5));
  CHECK(count(softmax.stages["ptx"], "bar.sync") + count(softmax.stages["ptx"], "barrier.sync") == 2);
}

TEST_CASE("a quotient is moved to the threads that want it, not divided again by each of them") {
  auto scaled = compile(R"(
tt.func public @k(%x: !tt.ptr<bf16> {tt.divisibility = 16 : i32}, %w: !tt.ptr<f32> {tt.divisibility = 16 : i32},
                  %y: !tt.ptr<f32> {tt.divisibility = 16 : i32}, %by: f32) {
  %rows = tt.make_range {end = 128 : i32, start = 0 : i32} : tensor<128xi32>
  %xs = tt.splat %x : !tt.ptr<bf16> -> tensor<128x!tt.ptr<bf16>>
  %xp = tt.addptr %xs, %rows : tensor<128x!tt.ptr<bf16>>, tensor<128xi32>
  %short = tt.load %xp : tensor<128x!tt.ptr<bf16>>
  %v = arith.extf %short : tensor<128xbf16> to tensor<128xf32>
  %bys = tt.splat %by : f32 -> tensor<128xf32>
  %q = arith.divf %v, %bys : tensor<128xf32>
  %column = tt.expand_dims %q {axis = 1 : i32} : tensor<128xf32> -> tensor<128x1xf32>
  %many = tt.broadcast %column : tensor<128x1xf32> -> tensor<128x8xf32>
  %eight = arith.constant dense<8> : tensor<128x1xi32>
  %r1 = tt.expand_dims %rows {axis = 1 : i32} : tensor<128xi32> -> tensor<128x1xi32>
  %r8 = arith.muli %r1, %eight : tensor<128x1xi32>
  %rb = tt.broadcast %r8 : tensor<128x1xi32> -> tensor<128x8xi32>
  %columns = tt.make_range {end = 8 : i32, start = 0 : i32} : tensor<8xi32>
  %c1 = tt.expand_dims %columns {axis = 0 : i32} : tensor<8xi32> -> tensor<1x8xi32>
  %cb = tt.broadcast %c1 : tensor<1x8xi32> -> tensor<128x8xi32>
  %o = arith.addi %rb, %cb : tensor<128x8xi32>
  %ws = tt.splat %w : !tt.ptr<f32> -> tensor<128x8x!tt.ptr<f32>>
  %wp = tt.addptr %ws, %o : tensor<128x8x!tt.ptr<f32>>, tensor<128x8xi32>
  %weights = tt.load %wp : tensor<128x8x!tt.ptr<f32>>
  %product = arith.mulf %many, %weights : tensor<128x8xf32>
  %ys = tt.splat %y : !tt.ptr<f32> -> tensor<128x8x!tt.ptr<f32>>
  %yp = tt.addptr %ys, %o : tensor<128x8x!tt.ptr<f32>>, tensor<128x8xi32>
  tt.store %yp, %product : tensor<128x8x!tt.ptr<f32>>
  tt.return
})",
                        1);
  REQUIRE_MESSAGE(scaled.artefact.has_value(), scaled.artefact.error().text());
  CHECK(count(scaled.stages["ptx"], "div.full.f32") == 128 / 32);
}

TEST_CASE("a scalar is stored by one thread") {
  auto sum = compile(kernels::rowSum);
  REQUIRE_MESSAGE(sum.artefact.has_value(), sum.artefact.error().text());
  CHECK(count(sum.stages["ptx"], "st.global") == 1);
  CHECK(sum.stages["ptx"].find("@%p") != std::string::npos);
}

TEST_CASE("a transposition goes through shared memory once") {
  auto turn = compile(kernels::transpose);
  REQUIRE_MESSAGE(turn.artefact.has_value(), turn.artefact.error().text());
  const std::string& ptx = turn.stages["ptx"];
  CHECK(count(ptx, "ld.global.v4.b32") == 8);
  CHECK(count(ptx, "st.global.v4.b32") == 8);
  CHECK(count(ptx, "bar.sync") + count(ptx, "barrier.sync") == 1);
  CHECK(turn.artefact->resources.sharedBytes == 64 * 64 * 4);
}

TEST_CASE("a dot of halves runs on the tensor cores, fed by ldmatrix") {
  auto matmul = compile(kernels::matmul);
  REQUIRE_MESSAGE(matmul.artefact.has_value(), matmul.artefact.error().text());
  const std::string& ptx = matmul.stages["ptx"];
  CHECK(ptx.find("mma.sync.aligned.m16n8k16") != std::string::npos);
  CHECK(ptx.find("ldmatrix.sync.aligned.m8n8.x4.shared.b16") != std::string::npos);
  CHECK(ptx.find("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16") != std::string::npos);
  // One wait for both operands, one for the result's way to coalesced stores and one in between.
  CHECK(count(ptx, "bar.sync") + count(ptx, "barrier.sync") <= 3);
  CHECK(matmul.artefact->resources.spillBytes == 0);
}

TEST_CASE("multiply-adds of a small dot are shared among all threads") {
  std::string text = R"(
tt.func public @square(%x: !tt.ptr<f32>) {
  %zero = arith.constant dense<0.0> : tensor<16x16xf32>
  %width = arith.constant dense<16> : tensor<16x1xi32>
  %r = tt.make_range {end = 16 : i32, start = 0 : i32} : tensor<16xi32>
  %i = tt.expand_dims %r {axis = 1 : i32} : tensor<16xi32> -> tensor<16x1xi32>
  %j = tt.expand_dims %r {axis = 0 : i32} : tensor<16xi32> -> tensor<1x16xi32>
  %is = arith.muli %i, %width : tensor<16x1xi32>
  %ib = tt.broadcast %is : tensor<16x1xi32> -> tensor<16x16xi32>
  %jb = tt.broadcast %j : tensor<1x16xi32> -> tensor<16x16xi32>
  %o = arith.addi %ib, %jb : tensor<16x16xi32>
  %xs = tt.splat %x : !tt.ptr<f32> -> tensor<16x16x!tt.ptr<f32>>
  %p = tt.addptr %xs, %o : tensor<16x16x!tt.ptr<f32>>, tensor<16x16xi32>
  %a = tt.load %p : tensor<16x16x!tt.ptr<f32>>
  %d = tt.dot %a, %a, %zero : tensor<16x16xf32> * tensor<16x16xf32> -> tensor<16x16xf32>
  tt.store %p, %d : tensor<16x16x!tt.ptr<f32>>
  tt.return
})";
  for (int warps : {1, 2, 4, 8}) {
    auto dot = compile(text, warps);
    REQUIRE_MESSAGE(dot.artefact.has_value(), dot.artefact.error().text());
    // 16 × 16 × 16 of them, by 32 threads a warp; the loop over K is unrolled.
    CHECK(count(dot.stages["ptx"], "fma.rn.f32") <= 16 * 16 * 16 / (32 * warps));
    CHECK(count(dot.stages["ptx"], "fma.rn.f32") > 0);
  }
}

TEST_CASE("before it takes long a compilation asks whether to go on, with what it knows of the code") {
  auto lowered = [](const std::string& text, int numWarps, int numStages, int maxRegisters = 0) {
    Lowered heard;
    CompileOptions options;
    options.target = "sm_90a";
    options.numWarps = numWarps;
    options.numStages = numStages;
    options.maxRegisters = maxRegisters;
    options.goOn = [&](const Lowered& said) {
      heard = said;
      return false;
    };
    auto compiled = compileWith(text, options);
    CHECK(compiled.artefact.error().kind == ErrorKind::Denied);
    CHECK_FALSE(compiled.stages.contains("llvm"));
    return heard;
  };
  // What has no loop is the same with any stages, and nothing else is the same.
  const Lowered relu = lowered(kernels::relu, 4, 1);
  CHECK_FALSE(relu.code.empty());
  CHECK(lowered(kernels::relu, 4, 4).code == relu.code);
  CHECK(lowered(kernels::relu, 8, 1).code != relu.code);
  CHECK(lowered(kernels::relu, 4, 1, 32).code != relu.code);
  // Sums of 64 x 64 floats are 128 registers for each thread of one warp, 32 for each of four.
  const int64_t one = lowered(kernels::matmul, 1, 1).registers,
                four = lowered(kernels::matmul, 4, 1).registers;
  CHECK(one >= 128);
  CHECK(four >= 32);
  CHECK(four <= one - 64);
  CHECK(lowered(kernels::relu, 4, 1).registers < four);
}

TEST_CASE("the IR is valid after every pass and reads back with its layouts") {
  for (const char* kernel : {kernels::relu, kernels::softmax, kernels::transpose, kernels::matmul}) {
    auto compiled = compile(kernel, 4, "sm_80", "all");
    REQUIRE(compiled.artefact.has_value());
    for (const char* pass : {"remove-conversions", "allocate-shared", "insert-barriers"}) {
      auto context = makeContext();
      context->getOrLoadDialect<nvptx::NvDialect>();
      auto again = parseModule(*context, compiled.stages[std::string("after ") + pass], pass);
      CHECK_MESSAGE(again.has_value(), (again ? "" : again.error().text()));
    }
  }
}

TEST_CASE("every target of the table assembles") {
  for (const char* target : {"sm_80", "sm_86", "sm_89", "sm_90a", "sm_100a", "sm_120a"}) {
    auto compiled = compile(kernels::softmax, 4, target);
    CHECK_MESSAGE(compiled.artefact.has_value(), target);
  }
}

TEST_CASE("what cannot be compiled is refused with its place and limit") {
  auto huge = compile(kernels::hugeTranspose);
  REQUIRE(!huge.artefact.has_value());
  CHECK(huge.artefact.error().kind == ErrorKind::OutOfResources);
  CHECK(huge.artefact.error().location.has_value());
  CHECK(huge.artefact.error().message.find("232448") != std::string::npos);
  CHECK(huge.artefact.error().message.find("nv.convert_layout takes 262144") != std::string::npos);

  auto nested = compile(kernels::atomicInReduction);
  REQUIRE(!nested.artefact.has_value());
  CHECK(nested.artefact.error().kind == ErrorKind::Unsupported);
  REQUIRE(nested.artefact.error().location.has_value());
  CHECK(nested.artefact.error().location->line == 6);
  CHECK(nested.artefact.error().message.find("tt.atomic_rmw") != std::string::npos);

  auto warps = compile(kernels::relu, 3);
  CHECK(warps.artefact.error().kind == ErrorKind::InvalidInput);
  auto target = compile(kernels::relu, 4, "sm_61");
  CHECK(target.artefact.error().kind == ErrorKind::Unsupported);
  CHECK(target.artefact.error().remedy.find("sm_90a") != std::string::npos);
}

TEST_CASE("a signed i1 is 0 or -1, also on its way to bf16") {
  auto compiled = compile(R"(tt.func public @k(%p: !tt.ptr<i8>, %q: !tt.ptr<bf16>) {
    %x = tt.load %p : !tt.ptr<i8>
    %b = arith.trunci %x : i8 to i1
    %y = arith.sitofp %b : i1 to bf16
    tt.store %q, %y : !tt.ptr<bf16>
    tt.return })");
  REQUIRE_MESSAGE(compiled.artefact.has_value(), compiled.artefact.error().text());
  CHECK(count(compiled.stages["ptx"], "neg.s32") == 1); // of the bit, as an integer
}
