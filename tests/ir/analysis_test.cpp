// Facts about indices, pointers and masks as backends use them.
#include "ir/analysis/address/addresses.h"
#include "ir/kernel/grid.h"
#include "tests/ir/module_support.h"

#include <mlir/Dialect/SCF/IR/SCF.h>

using namespace tuned;
using tt::AxisInfo;
using tt::AxisInfoAnalysis;
using Dims = AxisInfo::Dims;

namespace {

struct AnalysisTest : ModuleTest {
  /// Facts about the value the last operation of the kernel before its return gives.
  AxisInfo last(const std::string& arguments, const std::string& body, int64_t programs = 0) {
    module = parse(kernelText(arguments, body));
    if (programs) tt::setGrid(function(module), {programs, 1, 1});
    AxisInfoAnalysis analysis(function(module));
    return analysis.of(function(module).getBody().front().getTerminator()->getPrevNode()->getResult(0));
  }
  Module module;
};

const std::string range = "    %r = tt.make_range {end = 128 : i32, start = 0 : i32} : tensor<128xi32>\n";
const std::string block = range +
                          "    %pid = tt.get_program_id x : i32\n    %size = arith.constant 128 : i32\n"
                          "    %start = arith.muli %pid, %size : i32\n"
                          "    %s = tt.splat %start : i32 -> tensor<128xi32>\n"
                          "    %i = arith.addi %s, %r : tensor<128xi32>\n";

} // namespace

TEST_CASE_FIXTURE(AnalysisTest, "a block of indices is contiguous from a multiple of its size") {
  AxisInfo info = last("", block);
  CHECK_EQ(info.contiguity, Dims{128});
  CHECK_EQ(info.divisibility, Dims{128});
  CHECK_EQ(info.constancy, Dims{1});
  CHECK_FALSE(info.isNatural()); // 2^31 / 128 programs and more would wrap
  AxisInfo known = last("", block, 1000);
  CHECK(known.isNatural());
  CHECK_EQ(known.upper, std::optional<int64_t>(127999));
}

TEST_CASE_FIXTURE(AnalysisTest, "pointers count alignment in bytes, and take vectors of it") {
  AxisInfo info = last("%p: !tt.ptr<f16> {tt.divisibility = 16 : i32}",
                       block + "    %ps = tt.splat %p : !tt.ptr<f16> -> tensor<128x!tt.ptr<f16>>\n"
                               "    %a = tt.addptr %ps, %i : tensor<128x!tt.ptr<f16>>, tensor<128xi32>");
  CHECK_EQ(info.contiguity, Dims{128});
  CHECK_EQ(info.divisibility, Dims{16});
  AxisInfoAnalysis analysis(function(module));
  CHECK_EQ(analysis.vectorLength(find<tt::AddPtrOp>(module), {}, 0), 8);
}

TEST_CASE_FIXTURE(AnalysisTest,
                  "hints on values that wrap are believed by those alone who read sixteen bytes at once") {
  const std::string hint =
      " {tt.contiguity = dense<128> : tensor<1xi32>, tt.divisibility = dense<128> : tensor<1xi32>}";
  const std::string limits = block + "    %c = arith.constant dense<40> : tensor<128xi32>\n";
  const std::string wrapped = limits + "    %w = arith.remsi %i, %c" + hint + " : tensor<128xi32>";
  CHECK_EQ(last("", wrapped).contiguity, Dims{128});
  auto remainder = find<mlir::arith::RemSIOp>(module);
  CHECK_EQ(AxisInfoAnalysis(function(module), tt::Hints::NotOfWrapped).of(remainder).contiguity, Dims{1});
  last("", limits + "    %w = arith.addi %i, %c" + hint + " : tensor<128xi32>");
  auto sum = find<mlir::arith::AddIOp>(module);
  CHECK_EQ(AxisInfoAnalysis(function(module), tt::Hints::NotOfWrapped).of(sum).divisibility, Dims{128});
}

