// The runner's judgement: what it allows, and above all what it does not.
#include "ir/module.h"
#include "tests/conformance/judge/compare.h"
#include "tests/conformance/judge/tolerance.h"
#include "tests/conformance/known.h"
#include "tests/conformance/run/overrun.h"
#include "tests/daemon/scratch.h"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>

using namespace tuned;
using namespace tuned::conformance;

namespace {

Freedom freedomOfBody(const std::string& body) {
  auto context = makeContext();
  auto module =
      parseModule(*context,
                  "tt.func public @f(%x: tensor<16x64xf32>, %y: tensor<64x16xf32>, %p: "
                  "tensor<16x16x!tt.ptr<f32>>) {\n%z = arith.constant dense<0.0> : tensor<16x16xf32>\n" +
                      body + "\ntt.return }",
                  "test.ttir");
  INFO((module ? std::string() : module.error().text()));
  REQUIRE(module);
  return freedomOf(**module);
}

template <typename T> std::span<const std::byte> bytes(const std::vector<T>& values) {
  return std::as_bytes(std::span(values));
}
double nothing(double, double) {
  return 0;
}

} // namespace

TEST_CASE("kernels whose operations are rounded one way only are judged exactly") {
  CHECK(freedomOfBody(
            "%a = arith.mulf %z, %z : tensor<16x16xf32>\n%b = arith.maxnumf %a, %z : tensor<16x16xf32>")
            .exact());
  CHECK(freedomOfBody("%a = arith.addf %z, %z : tensor<16x16xf32>").exact());
  CHECK(
      !freedomOfBody("%a = arith.mulf %z, %z : tensor<16x16xf32>\n%b = arith.addf %a, %z : tensor<16x16xf32>")
           .exact());
  CHECK(!freedomOfBody("%a, %b = math.sincos %z : tensor<16x16xf32>").exact());
}

TEST_CASE("a dot may not lose a term") {
  std::string dot = "%d = tt.dot %x, %y, %z, inputPrecision = ";
  std::string types = " : tensor<16x64xf32> * tensor<64x16xf32> -> tensor<16x16xf32>";
  // Terms of size 1 with random signs: a sum of 64 is about 8, a lost term about 1.
  CHECK(allowed(freedomOfBody(dot + "ieee" + types), Kind::F32, 8.0, 8.0) < 1e-4);
  CHECK(allowed(freedomOfBody(dot + "tf32" + types), Kind::F32, 8.0, 8.0) < 0.05);
  CHECK(allowed(freedomOfBody(dot + "tf32" + types), Kind::F32, 8.0, 8.0) > 8 * 0x1p-11);
}

TEST_CASE("rounding the result to half on its way to memory is no freedom for the sum") {
  Freedom stored =
      freedomOfBody("%d = tt.dot %x, %y, %z : tensor<16x64xf32> * tensor<64x16xf32> -> tensor<16x16xf32>\n"
                    "%h = arith.truncf %d : tensor<16x16xf32> to tensor<16x16xf16>\n"
                    "%q = tt.bitcast %p : tensor<16x16x!tt.ptr<f32>> -> tensor<16x16x!tt.ptr<f16>>\n"
                    "tt.store %q, %h : tensor<16x16x!tt.ptr<f16>>");
  CHECK(stored.narrowed == 0);
  CHECK(allowed(stored, Kind::F16, 0.0, 8.0) < 1e-4);
}

TEST_CASE("integers and unchanged buffers compare exactly, NaN equals NaN, infinities must agree") {
  std::vector<int32_t> a = {1, 2, 3}, b = {1, 2, 4};
  auto wrong = judge(Kind::I32, bytes(a), bytes(b), nothing, 5);
  CHECK(wrong.wrong == 1);
  REQUIRE(wrong.differences.size() == 1);
  CHECK(wrong.differences[0].element == 2);
  CHECK(wrong.differences[0].expected == "4");
  float infinity = INFINITY;
  std::vector<float> x = {std::nanf("1"), infinity, 0.0f, 1.0f},
                     y = {-std::nanf("2"), -infinity, -0.0f, infinity};
  auto floats = judge(
      Kind::F32, bytes(x), bytes(y), [](double, double) { return 1e30; }, 5);
  CHECK(floats.wrong == 2); // the infinities
  CHECK(judgeUnchanged(Kind::F32, bytes(x), bytes(y), 5).wrong == 4);
}

TEST_CASE("sorted results tell a set from another") {
  std::vector<int16_t> a = {3, -1, 2}, b = {2, 3, -1}, c = {2, 3, 1};
  CHECK(sorted(Kind::I16, bytes(a)) == sorted(Kind::I16, bytes(b)));
  CHECK(sorted(Kind::I16, bytes(a)) != sorted(Kind::I16, bytes(c)));
}

TEST_CASE("the arguments a kernel stores through are followed through pointer arithmetic") {
  auto context = makeContext();
  auto module = parseModule(*context, R"(tt.func public @f(%a: !tt.ptr<i32>, %b: !tt.ptr<i32>, %n: i32) {
    %v = tt.load %a : !tt.ptr<i32>
    %p = tt.addptr %b, %n : !tt.ptr<i32>, i32
    tt.store %p, %v : !tt.ptr<i32>
    tt.return })",
                            "test.ttir");
  REQUIRE(module);
  CHECK(writtenArguments(**module, "f") == std::set<unsigned>{1});
}

TEST_CASE("the tables of known cases") {
  const test::Scratch folder;
  const std::string path = folder / "KNOWN.md";
  std::ofstream(path) << "| case | device | reason |\n|---|---|---|\n| core/x-* | cuda | clock |\n"
                         "| test | judged as | reason |\n|---|---|---|\n| *::t[a]* | nan-padding | why |\n";
  auto read = readKnown(path);
  REQUIRE(read);
  CHECK(findKnown(read->known, "core/x-1", "cuda:0"));
  CHECK(!findKnown(read->known, "core/x-1", "cpu"));
  CHECK(read->treatments.size() == 1);
  std::ofstream(path) << "| case | device | reason |\n| core/x-* | cuda | |\n";
  CHECK(!readKnown(path));
}
