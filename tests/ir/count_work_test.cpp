// What programs do, counted.
#include "ir/analysis/count_work.h"
#include "ir/kernel/grid.h"
#include "tests/ir/module_support.h"

using namespace tuned;

namespace {

struct WorkTest : ModuleTest {
  ProgramWork of(const std::string& arguments, const std::string& body, tt::LaunchGrid grid = {1, 1, 1}) {
    Module module = parse(kernelText(arguments, body));
    tt::setGrid(function(module), grid);
    return tt::countWork(function(module));
  }
};

const std::string pointers = "    %r = tt.make_range {end = 128 : i32, start = 0 : i32} : tensor<128xi32>\n"
                             "    %b = tt.splat %p : !tt.ptr<f32> -> tensor<128x!tt.ptr<f32>>\n"
                             "    %ps = tt.addptr %b, %r : tensor<128x!tt.ptr<f32>>, tensor<128xi32>\n";

} // namespace

TEST_CASE_FIXTURE(WorkTest, "a load, an addition and a store of a tile") {
  ProgramWork work = of("%p: !tt.ptr<f32>",
                        pointers + "    %x = tt.load %ps : tensor<128x!tt.ptr<f32>>\n"
                                   "    %y = arith.addf %x, %x : tensor<128xf32>\n"
                                   "    tt.store %ps, %y : tensor<128x!tt.ptr<f32>>",
                        {10, 3, 1});
  CHECK(work.bytesLoaded == 512);
  CHECK(work.bytesStored == 512);
  CHECK(work.operations == 128);
  CHECK(work.programs == 30);
  CHECK(work.widestTile == 128);
  CHECK(work.liveBytes == 512); // addresses are computed again, x ends where y begins
  CHECK(work.meanShare == 1);
  CHECK(work.dots.empty());
}

TEST_CASE_FIXTURE(WorkTest,
                  "loops count as often as their bounds say, and the mean program less than the longest") {
  const std::string loop = pointers +
                           "    %pid = tt.get_program_id x : i32\n"
                           "    %zero = arith.constant 0 : i32\n    %one = arith.constant 1 : i32\n"
                           "    scf.for %i = %zero to %pid step %one : i32 {\n"
                           "      %x = tt.load %ps : tensor<128x!tt.ptr<f32>>\n"
                           "      tt.store %ps, %x : tensor<128x!tt.ptr<f32>>\n    }";
  ProgramWork work = of("%p: !tt.ptr<f32>", loop, {9, 1, 1}); // 0 to 8 iterations
  CHECK(work.bytesLoaded == 8 * 512);
  CHECK(work.steps == 8);
  CHECK(work.stepBytes == 512);
  CHECK(work.meanShare == doctest::Approx(0.5));
}

TEST_CASE_FIXTURE(WorkTest, "products of matrices in a loop, and the sums that live through it") {
  const std::string body =
      "    %a = arith.constant dense<1.0> : tensor<64x32xf16>\n"
      "    %b = arith.constant dense<1.0> : tensor<32x128xf16>\n"
      "    %c = arith.constant dense<0.0> : tensor<64x128xf32>\n"
      "    %zero = arith.constant 0 : i32\n    %one = arith.constant 1 : i32\n"
      "    %ten = arith.constant 10 : i32\n"
      "    %d = scf.for %i = %zero to %ten step %one iter_args(%s = %c) -> (tensor<64x128xf32>) : i32 {\n"
      "      %n = tt.dot %a, %b, %s : tensor<64x32xf16> * tensor<32x128xf16> -> tensor<64x128xf32>\n"
      "      scf.yield %n : tensor<64x128xf32>\n    }\n"
      "    %o = arith.truncf %d : tensor<64x128xf32> to tensor<64x128xf16>";
  ProgramWork work = of("", body);
  REQUIRE(work.dots.size() == 1);
  CHECK(work.dots[0].m == 64);
  CHECK(work.dots[0].n == 128);
  CHECK(work.dots[0].k == 32);
  CHECK(work.dots[0].bits == 16);
  CHECK(work.dots[0].times == 10);
  CHECK(work.liveBytes == 64 * 128 * 4);
}
