// Splits of tiles in clusters: only those that the assembler gets right are passed on.
#include "backend/tileir/tileir.h"
#include "ir/module.h"

#include <doctest/doctest.h>

namespace {

using namespace tuned;

std::string tensor(const std::string& shape, const char* element) {
  return "tensor<" + shape + "x" + element + ">";
}

/// A product of rows × columns, carried through a loop, of which halves are taken after `order` has brought
/// the dimension of size 2 of `parts` to the end; `half` is a half's shape.
std::string halvedProduct(int rows, int columns, const std::string& parts, const std::string& order,
                          const std::string& half) {
  std::string m = std::to_string(rows), n = std::to_string(columns);
  std::string tile = tensor(m + "x" + n, "f32"), pointers = tensor(half, "!tt.ptr<f32>");
  std::string a = tensor(m + "x64", "f16"), b = tensor("64x" + n, "f16");
  return "tt.func public @k(%x: !tt.ptr<f32>, %n: i32) {\n %a = arith.constant dense<1.0> : " + a +
         "\n %b = arith.constant dense<1.0> : " + b + "\n %none = arith.constant dense<0.0> : " + tile + R"(
    %zero = arith.constant 0 : i32
    %one = arith.constant 1 : i32
    %sum = scf.for %i = %zero to %n step %one iter_args(%s = %none) -> ()" +
         tile + R"() : i32 {
      %d = tt.dot %a, %b, %s : )" +
         a + " * " + b + " -> " + tile + "\n scf.yield %d : " + tile + R"(
    }
    %twice = arith.addf %sum, %sum : )" +
         tile + "\n %parts = tt.reshape %twice : " + tile + " -> " + tensor(parts, "f32") +
         "\n %last = tt.trans %parts {order = array<i32: " + order + ">} : " + tensor(parts, "f32") + " -> " +
         tensor(half + "x2", "f32") + "\n %l, %r = tt.split %last : " + tensor(half + "x2", "f32") + " -> " +
         tensor(half, "f32") + "\n %p = tt.splat %x : !tt.ptr<f32> -> " + pointers +
         "\n tt.store %p, %l : " + pointers + "\n tt.store %p, %r : " + pointers + "\n tt.return\n}";
}

Result<Artefact> emit(const std::string& text, int ctas, int warps, const char* target = "sm_90a") {
  auto context = makeContext();
  auto module = parseModule(*context, text, "kernel.ttir");
  REQUIRE_MESSAGE(module.has_value(), module.error().text());
  return tileir::makeEmitter()->compile(**module, "",
                                        {.target = target, .numCtas = ctas, .workerWarps = warps});
}

} // namespace

TEST_CASE("halves of a product's columns are told apart where the cluster shares out its rows") {
  std::string columns = halvedProduct(256, 128, "256x2x64", "0, 2, 1", "256x64");
  for (auto [ctas, warps] : {std::pair{1, 16}, {2, 4}, {2, 8}, {4, 4}}) {
    auto artefact = emit(columns, ctas, warps);
    CHECK_MESSAGE(artefact.has_value(), artefact.error().text());
  }
}

TEST_CASE("halves that the assembler would mix up are refused with their place") {
  // The rows do not go around: columns are shared out.
  for (auto [ctas, warps] : {std::pair{2, 16}, {4, 8}}) {
    auto artefact = emit(halvedProduct(256, 128, "256x2x64", "0, 2, 1", "256x64"), ctas, warps);
    REQUIRE(!artefact.has_value());
    CHECK(artefact.error().kind == ErrorKind::Unsupported);
    CHECK(artefact.error().message.find("tt.split") != std::string::npos);
    CHECK(artefact.error().message.find("num_ctas = " + std::to_string(ctas)) != std::string::npos);
    REQUIRE(artefact.error().location);
    CHECK(artefact.error().location->line == 14);
  }
  // Halves of the rows themselves.
  std::string rows = halvedProduct(256, 128, "2x128x128", "1, 2, 0", "128x128");
  CHECK(emit(rows, 1, 8).has_value());
  CHECK(!emit(rows, 2, 8).has_value());
}

TEST_CASE("what was not looked at is refused, and targets without clusters have nothing to mix up") {
  std::string columns = halvedProduct(256, 128, "256x2x64", "0, 2, 1", "256x64");
  CHECK(!emit(columns, 2, 8, "sm_100a").has_value());
  CHECK(emit(columns, 2, 16, "sm_86").has_value());
  CHECK(!emit("tt.func public @k(%x: !tt.ptr<f32>) {\n %v = arith.constant dense<1.0> : tensor<64x2xf32>\n"
              " %l, %r = tt.split %v : tensor<64x2xf32> -> tensor<64xf32>\n"
              " %p = tt.splat %x : !tt.ptr<f32> -> tensor<64x!tt.ptr<f32>>\n"
              " tt.store %p, %l : tensor<64x!tt.ptr<f32>>\n tt.store %p, %r : tensor<64x!tt.ptr<f32>>\n "
              "tt.return\n}",
              2, 4)
             .has_value());
}

TEST_CASE("reductions of tiles of three dimensions are refused in a cluster, those of two are not") {
  auto maxima = [](const std::string& shape, int axis, const std::string& rest) {
    return "tt.func public @k(%x: !tt.ptr<f32>) {\n %v = arith.constant dense<1.0> : " +
           tensor(shape, "f32") + "\n %m = \"tt.reduce\"(%v) <{axis = " + std::to_string(axis) +
           R"( : i32}> ({
    ^bb0(%a: f32, %b: f32):
      %c = arith.maxnumf %a, %b : f32
      tt.reduce.return %c : f32
    }) : ()" +
           tensor(shape, "f32") + ") -> " + tensor(rest, "f32") + "\n %p = tt.splat %x : !tt.ptr<f32> -> " +
           tensor(rest, "!tt.ptr<f32>") + "\n tt.store %p, %m : " + tensor(rest, "!tt.ptr<f32>") +
           "\n tt.return\n}";
  };
  std::string three = maxima("64x2x32", 1, "64x32"), two = maxima("64x32", 1, "64");
  CHECK(emit(three, 1, 4).has_value());
  CHECK(emit(two, 2, 4).has_value());
  auto refused = emit(three, 2, 4);
  REQUIRE(!refused.has_value());
  CHECK(refused.error().kind == ErrorKind::Unsupported);
  CHECK(refused.error().message.find("tt.reduce") != std::string::npos);
  CHECK(emit(three, 2, 4, "sm_86").has_value());
}
