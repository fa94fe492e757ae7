// Kernels for tests: small ones that work, and ones that are wrong in one way each.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace tuned::e2e {

/// y[i] = x[i] + BODY's change, over n_elements f32 in blocks of BLOCK_SIZE. `tail` says what is stored and
/// how: it may use %pid, %x (the loaded tile), %offsets, %mask, %y_ptrs.
inline std::string elementwise(const std::string& tail) {
  return R"(module {
  tt.func public @kernel(%x_ptr: !tt.ptr<f32>, %y_ptr: !tt.ptr<f32>, %n: i32) attributes {noinline = false} {
    %block = arith.constant ${BLOCK_SIZE} : i32
    %pid = tt.get_program_id x : i32
    %start = arith.muli %pid, %block : i32
    %range = tt.make_range {end = ${BLOCK_SIZE} : i32, start = 0 : i32} : tensor<${BLOCK_SIZE}xi32>
    %start_tile = tt.splat %start : i32 -> tensor<${BLOCK_SIZE}xi32>
    %offsets = arith.addi %start_tile, %range : tensor<${BLOCK_SIZE}xi32>
    %n_tile = tt.splat %n : i32 -> tensor<${BLOCK_SIZE}xi32>
    %mask = arith.cmpi slt, %offsets, %n_tile : tensor<${BLOCK_SIZE}xi32>
    %x_base = tt.splat %x_ptr : !tt.ptr<f32> -> tensor<${BLOCK_SIZE}x!tt.ptr<f32>>
    %x_ptrs = tt.addptr %x_base, %offsets : tensor<${BLOCK_SIZE}x!tt.ptr<f32>>, tensor<${BLOCK_SIZE}xi32>
    %x = tt.load %x_ptrs, %mask : tensor<${BLOCK_SIZE}x!tt.ptr<f32>>
    %y_base = tt.splat %y_ptr : !tt.ptr<f32> -> tensor<${BLOCK_SIZE}x!tt.ptr<f32>>
    %y_ptrs = tt.addptr %y_base, %offsets : tensor<${BLOCK_SIZE}x!tt.ptr<f32>>, tensor<${BLOCK_SIZE}xi32>
)" + tail +
         R"(    tt.return
  }
}
)";
}

inline const std::string storeCopy = "    tt.store %y_ptrs, %x, %mask : tensor<${BLOCK_SIZE}x!tt.ptr<f32>>\n";

/// Multiplies each element. A kernel's identity is its source: tests that must not share winners take other
/// factors.
inline std::string storeScaled(int factor) {
  return "    %factor = arith.constant dense<" + std::to_string(factor) + R"(.0> : tensor<${BLOCK_SIZE}xf32>
    %y = arith.mulf %x, %factor : tensor<${BLOCK_SIZE}xf32>
    tt.store %y_ptrs, %y, %mask : tensor<${BLOCK_SIZE}x!tt.ptr<f32>>
)";
}

inline const std::string storeDouble = storeScaled(2);

/// Writes the whole tile, also past the end of y.
inline const std::string storeUnmasked = "    tt.store %y_ptrs, %x : tensor<${BLOCK_SIZE}x!tt.ptr<f32>>\n";

/// What is computed depends on the parameter.
inline const std::string storeBlockSize =
    R"(    %size = arith.constant dense<${BLOCK_SIZE}.0> : tensor<${BLOCK_SIZE}xf32>
    %y = arith.mulf %x, %size : tensor<${BLOCK_SIZE}xf32>
    tt.store %y_ptrs, %y, %mask : tensor<${BLOCK_SIZE}x!tt.ptr<f32>>
)";

/// Never ends where BLOCK_SIZE is 64, and copies elsewhere.
inline const std::string loopFor64 = R"(    %sixty_four = arith.constant 64 : i32
    %zero = arith.constant 0 : i32
    %last = scf.while (%i = %zero) : (i32) -> i32 {
      %endless = arith.cmpi eq, %block, %sixty_four : i32
      scf.condition(%endless) %i : i32
    } do {
    ^bb0(%i: i32):
      tt.store %y_ptrs, %x, %mask : tensor<${BLOCK_SIZE}x!tt.ptr<f32>>
      scf.yield %i : i32
    }
    tt.store %y_ptrs, %x, %mask : tensor<${BLOCK_SIZE}x!tt.ptr<f32>>
)";

/// A document around a source; tests change what they are about.
inline nlohmann::json document(const std::string& name, const std::string& source) {
  return {{"name", name},
          {"language", "ttir"},
          {"source_text", source},
          {"source_name", name + ".ttir"},
          {"entry", "kernel"},
          {"sizes", {"n_elements"}},
          {"parameters", {{"BLOCK_SIZE", {64, 256, 1024}}}},
          {"arguments",
           {{{"name", "x"}, {"type", "*f32"}, {"shape", {"n_elements"}}},
            {{"name", "y"}, {"type", "*f32"}, {"shape", {"n_elements"}}, {"output", true}, {"fill", "zeros"}},
            {{"name", "n"}, {"type", "i32"}, {"value", "n_elements"}}}},
          {"grid", {"cdiv(n_elements, BLOCK_SIZE)"}},
          {"work", {{"bytes", "8 * n_elements"}, {"flops", "n_elements"}}},
          {"default", {{"BLOCK_SIZE", 256}}}};
}

} // namespace tuned::e2e
