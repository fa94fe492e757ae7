// The CPU backend from text to results: what it computes, reloads, refuses and reports.
#include "tests/backend/cpu/cpu_support.h"

#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <numeric>

using namespace tuned;
using namespace tuned::test;

namespace {

const char* addKernel = R"(module {
  tt.func public @add(%x: !tt.ptr<f32> {tt.divisibility = 16 : i32}, %y: !tt.ptr<f32>, %z: !tt.ptr<f32>, %n: i32) {
    %block = arith.constant 64 : i32
    %pid = tt.get_program_id x : i32
    %start = arith.muli %pid, %block : i32
    %range = tt.make_range {end = 64 : i32, start = 0 : i32} : tensor<64xi32>
    %tile = tt.splat %start : i32 -> tensor<64xi32>
    %at = arith.addi %tile, %range : tensor<64xi32>
    %limit = tt.splat %n : i32 -> tensor<64xi32>
    %mask = arith.cmpi slt, %at, %limit : tensor<64xi32>
    %xs = tt.splat %x : !tt.ptr<f32> -> tensor<64x!tt.ptr<f32>>
    %xa = tt.addptr %xs, %at : tensor<64x!tt.ptr<f32>>, tensor<64xi32>
    %xv = tt.load %xa, %mask : tensor<64x!tt.ptr<f32>>
    %ys = tt.splat %y : !tt.ptr<f32> -> tensor<64x!tt.ptr<f32>>
    %ya = tt.addptr %ys, %at : tensor<64x!tt.ptr<f32>>, tensor<64xi32>
    %yv = tt.load %ya, %mask : tensor<64x!tt.ptr<f32>>
    %zv = arith.addf %xv, %yv : tensor<64xf32>
    %zs = tt.splat %z : !tt.ptr<f32> -> tensor<64x!tt.ptr<f32>>
    %za = tt.addptr %zs, %at : tensor<64x!tt.ptr<f32>>, tensor<64xi32>
    tt.store %za, %zv, %mask : tensor<64x!tt.ptr<f32>>
    tt.return
  }
})";

std::string assertKernel = R"(module {
  tt.func public @check(%n: i32) {
    %ten = arith.constant 10 : i32
    %pid = tt.get_program_id x : i32
    %ok = arith.cmpi slt, %n, %ten : i32
    tt.assert %ok, "n is too large" : i1
    tt.return
  }
})";

} // namespace

TEST_CASE("masked lanes are neither read nor written, for every length of a tail") {
  for (int n : {1, 15, 16, 17, 63, 64, 65, 130}) {
    // Buffers end at a page that cannot be touched.
    auto x = *cpuDevice().allocate(4096), y = *cpuDevice().allocate(4096), z = *cpuDevice().allocate(4096);
    auto last = [&](Buffer& buffer) { return reinterpret_cast<float*>(buffer.address() + 4096) - n; };
    for (int i = 0; i < n; ++i) {
      last(*x)[i] = float(i);
      last(*y)[i] = 2;
    }
    last(*z)[-1] = 77;
    auto address = [&](Buffer& buffer) { return ArgumentValue(reinterpret_cast<uint64_t>(last(buffer))); };
    auto done = runOnCpu(addKernel, {3, 1, 1}, {address(*x), address(*y), address(*z), i32(n)});
    REQUIRE_MESSAGE(done, done.error().text());
    for (int i = 0; i < n; ++i)
      CHECK(last(*z)[i] == float(i) + 2);
    CHECK(last(*z)[-1] == 77);
  }
}

namespace {
/// z[63 - i] = x[i] + y[i] of 64 numbers.
const char* turnedSum = R"(module {
  tt.func public @turned(%x: !tt.ptr<f32> {tt.divisibility = 16 : i32}, %y: !tt.ptr<f32>, %z: !tt.ptr<f32>) {
    %range = tt.make_range {end = 64 : i32, start = 0 : i32} : tensor<64xi32>
    %last = arith.constant dense<63> : tensor<64xi32>
    %back = arith.subi %last, %range : tensor<64xi32>
    %xs = tt.splat %x : !tt.ptr<f32> -> tensor<64x!tt.ptr<f32>>
    %xa = tt.addptr %xs, %range : tensor<64x!tt.ptr<f32>>, tensor<64xi32>
    %xv = tt.load %xa : tensor<64x!tt.ptr<f32>>
    %ys = tt.splat %y : !tt.ptr<f32> -> tensor<64x!tt.ptr<f32>>
    %ya = tt.addptr %ys, %back : tensor<64x!tt.ptr<f32>>, tensor<64xi32>
    %yv = tt.load %ya : tensor<64x!tt.ptr<f32>>
    %zv = arith.addf %xv, %yv : tensor<64xf32>
    %zs = tt.splat %z : !tt.ptr<f32> -> tensor<64x!tt.ptr<f32>>
    %za = tt.addptr %zs, %back : tensor<64x!tt.ptr<f32>>, tensor<64xi32>
    tt.store %za, %zv : tensor<64x!tt.ptr<f32>>
    tt.return
  }
})";
} // namespace

