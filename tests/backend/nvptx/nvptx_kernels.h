// Small kernels for tests of the NVIDIA compiler.
#pragma once

namespace kernels {

inline constexpr const char* relu = R"(
tt.func public @relu(%x: !tt.ptr<f32> {tt.divisibility = 16 : i32}, %y: !tt.ptr<f32> {tt.divisibility = 16 : i32}, %n: i32 {tt.divisibility = 16 : i32}) {
  %c1024 = arith.constant 1024 : i32
  %zero = arith.constant dense<0.0> : tensor<1024xf32>
  %p = tt.get_program_id x : i32
  %b = arith.muli %p, %c1024 : i32
  %r = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bs = tt.splat %b : i32 -> tensor<1024xi32>
  %o = arith.addi %bs, %r : tensor<1024xi32>
  %ns = tt.splat %n : i32 -> tensor<1024xi32>
  %m = arith.cmpi slt, %o, %ns : tensor<1024xi32>
  %xs = tt.splat %x : !tt.ptr<f32> -> tensor<1024x!tt.ptr<f32>>
  %xp = tt.addptr %xs, %o : tensor<1024x!tt.ptr<f32>>, tensor<1024xi32>
  %v = tt.load %xp, %m : tensor<1024x!tt.ptr<f32>>
  %f = arith.maxnumf %v, %zero : tensor<1024xf32>
  %ys = tt.splat %y : !tt.ptr<f32> -> tensor<1024x!tt.ptr<f32>>
  %yp = tt.addptr %ys, %o : tensor<1024x!tt.ptr<f32>>, tensor<1024xi32>
  tt.store %yp, %f, %m : tensor<1024x!tt.ptr<f32>>
  tt.return
})";

inline constexpr const char* raggedRelu = R"(
tt.func public @relu(%x: !tt.ptr<f32> {tt.divisibility = 16 : i32}, %y: !tt.ptr<f32> {tt.divisibility = 16 : i32}, %n: i32) {
  %c1024 = arith.constant 1024 : i32
  %zero = arith.constant dense<0.0> : tensor<1024xf32>
  %p = tt.get_program_id x : i32
  %b = arith.muli %p, %c1024 : i32
  %r = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %bs = tt.splat %b : i32 -> tensor<1024xi32>
  %o = arith.addi %bs, %r : tensor<1024xi32>
  %ns = tt.splat %n : i32 -> tensor<1024xi32>
  %m = arith.cmpi slt, %o, %ns : tensor<1024xi32>
  %xs = tt.splat %x : !tt.ptr<f32> -> tensor<1024x!tt.ptr<f32>>
  %xp = tt.addptr %xs, %o : tensor<1024x!tt.ptr<f32>>, tensor<1024xi32>
  %v = tt.load %xp, %m : tensor<1024x!tt.ptr<f32>>
  %f = arith.maxnumf %v, %zero : tensor<1024xf32>
  %ys = tt.splat %y : !tt.ptr<f32> -> tensor<1024x!tt.ptr<f32>>
  %yp = tt.addptr %ys, %o : tensor<1024x!tt.ptr<f32>>, tensor<1024xi32>
  tt.store %yp, %f, %m : tensor<1024x!tt.ptr<f32>>
  tt.return
})";

inline constexpr const char* softmax = R"(
tt.func public @softmax(%y: !tt.ptr<f32> {tt.divisibility = 16 : i32}, %x: !tt.ptr<f32> {tt.divisibility = 16 : i32}) {
  %c1024 = arith.constant 1024 : i32
  %p = tt.get_program_id x : i32
  %b = arith.muli %p, %c1024 : i32
  %xb = tt.addptr %x, %b : !tt.ptr<f32>, i32
  %r = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %xs = tt.splat %xb : !tt.ptr<f32> -> tensor<1024x!tt.ptr<f32>>
  %xp = tt.addptr %xs, %r : tensor<1024x!tt.ptr<f32>>, tensor<1024xi32>
  %v = tt.load %xp : tensor<1024x!tt.ptr<f32>>
  %max = "tt.reduce"(%v) <{axis = 0 : i32}> ({
  ^bb0(%l: f32, %q: f32):
    %m = arith.maxnumf %l, %q : f32
    tt.reduce.return %m : f32
  }) : (tensor<1024xf32>) -> f32
  %ms = tt.splat %max : f32 -> tensor<1024xf32>
  %d = arith.subf %v, %ms : tensor<1024xf32>
  %e = math.exp %d : tensor<1024xf32>
  %sum = "tt.reduce"(%e) <{axis = 0 : i32}> ({
  ^bb0(%l: f32, %q: f32):
    %m = arith.addf %l, %q : f32
    tt.reduce.return %m : f32
  }) : (tensor<1024xf32>) -> f32
  %ss = tt.splat %sum : f32 -> tensor<1024xf32>
  %o = arith.divf %e, %ss : tensor<1024xf32>
  %yb = tt.addptr %y, %b : !tt.ptr<f32>, i32
  %ys = tt.splat %yb : !tt.ptr<f32> -> tensor<1024x!tt.ptr<f32>>
  %yp = tt.addptr %ys, %r : tensor<1024x!tt.ptr<f32>>, tensor<1024xi32>
  tt.store %yp, %o : tensor<1024x!tt.ptr<f32>>
  tt.return
})";

