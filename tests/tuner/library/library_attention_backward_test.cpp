// The backward pass of the library's attention against its definition in double, and that against
// differences.
#include "tests/tuner/library/library_support.h"

#include <cmath>
#include <doctest/doctest.h>

using namespace tuned;
using namespace tuned::library;

namespace {

struct Shape {
  int64_t z, h, hkv, n, d;
  Sizes sizes() const { return {{"Z", z}, {"H", h}, {"HKV", hkv}, {"N", n}, {"D", d}}; }
};

struct Inputs {
  Values q, k, v, slope, lse, delta; ///< slope: of the loss along o
};

struct Gradients {
  Values q, k, v;
};

/// With p = exp(q kᵀ / √d - lse) and ds = p (slope vᵀ - delta): ds k / √d, dsᵀ q / √d, pᵀ slope.
Gradients gradientsOf(const Inputs& x, const Shape& s, bool causal) {
  Gradients out{Values(x.q.size()), Values(x.k.size()), Values(x.v.size())};
  const double factor = 1 / std::sqrt(double(s.d));
  for (int64_t row = 0; row < s.z * s.h * s.n; ++row) {
    const int64_t head = row / s.n, kv = head / (s.h / s.hkv) * s.n, seen = causal ? row % s.n + 1 : s.n;
    for (int64_t j = kv; j < kv + seen; ++j) {
      double score = 0, along = 0;
      for (int64_t c = 0; c < s.d; ++c) {
        score += x.q[row * s.d + c] * x.k[j * s.d + c];
        along += x.slope[row * s.d + c] * x.v[j * s.d + c];
      }
      const double p = std::exp(score * factor - x.lse[row]), ds = p * (along - x.delta[row]) * factor;
      for (int64_t c = 0; c < s.d; ++c) {
        out.q[row * s.d + c] += ds * x.k[j * s.d + c];
        out.k[j * s.d + c] += ds * x.q[row * s.d + c];
        out.v[j * s.d + c] += p * x.slope[row * s.d + c];
      }
    }
  }
  return out;
}

/// What the forward pass leaves of each row: the loss Σ o · slope, with lse and delta filled in.
double lossOf(Inputs& x, const Shape& s, bool causal) {
  double loss = 0;
  for (int64_t row = 0; row < s.z * s.h * s.n; ++row) {
    const int64_t kv = row / s.n / (s.h / s.hkv) * s.n, seen = causal ? row % s.n + 1 : s.n;
    double sum = 0, weighted = 0;
    for (int64_t j = kv; j < kv + seen; ++j) {
      double score = 0, along = 0;
      for (int64_t c = 0; c < s.d; ++c) {
        score += x.q[row * s.d + c] * x.k[j * s.d + c];
        along += x.slope[row * s.d + c] * x.v[j * s.d + c];
      }
      const double weight = std::exp(score / std::sqrt(double(s.d)));
      sum += weight;
      weighted += weight * along;
    }
    x.lse[row] = std::log(sum);
    loss += x.delta[row] = weighted / sum;
  }
  return loss;
}

Inputs inputsOf(const Run& run) {
  auto at = [&](const char* name) { return run.before.at(name); };
  return {at("q"), at("k"), at("v"), at("do"), at("lse"), at("delta")};
}

const std::vector<Shape> kShapes = {
    {1, 2, 2, 128, 16}, {2, 4, 2, 64, 32}, {1, 2, 1, 100, 16}, {1, 1, 1, 1, 16}};

} // namespace

TEST_CASE("the definition is the derivative of the forward pass") {
  const Shape s{1, 2, 1, 5, 4};
  for (bool causal : {false, true}) {
    Inputs x;
    for (Values* each : {&x.q, &x.slope})
      each->resize(size_t(s.z * s.h * s.n * s.d));
    for (Values* each : {&x.k, &x.v})
      each->resize(size_t(s.z * s.hkv * s.n * s.d));
    x.lse = x.delta = Values(size_t(s.z * s.h * s.n));
    int step = 0;
    for (Values* each : {&x.q, &x.k, &x.v, &x.slope})
      for (double& value : *each)
        value = std::sin(1.7 * ++step);
    lossOf(x, s, causal);
    const Gradients gradients = gradientsOf(x, s, causal);
    for (auto [values, gradient] :
         {std::pair{&x.q, &gradients.q}, {&x.k, &gradients.k}, {&x.v, &gradients.v}})
      for (size_t i = 0; i < values->size(); ++i) {
        const double before = (*values)[i], width = 1e-5;
        (*values)[i] = before + width;
        const double above = lossOf(x, s, causal);
        (*values)[i] = before - width;
        const double below = lossOf(x, s, causal);
        (*values)[i] = before;
        CHECK((above - below) / (2 * width) == doctest::Approx((*gradient)[i]).epsilon(1e-5));
      }
  }
}

TEST_CASE("gradients of k and v: every kind of block, shared heads, ragged ends") {
  for (const Shape& shape : kShapes)
    for (int64_t rows : {32, 128})
      for (const char* name : {"attention_dkdv_f16", "attention_dkdv_causal_f16", "attention_dkdv_bf16"}) {
        CAPTURE(toString(shape.sizes()));
        CAPTURE(rows);
        CAPTURE(name);
        const bool causal = std::string(name).contains("causal"),
                   narrow = std::string(name).ends_with("bf16");
        Run run = launch(name, {{"BLOCK_M", rows}}, shape.sizes());
        Gradients expected = gradientsOf(inputsOf(run), shape, causal);
        checkClose(run.after.at("dk"), expected.k, narrow ? 2e-2 : 4e-3, narrow ? 2.5e-1 : 3e-2);
        checkClose(run.after.at("dv"), expected.v, narrow ? 2e-2 : 4e-3, narrow ? 2.5e-1 : 3e-2);
      }
}

TEST_CASE("gradient of q: every kind of block, shared heads, ragged ends") {
  for (const Shape& shape : kShapes)
    for (int64_t columns : {32, 128})
      for (const char* name : {"attention_dq_f16", "attention_dq_causal_f16", "attention_dq_causal_bf16"}) {
        CAPTURE(toString(shape.sizes()));
        CAPTURE(columns);
        CAPTURE(name);
        const bool causal = std::string(name).contains("causal"),
                   narrow = std::string(name).ends_with("bf16");
        Run run = launch(name, {{"BLOCK_N", columns}}, shape.sizes());
        Gradients expected = gradientsOf(inputsOf(run), shape, causal);
        checkClose(run.after.at("dq"), expected.q, narrow ? 2e-2 : 4e-3, narrow ? 2.5e-1 : 3e-2);
      }
}

TEST_CASE("delta is the sum of o times its gradient") {
  for (const char* name : {"attention_delta_f16", "attention_delta_bf16"}) {
    CAPTURE(name);
    const int64_t rows = 3 * 7, d = 16;
    Run run = launch(name, {{"BLOCK_M", 8}}, {{"Z", 1}, {"H", 3}, {"N", 7}, {"D", d}});
    Values delta(rows);
    for (int64_t i = 0; i < rows * d; ++i)
      delta[i / d] += run.before["o"][i] * run.before["do"][i];
    checkClose(run.after["delta"], delta, 1e-5, 1e-5);
  }
}
