// What the library computes row by row or element by element, run by the scalar evaluator, against plain
// loops in double.
#include "tests/tuner/library/library_support.h"

#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>

using namespace tuned;
using namespace tuned::library;

TEST_CASE("relu and add") {
  Run run = launch("relu", {{"BLOCK_SIZE", 128}}, {{"n_elements", 1000}});
  Values positive = run.before["x"];
  for (double& x : positive)
    x = std::max(x, 0.0);
  checkClose(run.after["y"], positive, 0, 0);
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

TEST_CASE("layer norm's backward pass in each type, sums added to what is there") {
  const int64_t rows = 37, columns = 100;
  for (auto [name, relative] : {std::pair{"layer_norm_backward_f32", 1e-5},
                                {"layer_norm_backward_f16", 2e-3},
                                {"layer_norm_backward_bf16", 1e-2}}) {
    CAPTURE(name);
    Run run = launch(name, {{"ROWS", 16}}, {{"n_rows", rows}, {"n_cols", columns}});
    Values dx(rows * columns), dweight = run.before["dweight"], dbias = run.before["dbias"];
    for (int64_t r = 0; r < rows; ++r) {
      const double *x = &run.before["x"][r * columns], *dy = &run.before["dy"][r * columns];
      const double mean = run.before["mean"][r], rstd = run.before["rstd"][r];
      auto z = [&](int64_t c) { return (x[c] - mean) * rstd; };
      auto g = [&](int64_t c) { return dy[c] * run.before["weight"][c]; };
      double along = 0, level = 0;
      for (int64_t c = 0; c < columns; ++c) {
        along += z(c) * g(c) / columns;
        level += g(c) / columns;
        dweight[c] += dy[c] * z(c);
        dbias[c] += dy[c];
      }
      for (int64_t c = 0; c < columns; ++c)
        dx[r * columns + c] = (g(c) - z(c) * along - level) * rstd;
    }
    checkClose(run.after["dx"], dx, relative, relative / 10 + 1e-6);
    checkClose(run.after["dweight"], dweight, 1e-5, 1e-5);
    checkClose(run.after["dbias"], dbias, 1e-5, 1e-5);
  }
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