inline constexpr const char* rowSum = R"(
tt.func public @sum(%y: !tt.ptr<f32>, %x: !tt.ptr<f32>) {
  %p = tt.get_program_id x : i32
  %r = tt.make_range {end = 512 : i32, start = 0 : i32} : tensor<512xi32>
  %xs = tt.splat %x : !tt.ptr<f32> -> tensor<512x!tt.ptr<f32>>
  %xp = tt.addptr %xs, %r : tensor<512x!tt.ptr<f32>>, tensor<512xi32>
  %v = tt.load %xp : tensor<512x!tt.ptr<f32>>
  %sum = "tt.reduce"(%v) <{axis = 0 : i32}> ({
  ^bb0(%l: f32, %q: f32):
    %m = arith.addf %l, %q : f32
    tt.reduce.return %m : f32
  }) : (tensor<512xf32>) -> f32
  %yp = tt.addptr %y, %p : !tt.ptr<f32>, i32
  tt.store %yp, %sum : !tt.ptr<f32>
  tt.return
})";

/// Threads would wait for each other while they combine elements.
inline constexpr const char* atomicInReduction = R"(
tt.func public @k(%p: !tt.ptr<i32>) {
  %r = tt.make_range {end = 256 : i32, start = 0 : i32} : tensor<256xi32>
  %s = "tt.reduce"(%r) <{axis = 0 : i32}> ({
  ^bb0(%a: i32, %b: i32):
    %o = tt.atomic_rmw add, acq_rel, gpu, %p, %a : (!tt.ptr<i32>, i32) -> i32
    %x = arith.addi %o, %b : i32
    tt.reduce.return %x : i32
  }) : (tensor<256xi32>) -> i32
  tt.store %p, %s : !tt.ptr<i32>
  tt.return
})";

/// y[j, i] = x[i, j] of an S × S tile.
#define TUNED_TRANSPOSE(S)                                                                                   \
  "tt.func public @turn(%x: !tt.ptr<f32> {tt.divisibility = 16 : i32}, %y: !tt.ptr<f32> "                    \
  "{tt.divisibility = 16 : i32}) {\n"                                                                        \
  "  %s = arith.constant dense<" S "> : tensor<" S "x1xi32>\n"                                               \
  "  %r = tt.make_range {end = " S " : i32, start = 0 : i32} : tensor<" S "xi32>\n"                          \
  "  %c = tt.expand_dims %r {axis = 1 : i32} : tensor<" S "xi32> -> tensor<" S "x1xi32>\n"                   \
  "  %q = tt.expand_dims %r {axis = 0 : i32} : tensor<" S "xi32> -> tensor<1x" S "xi32>\n"                   \
  "  %cs = arith.muli %c, %s : tensor<" S "x1xi32>\n"                                                        \
  "  %rb = tt.broadcast %cs : tensor<" S "x1xi32> -> tensor<" S "x" S "xi32>\n"                              \
  "  %qb = tt.broadcast %q : tensor<1x" S "xi32> -> tensor<" S "x" S "xi32>\n"                               \
  "  %o = arith.addi %rb, %qb : tensor<" S "x" S "xi32>\n"                                                   \
  "  %xs = tt.splat %x : !tt.ptr<f32> -> tensor<" S "x" S "x!tt.ptr<f32>>\n"                                 \
  "  %xp = tt.addptr %xs, %o : tensor<" S "x" S "x!tt.ptr<f32>>, tensor<" S "x" S "xi32>\n"                  \
  "  %v = tt.load %xp : tensor<" S "x" S "x!tt.ptr<f32>>\n"                                                  \
  "  %t = tt.trans %v {order = array<i32: 1, 0>} : tensor<" S "x" S "xf32> -> tensor<" S "x" S "xf32>\n"     \
  "  %ys = tt.splat %y : !tt.ptr<f32> -> tensor<" S "x" S "x!tt.ptr<f32>>\n"                                 \
  "  %yp = tt.addptr %ys, %o : tensor<" S "x" S "x!tt.ptr<f32>>, tensor<" S "x" S "xi32>\n"                  \
  "  tt.store %yp, %t : tensor<" S "x" S "x!tt.ptr<f32>>\n"                                                  \
  "  tt.return\n}\n"

