// What the library computes, run by the scalar evaluator, against plain loops in double.
#include "tests/tuner/library_support.h"

#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>

using namespace tuned;
using namespace tuned::library;

namespace {

Values product(const Run& run, int64_t m, int64_t n, int64_t k) {
  const Values &a = run.before.at("a"), &b = run.before.at("b");
  Values c(m * n);
  for (int64_t i = 0; i < m; ++i)
    for (int64_t p = 0; p < k; ++p)
      for (int64_t j = 0; j < n; ++j)
        c[i * n + j] += a[i * k + p] * b[p * n + j];
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
