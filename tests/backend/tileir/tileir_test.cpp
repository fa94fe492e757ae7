// Kernel IR to Tile IR: what the bytecode says, as NVIDIA's disassembler reads it (where it is), and what is
// refused before the assembler is asked.
#include "backend/tileir/assemble/assembler.h"
#include "backend/tileir/tileir.h"
#include "backend/toolchain/toolchain.h"
#include "ir/module.h"
#include "tests/backend/occurrences.h"

#include <algorithm>
#include <doctest/doctest.h>

namespace {

using namespace tuned;
using test::count;

struct Emitted {
  Result<Artefact> artefact = fail(ErrorKind::Internal, "not compiled");
  std::string text; ///< empty without a disassembler
};

Emitted emit(const std::string& text, CompileOptions options = {}) {
  auto context = makeContext();
  auto module = parseModule(*context, text, "kernel.ttir");
  REQUIRE_MESSAGE(module.has_value(), module.error().text());
  Emitted result;
  if (options.target.empty()) options.target = "sm_90a";
  options.onStage = [&](const std::string& stage, const std::string& said) {
    if (stage == "tileir") result.text = said;
  };
  result.artefact = tileir::makeEmitter()->compile(**module, "", options);
  if (result.artefact && !toolchain::findProgram("tileirdisasm").empty())
    CHECK_MESSAGE(!result.text.empty(), tileir::disassemble(result.artefact->bytes).error().text());
  return result;
}

/// In the body of a function of two pointers, a number and a tile of 128 pointers to each.
std::string kernel(const std::string& body) {
  return R"(tt.func public @k(%x: !tt.ptr<f32> {tt.divisibility = 16 : i32}, %y: !tt.ptr<i32>, %n: i32) {
    %i = tt.make_range {end = 128 : i32, start = 0 : i32} : tensor<128xi32>
    %xs = tt.splat %x : !tt.ptr<f32> -> tensor<128x!tt.ptr<f32>>
    %xp = tt.addptr %xs, %i : tensor<128x!tt.ptr<f32>>, tensor<128xi32>
    %ys = tt.splat %y : !tt.ptr<i32> -> tensor<128x!tt.ptr<i32>>
    %yp = tt.addptr %ys, %i : tensor<128x!tt.ptr<i32>>, tensor<128xi32>
)" + body +
         "\n tt.return\n}";
}

/// The text of the first line that has `what`.
std::string line(const std::string& text, const std::string& what) {
  size_t at = text.find(what);
  if (at == std::string::npos) return {};
  size_t from = text.rfind('\n', at) + 1;
  return text.substr(from, text.find('\n', at) - from);
}

} // namespace

TEST_CASE("the artefact says how it is launched and what it takes for granted") {
  auto result = emit(
      kernel("%v = tt.load %xp : tensor<128x!tt.ptr<f32>>\n tt.store %xp, %v : tensor<128x!tt.ptr<f32>>"));
  REQUIRE(result.artefact);
  CHECK(result.artefact->compiler == "tileir");
  CHECK(result.artefact->launch.symbol == "k");
  CHECK(result.artefact->launch.threadsPerCta() == 1);
  CHECK(result.artefact->launch.clusterSize == 1);
  REQUIRE(result.artefact->launch.parameters.size() == 3);
  CHECK(result.artefact->launch.parameters[0].sizeBytes == 8);
  CHECK(result.artefact->launch.parameters[2].sizeBytes == 4);
  LaunchCondition aligned{.kind = LaunchCondition::Kind::Divisible, .argument = 0, .value = 16};
  CHECK(result.artefact->launch.conditions == std::vector{aligned});
  if (result.text.empty()) return;
  CHECK(result.text.find("assume div_by<16>, %arg0") != std::string::npos);
  CHECK(result.text.find("num_worker_warps_per_cta = 4") != std::string::npos);
}