inline constexpr const char* transpose = TUNED_TRANSPOSE("64");
inline constexpr const char* hugeTranspose = TUNED_TRANSPOSE("256");

/// 64 × 64 results of 32 products, no masks.
inline constexpr const char* matmul = R"(
tt.func public @matmul(%a: !tt.ptr<f16> {tt.divisibility = 16 : i32}, %b: !tt.ptr<f16> {tt.divisibility = 16 : i32}, %c: !tt.ptr<f32> {tt.divisibility = 16 : i32}) {
  %zero = arith.constant dense<0.0> : tensor<64x64xf32>
  %k = arith.constant dense<32> : tensor<64x1xi32>
  %n1 = arith.constant dense<64> : tensor<32x1xi32>
  %n2 = arith.constant dense<64> : tensor<64x1xi32>
  %r64 = tt.make_range {end = 64 : i32, start = 0 : i32} : tensor<64xi32>
  %r32 = tt.make_range {end = 32 : i32, start = 0 : i32} : tensor<32xi32>
  %m = tt.expand_dims %r64 {axis = 1 : i32} : tensor<64xi32> -> tensor<64x1xi32>
  %n = tt.expand_dims %r64 {axis = 0 : i32} : tensor<64xi32> -> tensor<1x64xi32>
  %kr = tt.expand_dims %r32 {axis = 1 : i32} : tensor<32xi32> -> tensor<32x1xi32>
  %kc = tt.expand_dims %r32 {axis = 0 : i32} : tensor<32xi32> -> tensor<1x32xi32>
  %am = arith.muli %m, %k : tensor<64x1xi32>
  %amb = tt.broadcast %am : tensor<64x1xi32> -> tensor<64x32xi32>
  %akb = tt.broadcast %kc : tensor<1x32xi32> -> tensor<64x32xi32>
  %ao = arith.addi %amb, %akb : tensor<64x32xi32>
  %as = tt.splat %a : !tt.ptr<f16> -> tensor<64x32x!tt.ptr<f16>>
  %ap = tt.addptr %as, %ao : tensor<64x32x!tt.ptr<f16>>, tensor<64x32xi32>
  %av = tt.load %ap : tensor<64x32x!tt.ptr<f16>>
  %bk = arith.muli %kr, %n1 : tensor<32x1xi32>
  %bkb = tt.broadcast %bk : tensor<32x1xi32> -> tensor<32x64xi32>
  %bnb = tt.broadcast %n : tensor<1x64xi32> -> tensor<32x64xi32>
  %bo = arith.addi %bkb, %bnb : tensor<32x64xi32>
  %bs = tt.splat %b : !tt.ptr<f16> -> tensor<32x64x!tt.ptr<f16>>
  %bp = tt.addptr %bs, %bo : tensor<32x64x!tt.ptr<f16>>, tensor<32x64xi32>
  %bv = tt.load %bp : tensor<32x64x!tt.ptr<f16>>
  %d = tt.dot %av, %bv, %zero : tensor<64x32xf16> * tensor<32x64xf16> -> tensor<64x64xf32>
  %cm = arith.muli %m, %n2 : tensor<64x1xi32>
  %cmb = tt.broadcast %cm : tensor<64x1xi32> -> tensor<64x64xi32>
  %cnb = tt.broadcast %n : tensor<1x64xi32> -> tensor<64x64xi32>
  %co = arith.addi %cmb, %cnb : tensor<64x64xi32>
  %cs = tt.splat %c : !tt.ptr<f32> -> tensor<64x64x!tt.ptr<f32>>
  %cp = tt.addptr %cs, %co : tensor<64x64x!tt.ptr<f32>>, tensor<64x64xi32>
  tt.store %cp, %d : tensor<64x64x!tt.ptr<f32>>
  tt.return
})";

} // namespace kernels