TEST_CASE_FIXTURE(AnalysisTest, "a mask is constant over runs that the limit is a multiple of") {
  std::string mask = block + "    %ns = tt.splat %n : i32 -> tensor<128xi32>\n"
                             "    %m = arith.cmpi slt, %i, %ns : tensor<128xi32>";
  CHECK_EQ(last("%n: i32 {tt.divisibility = 16 : i32}", mask).constancy, Dims{16});
  CHECK_EQ(last("%n: i32", mask).constancy, Dims{1});
  std::string swapped = block + "    %ns = tt.splat %n : i32 -> tensor<128xi32>\n"
                                "    %m = arith.cmpi sge, %ns, %i : tensor<128xi32>";
  CHECK_EQ(last("%n: i32 {tt.divisibility = 16 : i32}", swapped).constancy,
           Dims{1}); // n >= i changes at n + 1
  std::string through = range + "    %c = arith.constant dense<15> : tensor<128xi32>\n"
                                "    %m = arith.cmpi sle, %r, %c : tensor<128xi32>";
  CHECK_EQ(last("", through).constancy, Dims{16});
}

TEST_CASE_FIXTURE(AnalysisTest, "bounds decide comparisons") {
  std::string decided = range + "    %c = arith.constant dense<128> : tensor<128xi32>\n"
                                "    %m = arith.cmpi slt, %r, %c : tensor<128xi32>";
  AxisInfo info = last("", decided);
  CHECK_EQ(info.constant, std::optional<int64_t>(1));
  CHECK_EQ(info.constancy, Dims{128});
  AxisInfo sum = last("", range + "    %c = arith.constant dense<1000> : tensor<128xi32>\n"
                                  "    %m = arith.addi %r, %c : tensor<128xi32>");
  CHECK_EQ(sum.lower, std::optional<int64_t>(1000));
  CHECK_EQ(sum.upper, std::optional<int64_t>(1127));
  CHECK_EQ(sum.divisibility, Dims{8});
}

TEST_CASE_FIXTURE(AnalysisTest, "rows and columns of a tile") {
  AxisInfo info = last(
      "%p: !tt.ptr<f32> {tt.divisibility = 16 : i32}, %stride: i32 {tt.divisibility = 16 : i32}",
      range + "    %rows = tt.expand_dims %r {axis = 1 : i32} : tensor<128xi32> -> tensor<128x1xi32>\n"
              "    %columns = tt.expand_dims %r {axis = 0 : i32} : tensor<128xi32> -> tensor<1x128xi32>\n"
              "    %st = tt.splat %stride : i32 -> tensor<128x1xi32>\n"
              "    %ro = arith.muli %rows, %st : tensor<128x1xi32>\n"
              "    %ps = tt.splat %p : !tt.ptr<f32> -> tensor<128x1x!tt.ptr<f32>>\n"
              "    %rp = tt.addptr %ps, %ro : tensor<128x1x!tt.ptr<f32>>, tensor<128x1xi32>\n"
              "    %rb = tt.broadcast %rp : tensor<128x1x!tt.ptr<f32>> -> tensor<128x128x!tt.ptr<f32>>\n"
              "    %cb = tt.broadcast %columns : tensor<1x128xi32> -> tensor<128x128xi32>\n"
              "    %a = tt.addptr %rb, %cb : tensor<128x128x!tt.ptr<f32>>, tensor<128x128xi32>");
  CHECK_EQ(info.contiguity, Dims{1, 128});
  CHECK_EQ(info.divisibility[1], 16);
  AxisInfoAnalysis analysis(function(module));
  mlir::Value pointers = function(module).getBody().front().getTerminator()->getPrevNode()->getResult(0);
  CHECK_EQ(analysis.vectorLength(pointers, {}, 1), 4);
  CHECK_EQ(analysis.vectorLength(pointers, {}, 0), 1);
}

TEST_CASE_FIXTURE(AnalysisTest, "quotients and remainders of contiguous indices") {
  std::string sixteen = "    %c = arith.constant dense<16> : tensor<128xi32>\n";
  AxisInfo quotient = last("", block + sixteen + "    %q = arith.divsi %i, %c : tensor<128xi32>", 1000);
  CHECK_EQ(quotient.constancy, Dims{16});
  AxisInfo rest = last("", block + sixteen + "    %q = arith.remsi %i, %c : tensor<128xi32>", 1000);
  CHECK_EQ(rest.contiguity, Dims{16});
  CHECK_EQ(rest.upper, std::optional<int64_t>(15));
  // Around zero a quotient that rounds toward zero has runs of another length.
  AxisInfo negative = last("", range + sixteen +
                                   "    %d = arith.constant dense<-64> : tensor<128xi32>\n"
                                   "    %i = arith.addi %r, %d : tensor<128xi32>\n"
                                   "    %q = arith.divsi %i, %c : tensor<128xi32>");
  CHECK_EQ(negative.constancy, Dims{1});
}

