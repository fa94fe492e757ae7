// A search of nine configurations of a small kernel, with an executor whose outcomes tests choose.
#pragma once
#include "tests/tuner/fake_executor.h"
#include "tests/tuner/kernels.h"
#include "tuner/search/tuner.h"

#include <cmath>

namespace tuned::test {

struct Fixture {
  test::FakeExecutor executor;
  TuneRequest request;

  Fixture() {
    request.kernel = test::twice();
    request.sizes = {{"n", 100}};
    request.now = [this] { return executor.clock; };
    // The best is BLOCK=64 num_warps=4; the default, BLOCK=32 num_warps=2, takes twice as long.
    executor.behaviour = [](const Configuration& c) -> Outcome {
      double block = static_cast<double>(c.at("BLOCK")), warps = static_cast<double>(c.at("num_warps"));
      return timed(1e-3 * (1 + std::abs(block - 64) / 64 + (4 - warps) / 4));
    };
  }
  TuneResult run(std::stop_token stop = {}) {
    auto result = tune(request, executor, stop);
    REQUIRE_MESSAGE(result.has_value(), (result ? "" : result.error().text()));
    return *result;
  }
};

} // namespace tuned::test
