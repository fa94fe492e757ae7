// What the library computes, run by the scalar evaluator, against plain loops in double.
#include "tests/tuner/library_support.h"

#include <algorithm>
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
double gelu(double x) {
  return x / 2 * (1 + std::erf(x / std::sqrt(2.0)));
}

} // namespace

TEST_CASE("relu and add") {
  Run run = launch("relu", {{"BLOCK_SIZE", 128}}, {{"n_elements", 1000}});
  checkClose(run.after["y"], apply(run.before["x"], relu), 0, 0);
  run = launch("add", {{"BLOCK_SIZE", 256}}, {{"n_elements", 1000}});
  Values sum = run.before["x"];
  for (size_t i = 0; i < sum.size(); ++i)
    sum[i] = static_cast<float>(sum[i] + run.before["y"][i]);
  checkClose(run.after["z"], sum, 0, 0);
}

TEST_CASE("softmax, with rows that do not divide and columns that are no power of two") {
  const int64_t rows = 7, columns = 100;
  Run run = launch("softmax", {{"ROWS", 4}, {"num_stages", 2}}, {{"n_rows", rows}, {"n_cols", columns}});
  Values expected = run.before["x"];
  for (int64_t r = 0; r < rows; ++r) {
    double *row = &expected[r * columns], sum = 0, top = *std::max_element(row, row + columns);
    for (int64_t c = 0; c < columns; ++c)
      sum += row[c] = std::exp(row[c] - top);
    for (int64_t c = 0; c < columns; ++c)
      row[c] /= sum;
  }
  checkClose(run.after["y"], expected, 1e-5, 0);
}

TEST_CASE("layer norm in each type, with its mean and reciprocal deviation") {
  const int64_t rows = 5, columns = 100;
  for (auto [name, relative] :
       {std::pair{"layer_norm_f32", 1e-5}, {"layer_norm_f16", 2e-3}, {"layer_norm_bf16", 1e-2}}) {
    CAPTURE(name);
    Run run = launch(name, {{"ROWS", 2}}, {{"n_rows", rows}, {"n_cols", columns}});
    Values y(rows * columns), mean(rows), rstd(rows);
    for (int64_t r = 0; r < rows; ++r) {
      const double* x = &run.before["x"][r * columns];
      double variance = 0;
      for (int64_t c = 0; c < columns; ++c)
        mean[r] += x[c] / columns;
      for (int64_t c = 0; c < columns; ++c)
        variance += (x[c] - mean[r]) * (x[c] - mean[r]) / columns;
      rstd[r] = 1 / std::sqrt(variance + 1e-5);
      for (int64_t c = 0; c < columns; ++c)
        y[r * columns + c] = (x[c] - mean[r]) * rstd[r] * run.before["weight"][c] + run.before["bias"][c];
    }
    checkClose(run.after["mean"], mean, 1e-5, 1e-6);
    checkClose(run.after["rstd"], rstd, 1e-5, 0);
    checkClose(run.after["y"], y, relative, relative / 10 + 1e-6);
  }
}

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
    Run run = launch("matmul_nt_fp8", small, {{"M", 40}, {"N", 70}, {"K", k}});
    Values expected = product(run, 40, 70, k, false, true);
    for (double& value : expected)
      value *= run.before["scale_a"][0] * run.before["scale_b"][0];
    checkClose(run.after["c"], expected, 8e-3, 8e-3);
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