TEST_CASE_FIXTURE(AnalysisTest, "reshapes keep runs of the last dimension") {
  AxisInfo info = last("", range + "    %t = tt.reshape %r : tensor<128xi32> -> tensor<8x16xi32>");
  CHECK_EQ(info.contiguity, Dims{1, 16});
  CHECK_EQ(info.divisibility[1], 16);
  AxisInfo wide = last("%n: i32", "    %s = tt.splat %n : i32 -> tensor<128xi32>\n"
                                  "    %t = tt.reshape %s : tensor<128xi32> -> tensor<8x16xi32>");
  CHECK_EQ(wide.constancy, Dims{8, 16});
}

TEST_CASE_FIXTURE(AnalysisTest, "loops: what holds in every round, and no more") {
  std::string loop = "    %zero = arith.constant 0 : i32\n    %step = arith.constant 64 : i32\n"
                     "    %end = arith.constant 1024 : i32\n    %ps = tt.splat %p : !tt.ptr<f32> -> "
                     "tensor<128x!tt.ptr<f32>>\n" +
                     range +
                     "    %a = tt.addptr %ps, %r : tensor<128x!tt.ptr<f32>>, tensor<128xi32>\n"
                     "    %moved = tt.splat %STEP : i32 -> tensor<128xi32>\n"
                     "    %x:2 = scf.for %k = %zero to %end step %step iter_args(%q = %a, %j = %zero) -> "
                     "(tensor<128x!tt.ptr<f32>>, "
                     "i32) : i32 {\n"
                     "      %n = tt.addptr %q, %moved : tensor<128x!tt.ptr<f32>>, tensor<128xi32>\n"
                     "      %jj = arith.addi %j, %step : i32\n"
                     "      scf.yield %n, %jj : tensor<128x!tt.ptr<f32>>, i32\n    }";
  auto with = [&](const std::string& step) {
    std::string text = loop;
    text.replace(text.find("%STEP"), 5, step);
    return text;
  };
  AxisInfo even = last("%p: !tt.ptr<f32> {tt.divisibility = 16 : i32}, %odd: i32", with("%step"));
  CHECK_EQ(even.contiguity, Dims{128});
  CHECK_EQ(even.divisibility, Dims{16});
  auto loopOp = find<mlir::scf::ForOp>(module);
  AxisInfoAnalysis analysis(function(module));
  const AxisInfo& k = analysis.of(loopOp.getInductionVar());
  CHECK_EQ(k.divisibility, Dims{64});
  CHECK_EQ(k.lower, std::optional<int64_t>(0));
  CHECK_EQ(k.upper, std::optional<int64_t>(1023));
  CHECK_FALSE(analysis.of(loopOp.getResult(1)).upper.has_value());
  CHECK_EQ(analysis.of(loopOp.getResult(1)).divisibility, Dims{64});
  AxisInfo odd = last("%p: !tt.ptr<f32> {tt.divisibility = 16 : i32}, %odd: i32", with("%odd"));
  CHECK_EQ(odd.contiguity, Dims{128});
  CHECK_EQ(odd.divisibility, Dims{4});
}

TEST_CASE_FIXTURE(AnalysisTest, "branches give what both sides have") {
  AxisInfo info = last("%c: i1", "    %a = arith.constant 32 : i32\n    %b = arith.constant 48 : i32\n"
                                 "    %x = scf.if %c -> (i32) {\n      scf.yield %a : i32\n    } else {\n"
                                 "      scf.yield %b : i32\n    }");
  CHECK_EQ(info.divisibility, Dims{16});
  CHECK_EQ(info.lower, std::optional<int64_t>(32));
  CHECK_EQ(info.upper, std::optional<int64_t>(48));
  CHECK_FALSE(info.constant.has_value());
}