TEST_CASE("what a kernel promises of addresses that it loads is told: multiples where each run starts") {
  auto result = emit(R"(tt.func public @k(%bases: !tt.ptr<i64>, %y: !tt.ptr<i32>, %n: i32) {
    %address = tt.load %bases : !tt.ptr<i64>
    %base = tt.int_to_ptr %address : i64 -> !tt.ptr<f16>
    %c = tt.make_range {end = 64 : i32, start = 0 : i32} : tensor<64xi32>
    %columns = tt.expand_dims %c {axis = 0 : i32} : tensor<64xi32> -> tensor<1x64xi32>
    %r = tt.make_range {end = 32 : i32, start = 0 : i32} : tensor<32xi32>
    %rows = tt.expand_dims %r {axis = 1 : i32} : tensor<32xi32> -> tensor<32x1xi32>
    %strides = tt.splat %n : i32 -> tensor<32x1xi32>
    %starts = arith.muli %rows, %strides : tensor<32x1xi32>
    %a = tt.broadcast %starts : tensor<32x1xi32> -> tensor<32x64xi32>
    %b = tt.broadcast %columns : tensor<1x64xi32> -> tensor<32x64xi32>
    %offsets = arith.addi %a, %b : tensor<32x64xi32>
    %p = tt.splat %base : !tt.ptr<f16> -> tensor<32x64x!tt.ptr<f16>>
    %told = tt.addptr %p, %offsets {tt.divisibility = dense<16> : tensor<2xi32>} : tensor<32x64x!tt.ptr<f16>>, tensor<32x64xi32>
    %v = tt.load %told : tensor<32x64x!tt.ptr<f16>>
    %untold = tt.addptr %told, %offsets : tensor<32x64x!tt.ptr<f16>>, tensor<32x64xi32>
    tt.store %untold, %v : tensor<32x64x!tt.ptr<f16>>
    %m = arith.muli %n, %n {tt.divisibility = dense<8> : tensor<1xi32>} : i32
    tt.store %y, %m : !tt.ptr<i32>
    tt.return
  })");
  REQUIRE_MESSAGE(result.artefact.has_value(), result.artefact.error().text());
  if (result.text.empty()) return;
  CHECK(count(result.text, "assume div_by") == 2);
  CHECK(line(result.text, "every 64 along 1").find("div_by<16, every 64 along 1>") != std::string::npos);
  CHECK(result.text.find("assume div_by<8>,") != std::string::npos);
}

TEST_CASE("a build for a grid says so, and that the descriptors it is given pad with zeros") {
  auto result =
      emit(R"(tt.func public @k(%d: !tt.tensordesc<tensor<16x16xf32>>, %m: i32, %n: i32, %s: i64, %t: i64) {
    %zero = arith.constant 0 : i32
    %v = tt.descriptor_load %d[%zero, %zero] : !tt.tensordesc<tensor<16x16xf32>> -> tensor<16x16xf32>
    tt.descriptor_store %d[%zero, %zero], %v : !tt.tensordesc<tensor<16x16xf32>>, tensor<16x16xf32>
    tt.return
  })",
           {.target = "sm_90a", .grid = std::array<int64_t, 3>{8, 2, 1}});
  REQUIRE_MESSAGE(result.artefact.has_value(), result.artefact.error().text());
  auto has = [&](const LaunchCondition& condition) {
    return std::ranges::count(result.artefact->launch.conditions, condition) == 1;
  };
  CHECK(has({.kind = LaunchCondition::Kind::Grid, .programs = {8, 2, 1}}));
  CHECK(has({.kind = LaunchCondition::Kind::PadsZero, .argument = 0}));
}

