// Which accesses take no token: by small kernels that differ in one thing.
#include "ir/analysis/address/free_accesses.h"
#include "tests/ir/module_support.h"

using namespace tuned;

namespace {

struct FreeTest : ModuleTest {
  /// How many loads and stores are free in a kernel of pointers %a, %b, %c to f32 on a grid of four programs.
  std::pair<int, int> freeIn(const std::string& body) {
    module = parse(kernelText("%a: !tt.ptr<f32>, %b: !tt.ptr<f32>, %c: !tt.ptr<f32>",
                              "%pid = tt.get_program_id x : i32\n%c0 = arith.constant 0 : i32\n"
                              "%c1 = arith.constant 1 : i32\n%c4 = arith.constant 4 : i32\n"
                              "%c16 = arith.constant 16 : i32\n%c64 = arith.constant 64 : i32\n"
                              "%w1 = arith.constant 1 : i64\n%w64 = arith.constant 64 : i64\n"
                              "%r = tt.make_range {end = 16 : i32, start = 0 : i32} : tensor<16xi32>\n" +
                                  body));
    tt::FuncOp kernel = function(module);
    tt::ProgramGrid grid(kernel, std::array<int64_t, 3>{4, 1, 1});
    tt::FreeAccesses free(kernel, grid);
    conditions = free.conditions();
    std::pair<int, int> found;
    kernel.walk([&](mlir::Operation* op) {
      bool load = mlir::isa<tt::LoadOp, tt::DescriptorLoadOp>(op);
      if (free.contains(op)) ++(load ? found.first : found.second);
    });
    return found;
  }
  static std::string at(const std::string& name, const std::string& base) {
    return "%" + name + "_s = tt.splat " + base + " : !tt.ptr<f32> -> tensor<16x!tt.ptr<f32>>\n%" + name +
           " = tt.addptr %" + name + "_s, %r : tensor<16x!tt.ptr<f32>>, tensor<16xi32>\n";
  }
  static std::string loop(const std::string& body) {
    return "scf.for %i = %c0 to %c4 step %c1 : i32 {\n" + body + "}\n";
  }
  /// Writes 16 x 16 blocks of c, a matrix of 64 x 64, at (row, column).
  static std::string block(const std::string& row, const std::string& column) {
    return "%z = arith.constant dense<0.0> : tensor<16x16xf32>\n"
           "%d = tt.make_tensor_descriptor %c, [%c64, %c64], [%w64, %w1] : <f32>, <tensor<16x16xf32>>\n" +
           loop("%k = arith.muli %i, %c16 : i32\n%p = arith.muli %pid, %c16 : i32\n"
                "tt.descriptor_store %d[" +
                row + ", " + column + "], %z : !tt.tensordesc<tensor<16x16xf32>>, tensor<16x16xf32>\n");
  }
  Module module;
  std::vector<LaunchCondition> conditions;
};

const std::string load = "%x = tt.load %pa : tensor<16x!tt.ptr<f32>>\n";

} // namespace

TEST_CASE_FIXTURE(FreeTest,
                  "loads of what is only read are free, and so is the only store of another argument") {
  std::string pointers = at("pa", "%a") + at("pc", "%c");
  CHECK(freeIn(pointers + loop(load) +
               "%y = tt.load %pa : tensor<16x!tt.ptr<f32>>\n"
               "tt.store %pc, %y : tensor<16x!tt.ptr<f32>>\n") == std::pair(2, 1));
  REQUIRE(conditions.size() == 1);
  CHECK(text(conditions[0]) == "argument 2 and argument 0 do not overlap");
  CHECK(conditions[0].bytes == 16 * 4);
  CHECK(conditions[0].otherBytes == 16 * 4);
  // Stores that come again in a loop, through pointers, may meet each other; the loads are free of them
  // still.
  CHECK(freeIn(pointers + loop(load + "tt.store %pc, %x : tensor<16x!tt.ptr<f32>>\n")) == std::pair(1, 0));
}

TEST_CASE_FIXTURE(FreeTest,
                  "in place, without a loop, with atomics, barriers or unknown pointers nothing is free") {
  std::string pointers = at("pa", "%a") + at("pc", "%c"),
              store = "tt.store %pa, %x : tensor<16x!tt.ptr<f32>>\n";
  CHECK(freeIn(pointers + loop(load + store)) == std::pair(0, 0));
  CHECK(freeIn(pointers + load + "tt.store %pc, %x : tensor<16x!tt.ptr<f32>>\n") == std::pair(0, 0));
  CHECK(conditions.empty());
  CHECK(freeIn(pointers + loop(load) + "gpu.barrier\n") == std::pair(0, 0));
  CHECK(freeIn(pointers + loop(load) +
               "%o = arith.constant 1.0 : f32\n%t = arith.constant true\n"
               "%q = tt.atomic_rmw fadd, acq_rel, gpu, %b, %o, %t : (!tt.ptr<f32>, f32, i1) "
               "-> f32\n") == std::pair(0, 0));
  CHECK(freeIn(pointers + "%n = tt.int_to_ptr %w64 : i64 -> !tt.ptr<f32>\n" + loop(load) +
               "%s = tt.load %n : !tt.ptr<f32>\n") == std::pair(0, 0));
}

TEST_CASE_FIXTURE(FreeTest, "blocks that provably never meet are free among each other") {
  CHECK(freeIn(block("%p", "%k")) == std::pair(0, 1));
  CHECK(freeIn(block("%k", "%p")) == std::pair(0, 1));
  CHECK(freeIn(block("%p", "%c0")) == std::pair(0, 0)); // every iteration writes the same one
  CHECK(freeIn(block("%p", "%i")) == std::pair(0, 0));  // they overlap
}