TEST_CASE_FIXTURE(AnalysisTest, "hints and assumptions are believed") {
  AxisInfo info =
      last("%t: tensor<128xi32>",
           "    %one = arith.constant dense<1> : tensor<128xi32>\n"
           "    %x = arith.muli %t, %t {tt.contiguity = dense<64> : tensor<1xi32>, tt.divisibility = "
           "dense<32> : tensor<1xi32>} : tensor<128xi32>");
  CHECK_EQ(info.contiguity, Dims{64});
  CHECK_EQ(info.divisibility, Dims{32});
  AxisInfo assumed =
      last("%p: !tt.ptr<i32>", "    %n = tt.load %p : !tt.ptr<i32>\n    %zero = arith.constant 0 : i32\n"
                               "    %eight = arith.constant 8 : i32\n    %m = arith.remsi %n, %eight : i32\n"
                               "    %e = arith.cmpi eq, %m, %zero : i32\n    llvm.intr.assume %e : i1\n"
                               "    %g = arith.cmpi sgt, %n, %zero : i32\n    llvm.intr.assume %g : i1\n"
                               "    %x = arith.addi %n, %eight : i32");
  CHECK_EQ(assumed.divisibility, Dims{8});
  AxisInfoAnalysis analysis(function(module));
  CHECK_EQ(analysis.of(find<tt::LoadOp>(module)).lower, std::optional<int64_t>(1));
}

TEST_CASE_FIXTURE(AnalysisTest, "values nothing is known of") {
  AxisInfo info = last("%p: tensor<8x4x!tt.ptr<i32>>", "    %x = tt.load %p : tensor<8x4x!tt.ptr<i32>>");
  CHECK_EQ(info, AxisInfo::unknown(find<tt::LoadOp>(module).getType()));
  CHECK_EQ(info.rank(), 2u);
}

TEST_CASE_FIXTURE(AnalysisTest, "nothing is assumed of an argument's sign") {
  std::string moved = range + "    %c = arith.constant dense<16> : tensor<128xi32>\n"
                              "    %a = tt.splat %n : i32 -> tensor<128xi32>\n"
                              "    %i = arith.addi %r, %a : tensor<128xi32>\n";
  std::string argument = "%n: i32 {tt.divisibility = 16 : i32}";
  CHECK_EQ(last(argument, moved + "    %q = arith.divsi %i, %c : tensor<128xi32>").constancy, Dims{1});
  CHECK_EQ(last(argument, moved + "    %q = arith.remsi %i, %c : tensor<128xi32>").contiguity, Dims{1});
  // Without a sign, and rounding down, runs are whole wherever they lie.
  CHECK_EQ(last(argument, moved + "    %q = arith.remui %i, %c : tensor<128xi32>").contiguity, Dims{16});
  CHECK_EQ(last(argument, moved + "    %s = arith.constant dense<4> : tensor<128xi32>\n"
                                  "    %q = arith.shrsi %i, %s : tensor<128xi32>")
               .constancy,
           Dims{16});
}

TEST_CASE_FIXTURE(AnalysisTest, "a run that may wrap is cut where it is widened") {
  std::string moved = range + "    %a = tt.splat %n : i32 -> tensor<128xi32>\n"
                              "    %i = arith.addi %r, %a : tensor<128xi32>\n"
                              "    %w = arith.extsi %i : tensor<128xi32> to tensor<128xi64>";
  CHECK_EQ(last("%n: i32", moved).contiguity, Dims{1});
  CHECK_EQ(last("%n: i32 {tt.divisibility = 16 : i32}", moved).contiguity, Dims{16});
  CHECK_EQ(last("", block + "    %w = arith.extsi %i : tensor<128xi32> to tensor<128xi64>").contiguity,
           Dims{128});
}

namespace {

/// A function whose loads and stores are numbered in program order.
struct AddressTest : ModuleTest {
  void read(const std::string& arguments, const std::string& body) {
    module = parse(kernelText(arguments, body));
    function(module).walk([&](mlir::Operation* op) {
      if (auto access = tt::memoryAccess(op)) accesses.push_back(*access);
    });
  }
  bool distinct(size_t access) {
    return tt::hasDistinctElements(accesses[access].address, AxisInfoAnalysis(function(module)));
  }
  Module module;
  std::vector<tt::MemoryAccess> accesses;
};

const std::string tile = R"(    %r = tt.make_range {end = 16 : i32, start = 0 : i32} : tensor<16xi32>
    %rows = tt.expand_dims %r {axis = 1 : i32} : tensor<16xi32> -> tensor<16x1xi32>
    %columns = tt.expand_dims %r {axis = 0 : i32} : tensor<16xi32> -> tensor<1x16xi32>
    %ps = tt.splat %p : !tt.ptr<f32> -> tensor<16x1x!tt.ptr<f32>>
)";
std::string rowsBy(const std::string& stride) {
  return tile + stride + R"(    %ro = arith.muli %rows, %st : tensor<16x1xi32>
    %rp = tt.addptr %ps, %ro : tensor<16x1x!tt.ptr<f32>>, tensor<16x1xi32>
    %rb = tt.broadcast %rp : tensor<16x1x!tt.ptr<f32>> -> tensor<16x16x!tt.ptr<f32>>
    %cb = tt.broadcast %columns : tensor<1x16xi32> -> tensor<16x16xi32>
    %a = tt.addptr %rb, %cb : tensor<16x16x!tt.ptr<f32>>, tensor<16x16xi32>
    %v = tt.load %a : tensor<16x16x!tt.ptr<f32>>
)";
}

} // namespace