TEST_CASE(
    "what is read in the loop of a store has conditions; nothing has for any address, and is right there") {
  using Kind = LaunchCondition::Kind;
  auto artefact = compileForCpu(turnedSum);
  REQUIRE_MESSAGE(artefact, artefact.error().text());
  const std::vector<LaunchCondition> expected = {{.kind = Kind::Distinct, .argument = 0, .other = 2},
                                                 {.kind = Kind::SameOrDistinct, .argument = 1, .other = 2}};
  auto conditions = artefact->launch.conditions;
  std::ranges::sort(conditions, {}, &LaunchCondition::argument);
  CHECK(conditions == expected);

  auto anywhere = compileForCpu(turnedSum, {.target = "cpu", .anyAddress = true});
  REQUIRE_MESSAGE(anywhere, anywhere.error().text());
  CHECK(anywhere->launch.conditions.empty());
  auto kernel = cpuDevice().load(*anywhere);
  REQUIRE_MESSAGE(kernel, kernel.error().text());
  std::vector<float> y(64, 1);
  for (int shift : {0, 1, 5}) {
    std::vector<float> both(64 + 8);
    std::iota(both.begin(), both.end(), 0.0F);
    auto at = [&](int place) { return ArgumentValue(reinterpret_cast<uint64_t>(both.data() + place)); };
    REQUIRE(
        cpuDevice().launch(**kernel, {1, 1, 1}, std::vector<ArgumentValue>{at(0), pointerTo(y), at(shift)}));
    for (int i = 0; i < 64; ++i)
      CHECK(both[static_cast<size_t>(shift + 63 - i)] == float(i) + 1);
  }
}

TEST_CASE("an artefact is loaded again without compiling, and only on the machine it was made for") {
  auto artefact = compileForCpu(addKernel);
  REQUIRE_MESSAGE(artefact, artefact.error().text());
  CHECK(artefact->format == "object");
  CHECK(artefact->target == cpuDevice().info().architecture);
  CHECK(artefact->launch.symbol == "kernel.add");
  CHECK(artefact->launch.parameters.size() == 4);
  Artefact copy = *artefact; // as if read from a cache
  auto kernel = cpuDevice().load(copy);
  REQUIRE_MESSAGE(kernel, kernel.error().text());
  std::vector<float> x(100, 1), y(100, 2), z(100);
  std::vector<ArgumentValue> arguments = {pointerTo(x), pointerTo(y), pointerTo(z), i32(100)};
  REQUIRE(cpuDevice().launch(**kernel, {2, 1, 1}, arguments));
  CHECK(z == std::vector<float>(100, 3));
  auto seconds = cpuDevice().time(**kernel, {2, 1, 1}, arguments, {3, false});
  REQUIRE(seconds);
  CHECK(seconds->size() == 3);
  for (double one : *seconds)
    CHECK(one > 0);

  copy.target = "cpu:pentium+00000000";
  auto foreign = cpuDevice().load(copy);
  REQUIRE(!foreign);
  CHECK(foreign.error().kind == ErrorKind::InvalidInput);
  copy = *artefact;
  copy.bytes.resize(copy.bytes.size() / 2);
  CHECK(!cpuDevice().load(copy));
  copy = *artefact;
  copy.launch.symbol = "other";
  CHECK(!cpuDevice().load(copy));
}

