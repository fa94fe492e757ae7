// The library's attention, and what judges it, against the definition in double.
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

struct Attention {
  Values p, o, lse; ///< probabilities, outputs, ln of the sums
};

/// softmax(q kᵀ / √d) v, row by row.
Attention attentionOf(const Run& run, const Shape& s, bool causal) {
  const Values &q = run.before.at("q"), &k = run.before.at("k"), &v = run.before.at("v");
  Attention out{Values(s.z * s.h * s.n * s.n), Values(s.z * s.h * s.n * s.d), Values(s.z * s.h * s.n)};
  for (int64_t head = 0; head < s.z * s.h; ++head) {
    const int64_t kv = head / (s.h / s.hkv);
    for (int64_t i = 0; i < s.n; ++i) {
      double* p = &out.p[(head * s.n + i) * s.n];
      const int64_t seen = causal ? i + 1 : s.n;
      double sum = 0;
      for (int64_t j = 0; j < seen; ++j) {
        double score = 0;
        for (int64_t c = 0; c < s.d; ++c)
          score += q[(head * s.n + i) * s.d + c] * k[(kv * s.n + j) * s.d + c];
        sum += p[j] = std::exp(score / std::sqrt(double(s.d)));
      }
      out.lse[head * s.n + i] = std::log(sum);
      for (int64_t j = 0; j < seen; ++j) {
        p[j] /= sum;
        for (int64_t c = 0; c < s.d; ++c)
          out.o[(head * s.n + i) * s.d + c] += p[j] * v[(kv * s.n + j) * s.d + c];
      }
    }
  }
  return out;
}

void check(const Run& run, const Shape& shape, bool causal, double relative) {
  Attention expected = attentionOf(run, shape, causal);
  checkClose(run.after.at("o"), expected.o, relative, relative);
  checkClose(run.after.at("lse"), expected.lse, 1e-5, 1e-5);
}

} // namespace

TEST_CASE("attention: blocks of every kind, shared heads, ragged ends") {
  const Configuration tall = {{"BLOCK_M", 64}, {"BLOCK_N", 32}, {"num_warps", 4}};
  const Configuration wide = {{"BLOCK_M", 64}, {"BLOCK_N", 128}, {"num_warps", 4}};
  struct Case {
    Shape shape;
    Configuration blocks;
    int64_t ahead, groups;
  };
  for (const Case& each : {Case{{1, 2, 2, 128, 16}, tall, 0, 1},
                           {{1, 2, 2, 128, 16}, tall, 1, 1},
                           {{1, 2, 1, 128, 16}, wide, 1, 1},
                           {{2, 4, 2, 64, 32}, tall, 1, 4},
                           {{1, 2, 1, 100, 16}, tall, 0, 1},
                           {{1, 1, 1, 96, 16}, tall, 1, 1},
                           {{1, 1, 1, 150, 16}, wide, 0, 1},
                           {{1, 1, 1, 1, 16}, tall, 0, 1}}) {
    CAPTURE(toString(each.shape.sizes()));
    Configuration changes = each.blocks;
    changes["AHEAD"] = each.ahead;
    changes["GROUP_H"] = each.groups;
    CAPTURE(toString(changes));
    for (bool causal : {false, true}) {
      CAPTURE(causal);
      const char* name = causal ? "attention_causal_f16" : "attention_f16";
      check(launch(name, changes, each.shape.sizes()), each.shape, causal, 2e-3);
    }
  }
}

TEST_CASE("attention in bf16, and its judge") {
  const Shape shape{1, 4, 2, 80, 16};
  for (const char* name : {"attention_bf16", "attention_causal_bf16"}) {
    CAPTURE(name);
    const bool causal = std::string(name).contains("causal");
    Kernel kernel = load(name);
    check(launch(kernel, {{"BLOCK_M", 64}, {"num_warps", 4}}, shape.sizes()), shape, causal, 1e-2);
    REQUIRE(kernel.judge);
    check(launch(*kernel.judge, {}, shape.sizes()), shape, causal, 4e-3);
  }
}