TEST_CASE_FIXTURE(AddressTest, "the elements of a tile differ if each stride passes over the smaller ones") {
  read("%p: !tt.ptr<f32>", rowsBy("    %st = arith.constant dense<16> : tensor<16x1xi32>\n"));
  CHECK(distinct(0));
  accesses.clear();
  read("%p: !tt.ptr<f32>", rowsBy("    %st = arith.constant dense<15> : tensor<16x1xi32>\n"));
  CHECK_FALSE(distinct(0));
  accesses.clear();
  read("%p: !tt.ptr<f32>, %n: i32", rowsBy("    %st = tt.splat %n : i32 -> tensor<16x1xi32>\n"));
  CHECK_FALSE(distinct(0));
}

TEST_CASE_FIXTURE(AddressTest, "parts of one argument lie apart or not; other arguments do not overlap") {
  read("%p: !tt.ptr<f32>, %q: !tt.ptr<f32>",
       R"(    %r = tt.make_range {end = 16 : i32, start = 0 : i32} : tensor<16xi32>
    %s = tt.make_range {end = 32 : i32, start = 16 : i32} : tensor<16xi32>
    %t = tt.make_range {end = 31 : i32, start = 15 : i32} : tensor<16xi32>
    %ps = tt.splat %p : !tt.ptr<f32> -> tensor<16x!tt.ptr<f32>>
    %qs = tt.splat %q : !tt.ptr<f32> -> tensor<16x!tt.ptr<f32>>
    %a = tt.addptr %ps, %r : tensor<16x!tt.ptr<f32>>, tensor<16xi32>
    %b = tt.addptr %ps, %s : tensor<16x!tt.ptr<f32>>, tensor<16xi32>
    %c = tt.addptr %ps, %t : tensor<16x!tt.ptr<f32>>, tensor<16xi32>
    %d = tt.addptr %qs, %r : tensor<16x!tt.ptr<f32>>, tensor<16xi32>
    %v = tt.load %a : tensor<16x!tt.ptr<f32>>
    tt.store %b, %v : tensor<16x!tt.ptr<f32>>
    tt.store %c, %v : tensor<16x!tt.ptr<f32>>
    tt.store %d, %v : tensor<16x!tt.ptr<f32>>
)");
  auto apart = [&](size_t a, size_t b) { return tt::liesApart(accesses[a].address, accesses[b].address); };
  CHECK(apart(0, 1));
  CHECK_FALSE(apart(0, 2));
  CHECK_FALSE(apart(1, 2));
  CHECK(tt::mayOverlap(accesses[0], accesses[1]));
  CHECK_FALSE(tt::mayOverlap(accesses[0], accesses[3]));
}

TEST_CASE_FIXTURE(AddressTest, "atomics and reductions into memory are seen by their effects") {
  read("%p: !tt.ptr<i32>, %n: i32",
       "    %v = tt.load %p : !tt.ptr<i32>\n    tt.store %p, %v : !tt.ptr<i32>\n");
  CHECK_FALSE(tt::updatesMemory(*module));
  read("%p: !tt.ptr<i32>, %n: i32",
       "    %true = arith.constant true\n"
       "    %v = tt.atomic_rmw add, relaxed, gpu, %p, %n, %true : (!tt.ptr<i32>, i32, i1) -> i32\n");
  CHECK(tt::updatesMemory(*module));
  read("%d: !tt.tensordesc<tensor<4x4xi32>>, %a: i32, %b: i32, %c: i64, %e: i64",
       "    %x = arith.constant dense<1> : tensor<4x4xi32>\n"
       "    tt.descriptor_reduce add, %d[%a, %b], %x : !tt.tensordesc<tensor<4x4xi32>>, tensor<4x4xi32>\n");
  CHECK(tt::updatesMemory(*module));
}
