// Loops over rows: which loads go ahead of which stores, by what means, and what is held in registers
// meanwhile.
#include "backend/nvptx/dialect/nv.h"
#include "backend/nvptx/nvptx.h"
#include "backend/nvptx/ptx/occupancy.h"
#include "ir/module.h"
#include "tests/backend/occurrences.h"

#include <doctest/doctest.h>

using namespace tuned;
using test::count;

namespace {

struct RowLoop {
  int stages = 1;
  std::string output = "y";                          ///< the argument that is stored through
  std::string type = "f32";                          ///< of elements
  std::string load = "tt.load %xp, %mask, %default"; ///< by row pointers, mask and default
  std::string fill = "0.0";                          ///< the default
  std::string before = "", early = "", inside = "";  ///< more operations: before the loop, the load, after it
  std::string last = "%n";                           ///< the upper bound
};

/// Doubles each row of 1024 elements.
std::string rowLoop(const RowLoop& kernel) {
  std::string text = R"(
tt.func public @rows(%x: !tt.ptr<TYPE> {tt.divisibility = 16 : i32}, %y: !tt.ptr<TYPE> {tt.divisibility = 16 : i32}, %flag: !tt.ptr<i32>, %address: i64, %n: i32) {
  %one = arith.constant 1 : i32
  %width = arith.constant 1024 : i32
  %default = arith.constant dense<FILL> : tensor<1024xTYPE>
  %limit = arith.constant dense<1000> : tensor<1024xi32>
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %mask = arith.cmpi slt, %range, %limit : tensor<1024xi32>
  %first = tt.get_program_id x : i32
  %past = arith.addi %first, %one : i32
  %elsewhere = tt.int_to_ptr %address : i64 -> !tt.ptr<TYPE>
  BEFORE
  scf.for %i = %first to LAST step %one : i32 {
    %start = arith.muli %i, %width : i32
    %xr = tt.addptr %x, %start : !tt.ptr<TYPE>, i32
    %xs = tt.splat %xr : !tt.ptr<TYPE> -> tensor<1024x!tt.ptr<TYPE>>
    %xp = tt.addptr %xs, %range : tensor<1024x!tt.ptr<TYPE>>, tensor<1024xi32>
    EARLY
    %v = LOAD : tensor<1024x!tt.ptr<TYPE>>
    %w = arith.addf %v, %v : tensor<1024xTYPE>
    INSIDE
    %yr = tt.addptr %OUTPUT, %start : !tt.ptr<TYPE>, i32
    %ys = tt.splat %yr : !tt.ptr<TYPE> -> tensor<1024x!tt.ptr<TYPE>>
    %yp = tt.addptr %ys, %range : tensor<1024x!tt.ptr<TYPE>>, tensor<1024xi32>
    tt.store %yp, %w, %mask : tensor<1024x!tt.ptr<TYPE>>
  }STAGES
  tt.return
})";
  auto put = [&](const std::string& word, const std::string& value) {
    for (size_t at; (at = text.find(word)) != std::string::npos;)
      text.replace(at, word.size(), value);
  };
  put("BEFORE", kernel.before);
  put("EARLY", kernel.early);
  put("INSIDE", kernel.inside);
  put("LOAD", kernel.load);
  put("OUTPUT", kernel.output);
  put("LAST", kernel.last);
  put("TYPE", kernel.type);
  put("FILL", kernel.fill);
  put("STAGES", kernel.stages > 1 ? " {tt.num_stages = " + std::to_string(kernel.stages) + " : i32}" : "");
  return text;
}

struct Compiled {
  Artefact artefact;
  std::string ptx, pipelined;
};

Compiled compile(const RowLoop& kernel) {
  auto context = makeContext();
  auto module = parseModule(*context, rowLoop(kernel), "rows.ttir");
  REQUIRE_MESSAGE(module.has_value(), module.error().text());
  Compiled result;
  CompileOptions options;
  options.target = "sm_90a";
  options.printAfter = "pipeline-loads";
  options.onStage = [&](const std::string& stage, const std::string& said) {
    if (stage == "ptx") result.ptx = said;
    if (stage == "after pipeline-loads") result.pipelined = said;
  };
  auto artefact = nvptx::makeCompiler()->compile(**module, "", options);
  REQUIRE_MESSAGE(artefact.has_value(), artefact.error().text());
  result.artefact = *artefact;
  return result;
}