TEST_CASE("a kernel may have the name of a function that it calls") {
  std::string text =
      mapKernel(4, "f32", "f32",
                "    %y = tt.extern_elementwise %x {libname = \"\", libpath = \"\", pure = true, symbol = "
                "\"__nv_lgammaf\"} : (tensor<4xf32>) -> tensor<4xf32>");
  text.replace(text.find("@k("), 3, "@lgammaf(");
  std::vector<float> x = {1, 2, 3, 4}, y(4, -1);
  auto done = runOnCpu(text, {1, 1, 1}, {pointerTo(x), pointerTo(y)});
  REQUIRE_MESSAGE(done, done.error().text());
  CHECK(y[0] == 0);
  CHECK(y[3] == doctest::Approx(std::log(6.0)));
}

TEST_CASE("a launch is refused before it runs: arguments and grid") {
  auto kernel = cpuDevice().load(*compileForCpu(addKernel));
  REQUIRE(kernel);
  std::vector<float> x(64);
  std::vector<ArgumentValue> few = {pointerTo(x)}, four = {pointerTo(x), pointerTo(x), pointerTo(x), i32(0)};
  CHECK(cpuDevice().launch(**kernel, {1, 1, 1}, few).error().kind == ErrorKind::InvalidInput);
  CHECK(cpuDevice().launch(**kernel, {0, 1, 1}, four).error().kind == ErrorKind::InvalidInput);
  CHECK(cpuDevice().launch(**kernel, {1, 70000, 1}, four).error().kind == ErrorKind::InvalidInput);
  CHECK(cpuDevice().launch(**kernel, {1, 1, 1}, four));
}

TEST_CASE("a failed assertion is a fault with its message, and the device lives on") {
  CHECK(runOnCpu(assertKernel, {4, 1, 1}, {i32(9)}));
  auto failed = runOnCpu(assertKernel, {4, 1, 1}, {i32(10)});
  REQUIRE(!failed);
  CHECK(failed.error().kind == ErrorKind::Faulted);
  CHECK(failed.error().message.find("n is too large") != std::string::npos);
  CHECK(runOnCpu(assertKernel, {4, 1, 1}, {i32(9)}));
}

TEST_CASE("what cannot be compiled is named, with its place") {
  auto asmKernel =
      mapKernel(4, "i32", "i32",
                "    %y = tt.elementwise_inline_asm \"mov.b32 $0, %laneid;\" {constraints = \"=r,r\", "
                "packed_element = 1 : i32, pure = true} %x : tensor<4xi32> -> tensor<4xi32>");
  auto refused = compileForCpu(asmKernel);
  REQUIRE(!refused);
  CHECK(refused.error().kind == ErrorKind::Unsupported);
  CHECK(refused.error().message.find("tt.elementwise_inline_asm") == 0);
  REQUIRE(refused.error().location);
  CHECK(refused.error().location->line == 9);

  auto unknown = compileForCpu(
      mapKernel(4, "f32", "f32",
                "    %y = tt.extern_elementwise %x {libname = \"\", libpath = \"\", pure = true, "
                "symbol = \"__nv_nonsense\"} : (tensor<4xf32>) -> tensor<4xf32>"));
  REQUIRE(!unknown);
  CHECK(unknown.error().message.find("__nv_nonsense") != std::string::npos);

  auto odd = compileForCpu(mapKernel(48, "f32", "f32", "    %y = arith.addf %x, %x : tensor<48xf32>"));
  REQUIRE(!odd);
  CHECK(odd.error().message.find("48") != std::string::npos);

  auto none = compileForCpu("module {}");
  REQUIRE(!none);
  CHECK(none.error().kind == ErrorKind::InvalidInput);
}

TEST_CASE("stages are handed out in order, as text") {
  std::vector<std::string> stages;
  std::string plan, assembly;
  CompileOptions options;
  options.onStage = [&](const std::string& stage, const std::string& text) {
    stages.push_back(stage);
    if (stage == "plan") plan = text;
    if (stage == "asm") assembly = text;
  };
  REQUIRE(compileForCpu(addKernel, options));
  CHECK(stages == std::vector<std::string>{"ttir", "plan", "llvm", "asm"});
  CHECK(plan.find("add: 0 bytes of scratch") == 0); // everything fuses into one loop
  CHECK(assembly.find("call") == std::string::npos);
}

