// Sums in other orders and wider: references of what rounding leaves open.
#include "ir/transforms/reorder_sums.h"
#include "tests/ir/module_support.h"

#include <mlir/Dialect/Arith/IR/Arith.h>
#include <mlir/IR/Verifier.h>

using namespace tuned;

namespace {
std::string reduction(const std::string& operation, const std::string& type) {
  return "    %x = arith.constant dense<1.0> : tensor<8x64x" + type +
         ">\n    %s = \"tt.reduce\"(%x) <{axis = 1 : i32}> ({\n    ^bb0(%a: " + type + ", %b: " + type +
         "):\n      %c = " + operation + " %a, %b : " + type + "\n      tt.reduce.return %c : " + type +
         "\n    }) : (tensor<8x64x" + type + ">) -> tensor<8x" + type + ">";
}
} // namespace

TEST_CASE_FIXTURE(ModuleTest, "a sum goes over strided parts first, then over their sums") {
  Module module = parse(kernelText("", reduction("arith.addf", "f32")));
  CHECK(reorderSums(*module) == 1);
  CHECK(mlir::succeeded(mlir::verify(*module)));
  CHECK(count<tt::ReduceOp>(module) == 2);
  auto split = mlir::cast<mlir::RankedTensorType>(find<tt::ReshapeOp>(module).getResult().getType());
  CHECK(split.getShape().vec() == std::vector<int64_t>{8, 8, 8});
}

TEST_CASE_FIXTURE(ModuleTest, "a sum is taken in the next wider type and rounded once") {
  for (const char* type : {"bf16", "f16", "f32"}) {
    Module module = parse(kernelText("", reduction("arith.addf", type)));
    CHECK(widenSums(*module) == 1);
    CHECK(mlir::succeeded(mlir::verify(*module)));
    CHECK(count<mlir::arith::TruncFOp>(module) == 1);
  }
  Module widest = parse(kernelText("", reduction("arith.addf", "f64")));
  CHECK(widenSums(*widest) == 0);
}

TEST_CASE_FIXTURE(ModuleTest, "what does not round is left alone") {
  Module module = parse(kernelText("", reduction("arith.maxnumf", "f32")));
  CHECK(reorderSums(*module) == 0);
  CHECK(widenSums(*module) == 0);
}

TEST_CASE_FIXTURE(ModuleTest, "an addition that is no sum of both sides is left alone") {
  std::string text = reduction("arith.addf", "f32");
  text.replace(text.find("%a, %b : f32\n      tt"), 6, "%a, %a");
  Module twice = parse(kernelText("", text));
  CHECK(reorderSums(*twice) == 0);
  CHECK(widenSums(*twice) == 0);
  text = reduction("arith.addf", "f32");
  text.replace(text.find("tt.reduce.return %c"), 19, "tt.reduce.return %b");
  Module last = parse(kernelText("", text));
  CHECK(reorderSums(*last) == 0);
}
