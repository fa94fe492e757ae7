// Dots that lose digits as tensor cores do: references of what rounding leaves open.
#include "ir/transforms/truncate_dots.h"
#include "tests/ir/module_support.h"

#include <mlir/Dialect/Arith/IR/Arith.h>
#include <mlir/IR/Verifier.h>

using namespace tuned;

namespace {
std::string product(const std::string& sum, int depth) {
  const std::string k = std::to_string(depth);
  return "    %a = arith.constant dense<1.0> : tensor<16x" + k +
         "xf16>\n    %b = arith.constant dense<1.0> : tensor<" + k +
         "x16xf16>\n    %c = arith.constant dense<1.0> : tensor<16x16x" + sum +
         ">\n    %d = tt.dot %a, %b, %c : tensor<16x" + k + "xf16> * tensor<" + k +
         "x16xf16> -> tensor<16x16x" + sum + ">\n    %e = arith.negf %d : tensor<16x16x" + sum + ">";
}

uint64_t maskOf(mlir::arith::AndIOp kept) {
  mlir::DenseElementsAttr mask;
  REQUIRE(mlir::matchPattern(kept.getRhs(), mlir::m_Constant(&mask)));
  return mask.getSplatValue<mlir::APInt>().getZExtValue();
}
} // namespace

TEST_CASE_FIXTURE(ModuleTest, "a dot's sum loses a bit for each step, all its users see it") {
  for (auto [depth, mask] : {std::pair{16, 0xfffffffeu}, {64, 0xfffffffcu}, {256, 0xfffffff0u}}) {
    Module module = parse(kernelText("", product("f32", depth)));
    CHECK(truncateDots(*module) == 1);
    CHECK(mlir::succeeded(mlir::verify(*module)));
    CHECK(maskOf(find<mlir::arith::AndIOp>(module)) == mask);
    auto user = find<mlir::arith::NegFOp>(module);
    CHECK(mlir::isa<mlir::arith::BitcastOp>(user.getOperand().getDefiningOp()));
  }
}

TEST_CASE_FIXTURE(ModuleTest, "sums of other types are left alone") {
  Module module = parse(kernelText("", product("f16", 64)));
  CHECK(truncateDots(*module) == 0);
  CHECK(count<mlir::arith::AndIOp>(module) == 0);
}