TEST_CASE("a tile updated in a loop is not spoiled by its own update") {
  // v' = v + transpose(v), four times: element (i, j) of v' needs the old (j, i).
  std::string kernel = R"(module {
  tt.func public @k(%xp: !tt.ptr<f32>) {
    %c0 = arith.constant 0 : i32
    %c1 = arith.constant 1 : i32
    %c4 = arith.constant 4 : i32
    %stride = arith.constant dense<32> : tensor<32x1xi32>
    %r = tt.make_range {end = 32 : i32, start = 0 : i32} : tensor<32xi32>
    %i = tt.expand_dims %r {axis = 1 : i32} : tensor<32xi32> -> tensor<32x1xi32>
    %j = tt.expand_dims %r {axis = 0 : i32} : tensor<32xi32> -> tensor<1x32xi32>
    %row = arith.muli %i, %stride : tensor<32x1xi32>
    %rows = tt.broadcast %row : tensor<32x1xi32> -> tensor<32x32xi32>
    %columns = tt.broadcast %j : tensor<1x32xi32> -> tensor<32x32xi32>
    %at = arith.addi %rows, %columns : tensor<32x32xi32>
    %base = tt.splat %xp : !tt.ptr<f32> -> tensor<32x32x!tt.ptr<f32>>
    %p = tt.addptr %base, %at : tensor<32x32x!tt.ptr<f32>>, tensor<32x32xi32>
    %x = tt.load %p : tensor<32x32x!tt.ptr<f32>>
    %y = scf.for %k = %c0 to %c4 step %c1 iter_args(%v = %x) -> (tensor<32x32xf32>) : i32 {
      %t = tt.trans %v {order = array<i32: 1, 0>} : tensor<32x32xf32> -> tensor<32x32xf32>
      %s = arith.addf %v, %t : tensor<32x32xf32>
      scf.yield %s : tensor<32x32xf32>
    }
    tt.store %p, %y : tensor<32x32x!tt.ptr<f32>>
    tt.return
  }
})";
  std::vector<float> x(1024), expected(1024), next(1024);
  std::iota(x.begin(), x.end(), 0);
  expected = x;
  for (int k = 0; k < 4; ++k) {
    for (int i = 0; i < 32; ++i)
      for (int j = 0; j < 32; ++j)
        next[i * 32 + j] = expected[i * 32 + j] + expected[j * 32 + i];
    expected = next;
  }
  auto done = runOnCpu(kernel, {1, 1, 1}, {pointerTo(x)});
  REQUIRE_MESSAGE(done, done.error().text());
  CHECK(x == expected);
}

TEST_CASE("program instances cover the grid, each once, in three dimensions") {
  std::string kernel = R"(module {
  tt.func public @k(%p: !tt.ptr<i32>) {
    %one = arith.constant 1 : i32
    %true = arith.constant true
    %x = tt.get_program_id x : i32
    %y = tt.get_program_id y : i32
    %z = tt.get_program_id z : i32
    %nx = tt.get_num_programs x : i32
    %ny = tt.get_num_programs y : i32
    %a = arith.muli %z, %ny : i32
    %b = arith.addi %a, %y : i32
    %c = arith.muli %b, %nx : i32
    %d = arith.addi %c, %x : i32
    %at = tt.addptr %p, %d : !tt.ptr<i32>, i32
    %old = tt.atomic_rmw add, relaxed, gpu, %at, %one, %true : (!tt.ptr<i32>, i32, i1) -> i32
    %sum = tt.atomic_rmw add, acq_rel, gpu, %p, %one, %true : (!tt.ptr<i32>, i32, i1) -> i32
    tt.return
  }
})";
  std::vector<int32_t> counts(7 * 5 * 3);
  auto done = runOnCpu(kernel, {7, 5, 3}, {pointerTo(counts)});
  REQUIRE_MESSAGE(done, done.error().text());
  CHECK(counts[0] == 1 + 7 * 5 * 3);
  for (size_t i = 1; i < counts.size(); ++i)
    CHECK(counts[i] == 1);
}

TEST_CASE("buffers: bounds are checked, memory is asked for politely") {
  auto buffer = cpuDevice().allocate(100);
  REQUIRE(buffer);
  CHECK((*buffer)->address() % 256 == 0);
  std::vector<std::byte> bytes(101);
  CHECK(!cpuDevice().upload(**buffer, 0, bytes));
  CHECK(!cpuDevice().download(**buffer, 60, std::span(bytes).first(41)));
  CHECK(cpuDevice().upload(**buffer, 60, std::span(bytes).first(40)));
  CHECK(cpuDevice().allocate(size_t(1) << 62).error().kind == ErrorKind::OutOfResources);
}