bool goesAhead(const RowLoop& kernel) {
  Compiled compiled = compile(kernel);
  std::string loop = compiled.pipelined.substr(compiled.pipelined.find("scf.for"));
  // In the loop the row comes from a slot, or from what the loop carries.
  return loop.find("nv.read_copy") != std::string::npos ||
         loop.substr(0, loop.find('{')).find("iter_args") != std::string::npos;
}

/// What stands in the loop, from its label to the branch back.
std::string loopOf(const std::string& ptx) {
  size_t back = ptx.rfind("bra");
  size_t name = ptx.find("$L__", back);
  std::string label = ptx.substr(name, ptx.find(';', name) - name);
  size_t start = ptx.find(label + ":");
  REQUIRE(start < back);
  return ptx.substr(start, back - start);
}

} // namespace

TEST_CASE("four stages copy three rows ahead, each thread into memory of its own") {
  Compiled rows = compile({.stages = 4});
  CHECK(rows.artefact.resources.sharedBytes == 3 * 1024 * 4);
  CHECK(count(rows.ptx, "bar.sync") + count(rows.ptx, "barrier.sync") == 0);
  CHECK(count(rows.ptx, "cp.async.cg.shared.global") == 4 * 2); // two vectors a row
  CHECK(count(rows.ptx, "cp.async.commit_group") == 4);
  CHECK(count(rows.ptx, "ld.global") == 0);
  std::string loop = loopOf(rows.ptx);
  CHECK(count(loop, "cp.async.wait_group 2;") == 1);
  CHECK(count(loop, "ld.shared.v4") == 2);
  // Read, use, and only then overwrite the slot.
  CHECK(loop.find("cp.async.wait_group") < loop.find("ld.shared"));
  CHECK(loop.rfind("ld.shared") < loop.find("cp.async.cg"));
  CHECK(loop.rfind("st.global") < loop.find("cp.async.cg"));
}

TEST_CASE("no more slots than the loop has iterations") {
  Compiled rows = compile({.stages = 4,
                           .before = "%two = arith.constant 2 : i32\n%end = arith.addi %first, %two : i32\n"
                                     "%final = arith.minsi %end, %n : i32",
                           .last = "%final"});
  CHECK(rows.artefact.resources.sharedBytes == 2 * 1024 * 4);
  CHECK(rows.pipelined.find("pending = 1") != std::string::npos);
}

TEST_CASE("two stages load one row ahead into registers, packed") {
  Compiled rows = compile({.stages = 2, .type = "f16"});
  CHECK(rows.artefact.resources.sharedBytes == 0);
  CHECK(count(rows.ptx, "cp.async") == 0);
  CHECK(count(rows.ptx, "ld.global.v4") == 2);
  std::string loop = loopOf(rows.ptx);
  CHECK(count(loop, "ld.global.v4") == 1);
  CHECK(loop.find("ld.global") < loop.find("st.global"));
  CHECK(count(loop, "mov.b16") == 0);
}

TEST_CASE("loads stay where the loop does not ask, and where they would pass what they must not") {
  CHECK(goesAhead({.stages = 2}));
  CHECK(goesAhead({.stages = 4}));
  CHECK(!goesAhead({.stages = 1}));
  const std::string atomic =
      "%old = tt.atomic_rmw add, acq_rel, gpu, %flag, %one : (!tt.ptr<i32>, i32) -> i32";
  for (int stages : {2, 4}) {
    CAPTURE(stages);
    CHECK(!goesAhead({.stages = stages, .output = "x"}));         // the same argument
    CHECK(!goesAhead({.stages = stages, .output = "elsewhere"})); // who knows
    CHECK(!goesAhead({.stages = stages,
                      .output = "either",
                      .before = "%c = arith.cmpi slt, %first, %n : i32\n%either = arith.select %c, %x, %y : "
                                "!tt.ptr<f32>"}));
    CHECK(!goesAhead({.stages = stages, .inside = atomic}));
    CHECK(!goesAhead({.stages = stages, .inside = "gpu.barrier"}));
    CHECK(!goesAhead({.stages = stages, .load = "tt.load %xp, %mask, %default {isVolatile = true}"}));
    CHECK(!goesAhead({.stages = stages, .inside = "%z = tt.load %flag {isVolatile = true} : !tt.ptr<i32>"}));
    // A harmless load, and a store through a third argument, also under a condition.
    CHECK(goesAhead({.stages = stages, .inside = "%z = tt.load %flag : !tt.ptr<i32>"}));
    CHECK(goesAhead({.stages = stages,
                     .inside = "%c = arith.cmpi slt, %i, %n : i32\nscf.if %c {\n"
                               "tt.store %flag, %i : !tt.ptr<i32>\n}"}));
    CHECK(!goesAhead(
        {.stages = stages, .inside = "%c = arith.cmpi slt, %i, %n : i32\nscf.if %c {\n" + atomic + "\n}"}));
  }
}

