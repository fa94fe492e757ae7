// The library's matrix products, run by the scalar evaluator, against plain loops in double.
#include "tests/tuner/library/library_support.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <doctest/doctest.h>

using namespace tuned;
using namespace tuned::library;

namespace {

/// a b + bias, where a is stored [m, k] (or [k, m]) and b [k, n] (or [n, k]).
Values product(const Run& run, int64_t m, int64_t n, int64_t k, bool aTurned = false, bool bTurned = false) {
  const Values &a = run.before.at("a"), &b = run.before.at("b");
  Values c(m * n);
  for (int64_t i = 0; i < m; ++i)
    for (int64_t p = 0; p < k; ++p)
      for (int64_t j = 0; j < n; ++j)
        c[i * n + j] += a[aTurned ? p * m + i : i * k + p] * b[bTurned ? j * k + p : p * n + j];
  if (run.before.contains("bias"))
    for (int64_t i = 0; i < m * n; ++i)
      c[i] += run.before.at("bias")[i % n];
  return c;
}

Values apply(Values values, double (*function)(double)) {
  for (double& value : values)
    value = function(value);
  return values;
}
double relu(double x) {
  return std::max(x, 0.0);
}
double silu(double x) {
  return x / (1 + std::exp(-x));
}
double gelu(double x) {
  return x / 2 * (1 + std::erf(x / std::sqrt(2.0)));
}

} // namespace

TEST_CASE("matmul in each type, even and ragged on every side") {
  const Configuration small = {{"BLOCK_M", 32}, {"BLOCK_N", 32}, {"BLOCK_K", 32}, {"num_stages", 2}};
  struct Shape {
    int64_t m, n, k;
  };
  for (Shape s : {Shape{64, 64, 64}, {50, 64, 64}, {64, 50, 64}, {64, 64, 50}, {33, 47, 61}}) {
    CAPTURE(s.m);
    CAPTURE(s.n);
    CAPTURE(s.k);
    Sizes sizes = {{"M", s.m}, {"N", s.n}, {"K", s.k}};
    for (auto [name, relative] :
         {std::pair{"matmul_f32", 1e-5}, {"matmul_f16", 1e-3}, {"matmul_bf16", 8e-3}}) {
      CAPTURE(name);
      Run run = launch(name, small, sizes);
      checkClose(run.after["c"], product(run, s.m, s.n, s.k), relative, relative);
    }
  }
}

TEST_CASE("matmul of few rows in tiles of 16 rows and long blocks of K") {
  const Configuration few = {
      {"BLOCK_M", 16}, {"BLOCK_N", 32}, {"BLOCK_K", 256}, {"num_warps", 4}, {"num_stages", 2}};
  for (auto [m, n, k] : {std::array<int64_t, 3>{16, 64, 512}, {5, 47, 300}, {20, 33, 61}})
    for (auto [name, relative] : {std::pair{"matmul_f16", 1e-3},
                                  {"matmul_bf16", 8e-3},
                                  {"matmul_nt_f16", 1e-3},
                                  {"matmul_nt_bf16", 8e-3}}) {
      CAPTURE(m);
      CAPTURE(n);
      CAPTURE(k);
      CAPTURE(name);
      Run run = launch(name, few, {{"M", m}, {"N", n}, {"K", k}});
      bool bTurned = std::string(name).find("_nt_") != std::string::npos;
      checkClose(run.after["c"], product(run, m, n, k, false, bTurned), relative, relative);
    }
}

TEST_CASE("matmul of transposed operands, even and ragged on every side") {
  const Configuration small = {{"BLOCK_M", 32}, {"BLOCK_N", 64}, {"BLOCK_K", 32}, {"num_warps", 4}};
  struct Shape {
    int64_t m, n, k;
  };
  for (Shape s : {Shape{64, 64, 64}, {50, 64, 64}, {64, 50, 64}, {64, 64, 50}, {33, 47, 61}})
    for (bool aTurned : {true, false}) {
      CAPTURE(s.m);
      CAPTURE(s.n);
      CAPTURE(s.k);
      CAPTURE(aTurned);
      const char* name = aTurned ? "matmul_tn_f16" : "matmul_nt_bf16";
      Run run = launch(name, small, {{"M", s.m}, {"N", s.n}, {"K", s.k}});
      double relative = aTurned ? 1e-3 : 8e-3;
      checkClose(run.after["c"], product(run, s.m, s.n, s.k, aTurned, !aTurned), relative, relative);
    }
}

TEST_CASE("matmul of 8-bit floats, multiplied by both scales") {
  const Configuration small = {{"BLOCK_M", 32}, {"BLOCK_N", 64}, {"BLOCK_K", 64}, {"num_warps", 4}};
  for (int64_t k : {128, 100}) {
    CAPTURE(k);
    for (const char* name : {"matmul_nt_fp8", "matmul_nt_fp8_fast"}) {
      Run run = launch(name, small, {{"M", 40}, {"N", 70}, {"K", k}});
      Values expected = product(run, 40, 70, k, false, true);
      for (double& value : expected)
        value *= run.before["scale_a"][0] * run.before["scale_b"][0];
      checkClose(run.after["c"], expected, 8e-3, 8e-3);
    }
  }
}