TEST_CASE("an access waits for the stores before it, also those of the iteration before") {
  auto result = emit(kernel(R"(
    %zero = arith.constant 0 : i32
    %one = arith.constant 1 : i32
    scf.for %j = %zero to %n step %one : i32 {
      %v = tt.load %xp : tensor<128x!tt.ptr<f32>>
      %p = tt.addptr %xp, %i : tensor<128x!tt.ptr<f32>>, tensor<128xi32>
      tt.store %p, %v : tensor<128x!tt.ptr<f32>>
    }
    %w = tt.load %xp : tensor<128x!tt.ptr<f32>>
    tt.store %xp, %w : tensor<128x!tt.ptr<f32>>)"));
  REQUIRE(result.artefact);
  if (result.text.empty()) return;
  CHECK(line(result.text, "load_ptr_tko").find("token=%iterArg") != std::string::npos);
  size_t loop = result.text.find("continue");
  std::string after = result.text.substr(loop);
  CHECK(line(after, "load_ptr_tko").find("token=%for") != std::string::npos);
  CHECK(line(after, "store_ptr_tko").find("token=") != std::string::npos);
}

TEST_CASE("loads of a kernel that has not stored yet wait for nothing") {
  auto result = emit(kernel(R"(
    %zero = arith.constant 0 : i32
    %one = arith.constant 1 : i32
    %none = arith.constant dense<0.0> : tensor<128xf32>
    %sum = scf.for %j = %zero to %n step %one iter_args(%s = %none) -> (tensor<128xf32>) : i32 {
      %v = tt.load %xp : tensor<128x!tt.ptr<f32>>
      %t = arith.addf %s, %v : tensor<128xf32>
      scf.yield %t : tensor<128xf32>
    }
    tt.store %xp, %sum : tensor<128x!tt.ptr<f32>>)"));
  REQUIRE(result.artefact);
  if (result.text.empty()) return;
  CHECK(line(result.text, "load_ptr_tko").find("token=") == std::string::npos);
  CHECK(line(result.text, "store_ptr_tko").find("token=%for") != std::string::npos);
}

TEST_CASE("a product and its sum are one operation only where that is allowed") {
  std::string text = kernel(R"(
    %v = tt.load %xp : tensor<128x!tt.ptr<f32>>
    %m = arith.mulf %v, %v : tensor<128xf32>
    %s = arith.addf %m, %v : tensor<128xf32>
    tt.store %xp, %s : tensor<128x!tt.ptr<f32>>)");
  auto fused = emit(text), apart = emit(text, {.target = "sm_90a", .fuseMultiplyAdd = false});
  REQUIRE(fused.artefact);
  REQUIRE(apart.artefact);
  if (fused.text.empty()) return;
  CHECK(count(fused.text, " fma ") == 1);
  CHECK(count(apart.text, " fma ") == 0);
}

TEST_CASE("nothing is divided by zero") {
  auto guarded = emit(kernel(R"(
    %v = tt.load %yp : tensor<128x!tt.ptr<i32>>
    %q = arith.divsi %i, %v : tensor<128xi32>
    tt.store %yp, %q : tensor<128x!tt.ptr<i32>>)"));
  auto known = emit(kernel(R"(
    %c = arith.constant dense<7> : tensor<128xi32>
    %v = tt.load %yp : tensor<128x!tt.ptr<i32>>
    %q = arith.divsi %v, %c : tensor<128xi32>
    tt.store %yp, %q : tensor<128x!tt.ptr<i32>>)"));
  REQUIRE(guarded.artefact);
  REQUIRE(known.artefact);
  if (guarded.text.empty()) return;
  CHECK(count(guarded.text, " select ") == 3);
  CHECK(count(known.text, " select ") == 0);
}

TEST_CASE("a region's arguments come in pairs") {
  auto result = emit(kernel(R"(
    %v = tt.load %xp : tensor<128x!tt.ptr<f32>>
    %best:2 = "tt.reduce"(%v, %i) <{axis = 0 : i32}> ({
    ^bb0(%a: f32, %ai: i32, %b: f32, %bi: i32):
      %more = arith.cmpf ogt, %a, %b : f32
      %same = arith.cmpf oeq, %a, %b : f32
      %before = arith.cmpi slt, %ai, %bi : i32
      %first = arith.andi %same, %before : i1
      %left = arith.ori %more, %first : i1
      %m = arith.select %left, %a, %b : f32
      %mi = arith.select %left, %ai, %bi : i32
      tt.reduce.return %m, %mi : f32, i32
    }) : (tensor<128xf32>, tensor<128xi32>) -> (f32, i32)
    tt.store %y, %best#1 : !tt.ptr<i32>)"));
  REQUIRE(result.artefact);
  if (result.text.empty()) return;
  CHECK(result.text.find("reduce") != std::string::npos);
  std::string compare = line(result.text, "cmpf greater_than");
  CHECK(compare.find("tile<f32>") != std::string::npos);
}

TEST_CASE("a reduction that may not exchange its operands is refused: Tile IR keeps no order") {
  auto result = emit(kernel(R"(
    %v = tt.load %yp : tensor<128x!tt.ptr<i32>>
    %last = "tt.reduce"(%v) <{axis = 0 : i32}> ({
    ^bb0(%a: i32, %b: i32):
      %d = arith.subi %b, %a : i32
      tt.reduce.return %d : i32
    }) : (tensor<128xi32>) -> i32
    tt.store %y, %last : !tt.ptr<i32>)"));
  REQUIRE_FALSE(result.artefact.has_value());
  CHECK(result.artefact.error().kind == ErrorKind::Unsupported);
  CHECK(result.artefact.error().text().find("tt.reduce") != std::string::npos);
  CHECK(result.artefact.error().text().find("may not be exchanged") != std::string::npos);
}

namespace {
/// A loop in steps of three that loads, or not; `before` defines %up.
std::string countingKernel(const std::string& type, const std::string& before, bool loads) {
  const std::string x = loads ? "%t2 = tt.load %yp : tensor<128x!tt.ptr<i32>>\n"
                              : "%t2 = arith.addi %t, %t : tensor<128xi32>\n";
  const std::string k =
      type == "i32" ? "%k2 = arith.addi %k, %k : i32\n" : "%k2 = arith.trunci %k : i64 to i32\n";
  return R"(tt.func public @k(%y: !tt.ptr<i32>, %n: i32, %m: i64, %b: !tt.ptr<i64>) {
    %i = tt.make_range {end = 128 : i32, start = 0 : i32} : tensor<128xi32>
    %ys = tt.splat %y : !tt.ptr<i32> -> tensor<128x!tt.ptr<i32>>
    %yp = tt.addptr %ys, %i : tensor<128x!tt.ptr<i32>>, tensor<128xi32>
    %zero = arith.constant dense<0> : tensor<128xi32>
    %lo = arith.constant 0 : )" +
         type + "\n%st = arith.constant 3 : " + type + "\n" + before +
         "\n%s = scf.for %k = %lo to %up step %st iter_args(%t = %zero) -> (tensor<128xi32>) : " + type +
         " {\n" + x + k + R"(      %ks = tt.splat %k2 : i32 -> tensor<128xi32>
      %w = arith.addi %t2, %ks : tensor<128xi32>
      scf.yield %w : tensor<128xi32>
    }
    tt.store %yp, %s : tensor<128x!tt.ptr<i32>>
    tt.return
})";
}
} // namespace

TEST_CASE("a loop counts in more bits where its counter may pass the end of its type") {
  for (bool loads : {false, true}) {
    auto known = emit(countingKernel("i32", "%up = arith.constant 300 : i32", loads));
    auto unknown =
        emit(countingKernel("i32", "%one = arith.constant 1 : i32\n%up = arith.subi %n, %one : i32", loads));
    REQUIRE_MESSAGE(known.artefact, known.artefact.error().text());
    REQUIRE_MESSAGE(unknown.artefact, unknown.artefact.error().text());
    CHECK(unknown.artefact->launch.conditions.empty());
    if (known.text.empty()) return;
    CHECK(line(known.text, " for ").find("tile<i32>") != std::string::npos);
    CHECK(line(unknown.text, " for ").find("tile<i64>") != std::string::npos);
    CHECK(count(unknown.text, " trunci ") == 1);
  }
}

TEST_CASE(
    "a loop of 64 bits keeps within them: proven, by a condition of the launch, or by counting rounds") {
  for (bool loads : {false, true}) {
    // Loads are issued ahead: that loop is to keep 64 rounds off.
    const LaunchCondition room{
        .kind = LaunchCondition::Kind::AtMost, .argument = 2, .value = INT64_MAX - 2 - (loads ? 3 * 64 : 0)};
    auto extended = emit(countingKernel("i64", "%up = arith.extsi %n : i32 to i64", loads));
    REQUIRE_MESSAGE(extended.artefact, extended.artefact.error().text());
    CHECK(extended.artefact->launch.conditions.empty());
    auto given = countingKernel("i64", "", loads);
    given.replace(given.find("%up step"), 3, "%m");
    auto argument = emit(given);
    REQUIRE_MESSAGE(argument.artefact, argument.artefact.error().text());
    CHECK(argument.artefact->launch.conditions == std::vector{room});
  }
  const std::string fromMemory = "%up = tt.load %b : !tt.ptr<i64>";
  for (bool loads : {false, true}) {
    auto counted = emit(countingKernel("i64", fromMemory, loads));
    REQUIRE_MESSAGE(counted.artefact, counted.artefact.error().text());
    if (!counted.text.empty()) CHECK(line(counted.text, " for ").find("unsigned") == std::string::npos);
  }
}

TEST_CASE("a loop that loads keeps off both ends of its counter's type, of steps of one, too") {
  // With a step of one nothing wraps, but bounds that the assembler moves by the rounds it is ahead do.
  auto steps = [](const std::string& lower, bool loads) {
    std::string text = countingKernel("i32", "", loads);
    text.replace(text.find("%up step"), 3, "%n");
    text.replace(text.find("arith.constant 3 : i32"), 22, "arith.constant 1 : i32");
    return text.replace(text.find("arith.constant 0 : i32"), 22, lower);
  };
  for (const char* lower : {"arith.constant 0 : i32", "arith.constant -2147483646 : i32"}) {
    auto plain = emit(steps(lower, false)), loading = emit(steps(lower, true));
    REQUIRE_MESSAGE(plain.artefact, plain.artefact.error().text());
    REQUIRE_MESSAGE(loading.artefact, loading.artefact.error().text());
    if (plain.text.empty()) return;
    CHECK(line(plain.text, " for ").find("tile<i32>") != std::string::npos);
    CHECK(line(loading.text, " for ").find("tile<i64>") != std::string::npos);
  }
  // Blocks of a range, as products have them, leave room.
  std::string blocks = steps("arith.constant 0 : i32", true);
  blocks.replace(blocks.find("to %n step"), 10, "to %u step");
  blocks.insert(blocks.find("%lo = "), "%b32 = arith.constant 32 : i32\n%u = arith.divsi %n, %b32 : i32\n");
  auto inBlocks = emit(blocks);
  REQUIRE_MESSAGE(inBlocks.artefact, inBlocks.artefact.error().text());
  if (!inBlocks.text.empty()) CHECK(line(inBlocks.text, " for ").find("tile<i32>") != std::string::npos);
}

TEST_CASE("a block's own loop, as attention along its diagonal has it, counts in the bits that it has") {
  std::string text = countingKernel("i32", "%up = arith.addi %lo, %c64 : i32", true);
  text.replace(
      text.find("%lo = arith.constant 0 : i32"), 28,
      "%pid = tt.get_program_id x : i32\n%c64 = arith.constant 64 : i32\n%lo = arith.muli %pid, %c64 : i32");
  auto unknown = emit(text),
       known = emit(text, {.target = "sm_90a", .grid = std::array<int64_t, 3>{8, 1, 1}});
  REQUIRE_MESSAGE(known.artefact, known.artefact.error().text());
  REQUIRE_MESSAGE(unknown.artefact, unknown.artefact.error().text());
  if (known.text.empty()) return;
  CHECK(line(known.text, " for ").find("tile<i32>") != std::string::npos);
  CHECK(line(unknown.text, " for ").find("tile<i64>") != std::string::npos);
}

TEST_CASE("nothing is compiled for any address") {
  auto refused = emit(countingKernel("i32", "%up = arith.constant 300 : i32", true),
                      {.target = "sm_90a", .anyAddress = true});
  REQUIRE_FALSE(refused.artefact);
  CHECK(refused.artefact.error().kind == ErrorKind::Unsupported);
}

TEST_CASE("a branch of a map is computed on both sides, and each element takes its own") {
  auto result = emit(kernel(R"(
    %v = tt.load %xp : tensor<128x!tt.ptr<f32>>
    %m = "tt.map_elementwise"(%v) <{pack = 1 : i32}> ({
    ^bb0(%a: f32):
      %zero = arith.constant 0.0 : f32
      %less = arith.cmpf olt, %a, %zero : f32
      %r = scf.if %less -> (f32) {
        %s = math.sin %a : f32
        scf.yield %s : f32
      } else {
        scf.yield %zero : f32
      }
      tt.map_elementwise.return %r : f32
    }) : (tensor<128xf32>) -> tensor<128xf32>
    tt.store %xp, %m : tensor<128x!tt.ptr<f32>>)"));
  REQUIRE_MESSAGE(result.artefact, result.artefact.error().text());
  if (result.text.empty()) return;
  CHECK(count(result.text, " select ") == 1);
  CHECK(line(result.text, " sin ").find("tile<128xf32>") != std::string::npos);
}

TEST_CASE("what cannot be said is refused with the operation and its place") {
  auto assembly = emit(kernel(R"(
    %v = tt.elementwise_inline_asm "mov.b32 $0, $1;" {constraints = "=r,r", packed_element = 1 : i32, pure = true} %i : tensor<128xi32> -> tensor<128xi32>
    tt.store %yp, %v : tensor<128x!tt.ptr<i32>>)"));
  REQUIRE(!assembly.artefact);
  CHECK(assembly.artefact.error().kind == ErrorKind::Unsupported);
  CHECK(assembly.artefact.error().message.find("tt.elementwise_inline_asm") != std::string::npos);
  REQUIRE(assembly.artefact.error().location);
  CHECK(assembly.artefact.error().location->line == 8);
  auto old = emit(
      "tt.func public @k(%x: !tt.ptr<f8E5M2>, %v: f8E5M2) { tt.store %x, %v : !tt.ptr<f8E5M2>\n tt.return }",
      {.target = "sm_80"});
  REQUIRE(!old.artefact);
  CHECK(old.artefact.error().message.find("sm_90") != std::string::npos);
}

TEST_CASE("loads of a few bytes are not asked to be early: rings of them only take the assembler long") {
  const std::string text = kernel(R"(
    %few = tt.make_range {end = 16 : i32, start = 0 : i32} : tensor<16xi32>
    %base = tt.splat %x : !tt.ptr<f32> -> tensor<16x!tt.ptr<f32>>
    %fewp = tt.addptr %base, %few : tensor<16x!tt.ptr<f32>>, tensor<16xi32>
    %w = tt.load %fewp : tensor<16x!tt.ptr<f32>>
    tt.store %fewp, %w : tensor<16x!tt.ptr<f32>>
    %v = tt.load %xp : tensor<128x!tt.ptr<f32>>
    tt.store %xp, %v : tensor<128x!tt.ptr<f32>>)");
  auto result = emit(text, {.target = "sm_90a", .latency = 7});
  REQUIRE_MESSAGE(result.artefact, result.artefact.error().text());
  if (result.text.empty()) return;
  size_t few = result.text.find("load_ptr_tko"), many = result.text.find("load_ptr_tko", few + 1);
  REQUIRE(many != std::string::npos);
  CHECK(line(result.text.substr(few), "load_ptr_tko").find("latency") == std::string::npos);
  CHECK(line(result.text.substr(many), "load_ptr_tko").find("latency = 7") != std::string::npos);
}

TEST_CASE("a scan of what comes from a product is refused, also through a loop, and any other is not") {
  const auto kernel = [](const std::string& carried, const std::string& scanned) {
    return R"(tt.func public @k(%x: !tt.ptr<f32>, %n: i32) {
    %a = arith.constant dense<1.0> : tensor<32x32xf16>
    %none = arith.constant dense<0.0> : tensor<32x32xf32>
    %zero = arith.constant 0 : i32
    %one = arith.constant 1 : i32
    %r:2 = scf.for %i = %zero to %n step %one iter_args(%s = %none, %t = %none) -> (tensor<32x32xf32>, tensor<32x32xf32>) : i32 {
      %d = tt.dot %a, %a, %s : tensor<32x32xf16> * tensor<32x32xf16> -> tensor<32x32xf32>
      %e = arith.addf %t, %none : tensor<32x32xf32>
      scf.yield %d, )" +
           carried + R"( : tensor<32x32xf32>, tensor<32x32xf32>
    }
    %twice = arith.addf )" +
           scanned + ", " + scanned + R"( : tensor<32x32xf32>
    %c = "tt.scan"(%twice) <{axis = 1 : i32, reverse = false}> ({
    ^bb0(%l: f32, %m: f32):
      %u = arith.addf %l, %m : f32
      tt.scan.return %u : f32
    }) : (tensor<32x32xf32>) -> tensor<32x32xf32>
    %p = tt.splat %x : !tt.ptr<f32> -> tensor<32x32x!tt.ptr<f32>>
    %both = arith.addf %c, %r#0 : tensor<32x32xf32>
    tt.store %p, %both : tensor<32x32x!tt.ptr<f32>>
    tt.return
})";
  };
  for (const auto& [carried, scanned, taken] :
       {std::tuple{"%e", "%r#0", false}, {"%e", "%r#1", true}, {"%d", "%r#1", false}}) {
    auto emitted = emit(kernel(carried, scanned));
    CHECK_EQ(emitted.artefact.has_value(), taken);
    if (!taken) CHECK_NE(emitted.artefact.error().message.find("tt.scan"), std::string::npos);
  }
}

TEST_CASE("hints out of range are refused, for the assembler ignores them without a word") {
  std::string text = kernel("");
  CHECK(!emit(text, {.target = "sm_90a", .numWarps = 3}).artefact);
  CHECK(!emit(text, {.target = "sm_90a", .numCtas = 32}).artefact);
  CHECK(!emit(text, {.target = "sm_90a", .workerWarps = 5}).artefact);
  CHECK(!emit(text, {.target = "sm_90a", .occupancy = 33}).artefact);
  CHECK(!emit(text, {.target = "sm_90a", .latency = 11}).artefact);
  CHECK(!emit(text, {.target = "sm_70"}).artefact);
  CHECK(emit(text, {.target = "sm_120a", .workerWarps = 16, .occupancy = 2, .latency = 10}).artefact);
}

TEST_CASE("pointers in memory are numbers, and the multiples that are promised are powers of two") {
  auto result = emit(R"(tt.func public @k(%x: !tt.ptr<!tt.ptr<f32>> {tt.divisibility = 24 : i32}) {
    %p = tt.load %x : !tt.ptr<!tt.ptr<f32>>
    %v = tt.load %p : !tt.ptr<f32>
    %q = tt.bitcast %p : !tt.ptr<f32> -> i64
    %r = tt.int_to_ptr %q : i64 -> !tt.ptr<f32>
    tt.store %r, %v : !tt.ptr<f32>
    tt.store %x, %r : !tt.ptr<!tt.ptr<f32>>
    tt.return
  })");
  REQUIRE_MESSAGE(result.artefact, result.artefact.error().text());
  if (result.text.empty()) return;
  CHECK(result.text.find("div_by<8>") != std::string::npos);
  CHECK(result.text.find("int_to_ptr") != std::string::npos);
}

TEST_CASE("the assembler takes it, and its image says what it needs") {
  if (!tileir::isPresent()) return;
  auto context = makeContext();
  auto module = parseModule(*context, kernel(R"(
    %v = tt.load %xp : tensor<128x!tt.ptr<f32>>
    tt.store %xp, %v : tensor<128x!tt.ptr<f32>>)"),
                            "kernel.ttir");
  CompileOptions options{.target = "sm_90a"};
  auto artefact = tileir::makeCompiler()->compile(**module, "", options);
  REQUIRE_MESSAGE(artefact.has_value(), artefact.error().text());
  CHECK(artefact->format == "cubin");
  CHECK(artefact->resources.registers > 0);
  CHECK(artefact->resources.spillBytes == 0);
  CHECK(artefact->assembler.starts_with("tileiras 13."));
}