TEST_CASE("an address that is read from memory keeps its load, not that of the address") {
  Compiled rows =
      compile({.stages = 4,
               .load = "tt.load %xq, %mask, %default",
               .early = "%fs = tt.splat %flag : !tt.ptr<i32> -> tensor<1024x!tt.ptr<i32>>\n"
                        "%fp = tt.addptr %fs, %range : tensor<1024x!tt.ptr<i32>>, tensor<1024xi32>\n"
                        "%at = tt.load %fp, %mask : tensor<1024x!tt.ptr<i32>>\n"
                        "%xq = tt.addptr %xs, %at : tensor<1024x!tt.ptr<f32>>, tensor<1024xi32>\n"});
  std::string loop = rows.pipelined.substr(rows.pipelined.find("scf.for"));
  CHECK(count(loop, "nv.read_copy") == 1);
  CHECK(count(loop, "tt.load") == 1);
}

TEST_CASE("the IR of copies reads back") {
  auto context = makeContext();
  context->getOrLoadDialect<nvptx::NvDialect>();
  auto again = parseModule(*context, compile({.stages = 4}).pipelined, "pipelined.ttir");
  CHECK_MESSAGE(again.has_value(), (again ? "" : again.error().text()));
}

TEST_CASE("copies bring zero for masked lanes; another default is put in") {
  Compiled zero = compile({.stages = 4}), lowest = compile({.stages = 4, .fill = "0xFF800000"});
  CHECK(count(zero.pipelined, "arith.select") < count(lowest.pipelined, "arith.select"));
}

TEST_CASE("a loop of one iteration is a condition") {
  Compiled rows = compile({.stages = 4, .last = "%past"});
  CHECK(count(rows.ptx, "bra") <= 1);
  CHECK(count(rows.ptx, "cp.async") == 0);
  CHECK(rows.pipelined.find("scf.for") == std::string::npos);
}

TEST_CASE("a limit on registers is kept") {
  auto registersWith = [](int limit) {
    auto context = makeContext();
    auto module =
        parseModule(*context, rowLoop({.stages = 2}), "rows.ttir"); // two rows of 32 elements a thread
    REQUIRE(module.has_value());
    CompileOptions options;
    options.target = "sm_90a";
    options.numWarps = 1;
    options.maxRegisters = limit;
    auto artefact = nvptx::makeCompiler()->compile(**module, "", options);
    REQUIRE_MESSAGE(artefact.has_value(), artefact.error().text());
    return artefact->resources.registers;
  };
  CHECK(registersWith(0) > 40);
  CHECK(registersWith(40) <= 40);
}

TEST_CASE("resident CTAs and the registers that let one more in") {
  auto target = nvptx::parseTarget("sm_90a");
  REQUIRE(target.has_value());
  CHECK(nvptx::residentCtas(*target, 4, 32, 0) == 16);
  CHECK(nvptx::residentCtas(*target, 4, 40, 0) == 12);
  CHECK(nvptx::residentCtas(*target, 16, 96, 0) == 1);
  CHECK(nvptx::residentCtas(*target, 1, 16, 0) == 32);
  CHECK(nvptx::residentCtas(*target, 16, 64, 96 * 1024) == 2);
  for (int registers : nvptx::tighterRegisters(*target, 4, 110, 0)) {
    CHECK(3 * registers >= 2 * 110);
    CHECK(nvptx::residentCtas(*target, 4, registers, 0) > nvptx::residentCtas(*target, 4, 110, 0));
  }
  CHECK(nvptx::tighterRegisters(*target, 4, 110, 0) == std::vector<int>{80, 96});
  CHECK(nvptx::tighterRegisters(*target, 4, 72, 0) == std::vector<int>{48, 64});
  CHECK(nvptx::tighterRegisters(*target, 4, 64, 0).empty());         // 32 of 64 warps are enough
  CHECK(nvptx::tighterRegisters(*target, 4, 72, 40 * 1024).empty()); // shared memory limits
}