TEST_CASE("matmul that adds, its depth shared by several programs") {
  for (auto [name, bTurned] : {std::pair{"matmul_add_f16", false}, {"matmul_nt_add_bf16", true}})
    for (int64_t splits : {1, 2, 4}) {
      CAPTURE(name);
      CAPTURE(splits);
      const int64_t m = 5, n = 70, k = 580; // 10 blocks: of four programs the last has one block only
      Run run = launch(name, {{"BLOCK_K", 64}, {"SPLITS", splits}}, {{"M", m}, {"N", n}, {"K", k}});
      Values expected = product(run, m, n, k, false, bTurned);
      for (size_t i = 0; i < expected.size(); ++i)
        expected[i] += run.before["c"][i];
      checkClose(run.after["c"], expected, 1e-5, 1e-4);
    }
}

TEST_CASE("a program for several tiles takes each once") {
  // 9 x 3 tiles and 132 programs: one each; 27 x 9: two for some.
  for (int64_t m : {270, 840}) {
    CAPTURE(m);
    Run run = launch("matmul_f16", {{"BLOCK_M", 32}, {"BLOCK_N", 32}, {"PROGRAMS", 132}},
                     {{"M", m}, {"N", 290}, {"K", 16}});
    checkClose(run.after["c"], product(run, m, 290, 16), 1e-3, 1e-3);
  }
}

TEST_CASE("programs in groups cover every tile once, whatever the group") {
  // 9 x 3 tiles in groups of 8 rows: the last group has one row.
  Run run = launch("matmul_f32", {{"BLOCK_M", 32}, {"BLOCK_N", 32}}, {{"M", 270}, {"N", 90}, {"K", 16}});
  checkClose(run.after["c"], product(run, 270, 90, 16), 1e-5, 1e-5);
}

TEST_CASE("bias and activation") {
  Sizes sizes = {{"M", 40}, {"N", 40}, {"K", 32}};
  const Configuration small = {{"BLOCK_M", 32}, {"BLOCK_N", 32}};
  Run run = launch("matmul_f16_bias_relu", small, sizes);
  checkClose(run.after["c"], apply(product(run, 40, 40, 32), relu), 1e-3, 1e-3);
  run = launch("matmul_f32_bias_relu", small, sizes);
  checkClose(run.after["c"], apply(product(run, 40, 40, 32), relu), 1e-5, 1e-5);
  run = launch("matmul_f16_bias_gelu", small, sizes);
  checkClose(run.after["c"], apply(product(run, 40, 40, 32), gelu), 1e-3, 1e-3);
}

TEST_CASE("gate and up projection, even and ragged on every side") {
  const Configuration small = {{"BLOCK_M", 32}, {"BLOCK_N", 32}, {"num_warps", 4}};
  struct Shape {
    int64_t m, n, k;
  };
  for (Shape s : {Shape{64, 64, 64}, {50, 64, 32}, {64, 50, 32}, {64, 64, 50}, {33, 47, 61}})
    for (auto [name, function, relative] : {std::tuple{"mlp_silu_f16", &silu, 2e-3},
                                            {"mlp_gelu_f16", &gelu, 2e-3},
                                            {"mlp_silu_bf16", &silu, 8e-3}}) {
      CAPTURE(s.m);
      CAPTURE(s.n);
      CAPTURE(s.k);
      CAPTURE(name);
      Run run = launch(name, small, {{"M", s.m}, {"N", s.n}, {"K", s.k}});
      auto projected = [&](const char* weight) {
        Run inputs;
        inputs.before = {{"a", run.before["x"]}, {"b", run.before[weight]}};
        return product(inputs, s.m, s.n, s.k, false, true);
      };
      Values h = apply(projected("gate"), function), up = projected("up");
      for (size_t i = 0; i < h.size(); ++i)
        h[i] *= up[i];
      checkClose(run.after["h"], h, relative, relative);
    }
}

TEST_CASE("grouped matmul: groups in any order, rows of none, even and ragged on every side") {
  struct Shape {
    int64_t t, n, k, g, align;
  };
  const Configuration small = {{"BLOCK_M", 32}, {"BLOCK_N", 32}, {"num_warps", 4}};
  for (Shape s : {Shape{256, 64, 64, 16, 32}, {200, 50, 40, 9, 64}})
    for (auto [name, relative] : {std::pair{"grouped_matmul_f16", 1e-3}, {"grouped_matmul_bf16", 8e-3}}) {
      CAPTURE(s.t);
      CAPTURE(name);
      Run run = launch(name, small, {{"T", s.t}, {"N", s.n}, {"K", s.k}, {"G", s.g}, {"ALIGN", s.align}});
      const Values &x = run.before["x"], &w = run.before["w"], &groups = run.before["group_of"];
      Values y(size_t(s.t * s.n));
      int64_t none = 0;
      for (int64_t row = 0; row < s.t; ++row) {
        auto group = int64_t(groups[size_t(row / s.align)]); // of 0 to 15
        none += group >= s.g;
        for (int64_t j = 0; j < s.n && group < s.g; ++j)
          for (int64_t p = 0; p < s.k; ++p)
            y[row * s.n + j] += x[row * s.k + p] * w[(group * s.n + j) * s.k + p];
      }
      CHECK((none > 0) == (s.g < 16));
      checkClose(run.after["y"], y, relative, relative);
    }
}