TEST_CASE("root mean square norm in each type, with its reciprocal") {
  const int64_t rows = 5, columns = 100;
  for (auto [name, relative] :
       {std::pair{"rms_norm_f32", 1e-5}, {"rms_norm_f16", 2e-3}, {"rms_norm_bf16", 1e-2}}) {
    CAPTURE(name);
    Run run = launch(name, {{"ROWS", 2}}, {{"n_rows", rows}, {"n_cols", columns}});
    Values y(rows * columns), rstd(rows);
    for (int64_t r = 0; r < rows; ++r) {
      const double* x = &run.before["x"][r * columns];
      double mean = 0;
      for (int64_t c = 0; c < columns; ++c)
        mean += x[c] * x[c] / columns;
      rstd[r] = 1 / std::sqrt(mean + 1e-6);
      for (int64_t c = 0; c < columns; ++c)
        y[r * columns + c] = x[c] * rstd[r] * run.before["weight"][c];
    }
    checkClose(run.after["rstd"], rstd, 1e-5, 0);
    checkClose(run.after["y"], y, relative, relative / 10 + 1e-6);
  }
}

TEST_CASE("rotary embedding in each type, the last program with fewer rows") {
  const int64_t z = 1, h = 3, n = 5, d = 16;
  for (auto [name, relative] : {std::pair{"rope_f32", 1e-6}, {"rope_f16", 1e-3}, {"rope_bf16", 8e-3}}) {
    CAPTURE(name);
    Run run = launch(name, {{"ROWS", 4}, {"num_warps", 1}}, {{"Z", z}, {"H", h}, {"N", n}, {"D", d}});
    const Values &x = run.before["x"], &cosine = run.before["cos"], &sine = run.before["sin"];
    Values y(x.size());
    for (int64_t row = 0; row < z * h * n; ++row)
      for (int64_t c = 0; c < d / 2; ++c) {
        double a = x[row * d + c], b = x[row * d + d / 2 + c];
        double turn = cosine[row % n * (d / 2) + c], across = sine[row % n * (d / 2) + c];
        y[row * d + c] = a * turn - b * across;
        y[row * d + d / 2 + c] = b * turn + a * across;
      }
    checkClose(run.after["y"], y, relative, relative);
  }
}

namespace {

/// ln Σ exp of each row.
Values logSums(const Values& x, int64_t rows, int64_t columns) {
  Values sums(rows);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c)
      sums[r] += std::exp(x[r * columns + c]);
    sums[r] = std::log(sums[r]);
  }
  return sums;
}

} // namespace

TEST_CASE("cross entropy in each type, whole blocks and a ragged one, targets that are no column ignored") {
  for (const char* name : {"cross_entropy_f32", "cross_entropy_f16", "cross_entropy_bf16"})
    for (int64_t columns : {300, 512, 3}) {
      CAPTURE(name);
      CAPTURE(columns);
      const int64_t rows = 5; // targets are 0 … 4: of three columns the last two rows are ignored
      Run run = launch(name, {{"BLOCK", 256}}, {{"n_rows", rows}, {"n_cols", columns}});
      Values lse = logSums(run.before["x"], rows, columns), loss(rows);
      for (int64_t r = 0; r < std::min(rows, columns); ++r)
        loss[r] = lse[r] - run.before["x"][r * columns + r];
      checkClose(run.after["lse"], lse, 1e-5, 1e-5);
      checkClose(run.after["loss"], loss, 1e-5, 1e-5);
    }
}

TEST_CASE("backward pass of cross entropy in each type") {
  for (auto [name, relative] : {std::pair{"cross_entropy_backward_f32", 1e-5},
                                {"cross_entropy_backward_f16", 1e-3},
                                {"cross_entropy_backward_bf16", 8e-3}})
    for (int64_t columns : {300, 3}) {
      CAPTURE(name);
      CAPTURE(columns);
      const int64_t rows = 5;
      Run run = launch(name, {}, {{"n_rows", rows}, {"n_cols", columns}});
      Values dx(rows * columns);
      for (int64_t r = 0; r < std::min(rows, columns); ++r)
        for (int64_t c = 0; c < columns; ++c)
          dx[r * columns + c] =
              (std::exp(run.before["x"][r * columns + c] - run.before["lse"][r]) - (c == r)) *
              run.before["dloss"][r];
      checkClose(run.after["dx"], dx, relative, relative);
    }
}
