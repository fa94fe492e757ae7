#include "tests/tuner/host_device.h"
#include "tests/tuner/kernels.h"
#include "tuner/measure/measure.h"

#include <cmath>
#include <random>

using namespace tuned;

namespace {

const Sizes kSizes = {{"n", 100}};

struct Call {
  const float* x;
  float* y;
  int64_t n;
  float bias;
};
Call callOf(std::span<const ArgumentValue> arguments) {
  Call call;
  call.x = reinterpret_cast<const float*>(std::get<uint64_t>(arguments[0]));
  call.y = reinterpret_cast<float*>(std::get<uint64_t>(arguments[1]));
  call.n = static_cast<int64_t>(std::get<Scalar>(arguments[2]).bits);
  uint32_t bits = static_cast<uint32_t>(std::get<Scalar>(arguments[3]).bits);
  std::memcpy(&call.bias, &bits, 4);
  return call;
}
void right(const Grid&, std::span<const ArgumentValue> arguments) {
  Call call = callOf(arguments);
  for (int64_t i = 0; i < call.n; ++i)
    call.y[i] = 2 * call.x[i] + call.bias;
}

struct Fixture {
  test::HostDevice device;
  Kernel kernel = test::twice();
  double launchSeconds = 1e-3;

  Artefact artefact(const std::string& name, test::HostDevice::Function run) {
    device.programs[name] = {std::move(run), [this] { return launchSeconds; }};
    Artefact out;
    out.bytes = name;
    return out;
  }
  Measurer measurer(bool withReference = true) {
    auto bench = Workbench::open(device, kernel, kSizes, 1);
    REQUIRE(bench.has_value());
    ReferenceResult reference;
    if (withReference) {
      auto computed =
          computeReference(device, kernel, kSizes, 1, artefact("reference", right), {1, 1, 1}, "reference");
      REQUIRE(computed.has_value());
      reference = *computed;
    }
    return Measurer(std::move(*bench), kSizes, std::move(reference));
  }
  Measured measure(test::HostDevice::Function run, std::optional<double> best = {}) {
    auto shared = std::make_shared<Artefact>(artefact("variant", std::move(run)));
    return measurer().measure({kernel.defaults, shared, best});
  }
};

} // namespace

TEST_CASE_FIXTURE(Fixture, "a right variant is timed and carries its verdict") {
  Measured measured = measure(right);
  const Timed* timed = std::get_if<Timed>(&measured.outcome);
  REQUIRE_MESSAGE(timed, reason(measured.outcome));
  CHECK(timed->median == 1e-3);
  CHECK(timed->repeats == MeasureOptions().minimumRepeats); // a steady clock needs no more
  CHECK_FALSE(timed->abandoned);
  CHECK(measured.verdict.reference == "reference");
  CHECK(measured.verdict.checked == 100);
  CHECK(measured.verdict.total == 100);
  CHECK(measured.verdict.worstError <= 1);
  CHECK(measured.verdict.guardsIntact);
}

TEST_CASE_FIXTURE(Fixture, "a wrong result is never timed, and the first wrong element is named") {
  Measured measured = measure([](const Grid& grid, std::span<const ArgumentValue> arguments) {
    right(grid, arguments);
    callOf(arguments).y[42] += 1;
    callOf(arguments).y[43] += 1;
  });
  CHECK(std::holds_alternative<WrongResult>(measured.outcome));
  CHECK(reason(measured.outcome).find("output 'y' differs from reference at element 42") !=
        std::string::npos);
  CHECK(reason(measured.outcome).find("2 of 100 wrong") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "a variant that writes nothing does not pass on what another left") {
  Measurer both = measurer();
  auto good = std::make_shared<Artefact>(artefact("good", right));
  auto idle =
      std::make_shared<Artefact>(artefact("idle", [](const Grid&, std::span<const ArgumentValue>) {}));
  CHECK(std::holds_alternative<Timed>(both.measure({kernel.defaults, good, {}}).outcome));
  CHECK(std::holds_alternative<WrongResult>(both.measure({kernel.defaults, idle, {}}).outcome));
}

TEST_CASE_FIXTURE(Fixture, "writes outside a buffer are caught on both sides") {
  for (auto [index, text] :
       {std::pair{100, "0 bytes past its end"}, {103, "12 bytes past its end"}, {-1, "1 bytes before"}}) {
    Measured measured = measure([index = index](const Grid& grid, std::span<const ArgumentValue> arguments) {
      right(grid, arguments);
      callOf(arguments).y[index] = 1;
    });
    CHECK(std::holds_alternative<WrongResult>(measured.outcome));
    INFO(reason(measured.outcome));
    CHECK(reason(measured.outcome).find("outside the buffer of argument 'y'") != std::string::npos);
    CHECK(reason(measured.outcome).find(text) != std::string::npos);
    CHECK_FALSE(measured.verdict.guardsIntact);
  }
}

TEST_CASE_FIXTURE(
    Fixture, "a device that checks for itself gives the same verdicts, and equal outputs are judged once") {
  device.checks.emplace();
  Measurer both = measurer();
  auto named = [&](const char* name, test::HostDevice::Function run) {
    return std::make_shared<Artefact>(artefact(name, std::move(run)));
  };
  auto first = named("first", right), second = named("second", right);
  auto off = named("off", [](const Grid& grid, std::span<const ArgumentValue> arguments) {
    right(grid, arguments);
    callOf(arguments).y[42] += 1;
  });
  Measured judged = both.measure({kernel.defaults, first, {}});
  Measured inherited = both.measure({kernel.defaults, second, {}});
  CHECK(device.checks->compared == 1);
  for (const Measured& each : {judged, inherited}) {
    CHECK(std::holds_alternative<Timed>(each.outcome));
    CHECK(each.verdict.checked == 100);
    CHECK(each.verdict.guardsIntact);
  }
  Measured wrong = both.measure({kernel.defaults, off, {}});
  CHECK(std::holds_alternative<WrongResult>(wrong.outcome));
  CHECK(reason(wrong.outcome).find("output 'y' differs from reference at element 42") != std::string::npos);
  // What was wrong once is not passed on as right.
  CHECK(std::holds_alternative<WrongResult>(both.measure({kernel.defaults, off, {}}).outcome));
  auto vandal = named("vandal2", [](const Grid& grid, std::span<const ArgumentValue> arguments) {
    right(grid, arguments);
    const_cast<float*>(callOf(arguments).x)[3] += 1;
  });
  Measured changed = both.measure({kernel.defaults, vandal, {}});
  CHECK(reason(changed.outcome).find("wrote element 3 of argument 'x'") != std::string::npos);
  CHECK(std::holds_alternative<Timed>(both.measure({kernel.defaults, first, {}}).outcome));
}

TEST_CASE_FIXTURE(Fixture, "a variant that changes its input is caught, and the next one is not blamed") {
  Measurer both = measurer();
  auto vandal = std::make_shared<Artefact>(
      artefact("vandal", [](const Grid& grid, std::span<const ArgumentValue> arguments) {
        right(grid, arguments);
        const_cast<float*>(callOf(arguments).x)[7] = 9;
      }));
  Measured measured = both.measure({kernel.defaults, vandal, {}});
  CHECK(reason(measured.outcome).find("wrote element 7 of argument 'x'") != std::string::npos);
  auto good = std::make_shared<Artefact>(artefact("good", right));
  CHECK(std::holds_alternative<Timed>(both.measure({kernel.defaults, good, {}}).outcome));
}

TEST_CASE_FIXTURE(Fixture, "without a reference the verdict says that nothing was compared") {
  auto variant = std::make_shared<Artefact>(artefact("variant", right));
  Measured measured = measurer(false).measure({kernel.defaults, variant, {}});
  CHECK(std::holds_alternative<Timed>(measured.outcome));
  CHECK(measured.verdict.reference.empty());
  CHECK(measured.verdict.checked == 0);
  CHECK(measured.verdict.guardsIntact);
}

TEST_CASE_FIXTURE(Fixture, "faults, resources and grids become outcomes") {
  auto variant = std::make_shared<Artefact>(artefact("variant", right));
  Measurer subject = measurer();
  device.nextFault = Error{ErrorKind::Faulted, "illegal address"};
  CHECK(std::holds_alternative<Faulted>(subject.measure({kernel.defaults, variant, {}}).outcome));
  device.nextFault = Error{ErrorKind::TimedOut, "looped"};
  CHECK(std::holds_alternative<TimedOut>(subject.measure({kernel.defaults, variant, {}}).outcome));
  auto unknown = std::make_shared<Artefact>();
  CHECK(std::holds_alternative<OutOfResources>(subject.measure({kernel.defaults, unknown, {}}).outcome));

  kernel.grid = {*Expression::parse("n * 100")};
  int before = device.launches;
  Measurer large(std::move(*Workbench::open(device, kernel, kSizes, 1)), kSizes, {});
  Measured measured = large.measure({kernel.defaults, variant, {}});
  CHECK(std::holds_alternative<OutOfResources>(measured.outcome));
  CHECK(reason(measured.outcome).find("grid of 10000 programs") != std::string::npos);
  CHECK(device.launches == before);
}

TEST_CASE_FIXTURE(Fixture, "buffers beyond the device's memory are refused before anything is allocated") {
  auto bench = Workbench::open(device, kernel, {{"n", 1 << 24}}, 1);
  REQUIRE_FALSE(bench.has_value());
  CHECK(bench.error().kind == ErrorKind::OutOfResources);
  CHECK(bench.error().message.find("134217728 bytes") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "losers are given up early, near ones are not") {
  launchSeconds = 1e-2;
  Measured hopeless = measure(right, 1e-3);
  CHECK(std::get<Timed>(hopeless.outcome).abandoned);
  CHECK(std::get<Timed>(hopeless.outcome).repeats == 1);
  Measured slower = measure(right, 7e-3);
  CHECK(std::get<Timed>(slower.outcome).abandoned);
  CHECK(std::get<Timed>(slower.outcome).repeats == 3);
  Measured near = measure(right, 9.9e-3);
  CHECK_FALSE(std::get<Timed>(near.outcome).abandoned);
}

TEST_CASE_FIXTURE(Fixture, "a noisy variant is repeated until the interval is narrow or the budget ends") {
  std::mt19937 generator(3);
  std::uniform_real_distribution<double> noise(0.98, 1.02);
  auto noisy = artefact("noisy", right);
  device.programs["noisy"].seconds = [&] { return 1e-4 * noise(generator); };
  auto kernelOf = device.load(noisy);
  auto bench = Workbench::open(device, kernel, kSizes, 1);
  MeasureOptions options;
  auto timeNow = [&] {
    return std::get<Timed>(timeLaunches(device, **kernelOf, {1, 1, 1}, (*bench)->arguments(), options, {}));
  };
  Timed timed = timeNow();
  CHECK(timed.repeats > 20);
  CHECK(timed.high - timed.low <= 0.01 * timed.median);
  options.seconds = 0.0012; // a dozen launches
  timed = timeNow();
  CHECK(timed.repeats >= options.minimumRepeats);
  CHECK(timed.repeats < 20);
}

TEST_CASE("the interval of the median holds it in 95 of 100 cases") {
  std::mt19937 generator(1);
  std::lognormal_distribution<double> skewed(0, 1); // its median is 1
  for (int n : {6, 8, 15, 40, 101}) {
    int held = 0;
    for (int trial = 0; trial < 2000; ++trial) {
      std::vector<double> samples(n);
      for (double& sample : samples)
        sample = skewed(generator);
      Timed timed = summarize(samples);
      CHECK(timed.low <= timed.median);
      CHECK(timed.median <= timed.high);
      held += timed.low <= 1 && 1 <= timed.high;
    }
    CAPTURE(n);
    CHECK(held >= 2000 * 0.94);
    CHECK(held <= (n < 9 ? 2000 : 2000 * 0.99));
  }
  CHECK(summarize({3, 1, 2}).median == 2);
  CHECK(summarize({4, 1, 2, 3}).median == 2.5);
  CHECK(summarize({}).repeats == 0);
}

TEST_CASE_FIXTURE(Fixture, "the duel interleaves its launches and reports a finalist that fails") {
  std::string order;
  auto letter = [&](char c) {
    return [&order, c](const Grid&, std::span<const ArgumentValue>) { order += c; };
  };
  auto a = std::make_shared<Artefact>(artefact("a", letter('a')));
  auto b = std::make_shared<Artefact>(artefact("b", letter('b')));
  auto gone = std::make_shared<Artefact>();
  Measurer subject = measurer(false);
  std::vector<MeasureRequest> requests = {
      {kernel.defaults, a, {}}, {kernel.defaults, gone, {}}, {kernel.defaults, b, {}}};
  auto out = subject.duel(requests);
  REQUIRE(out.size() == 3);
  CHECK(std::get<Timed>(out[0].outcome).repeats == MeasureOptions().duelRounds);
  CHECK(std::holds_alternative<OutOfResources>(out[1].outcome));
  CHECK(std::count(order.begin(), order.end(), 'a') == std::count(order.begin(), order.end(), 'b'));
  CHECK(order.find("aaa") == std::string::npos);
}

TEST_CASE_FIXTURE(Fixture,
                  "what the kernel's own sums leave open is allowed, said, and asked for only when needed") {
  // Every variant adds an error of its own, 5 times the tolerance of 1e-5; other orders differ by 4 times.
  auto off = [](float by) {
    return [by](const Grid& grid, std::span<const ArgumentValue> arguments) {
      right(grid, arguments);
      Call call = callOf(arguments);
      call.y[7] += by * (1 + std::fabs(call.y[7]));
    };
  };
  int asked = 0;
  auto made = [&](float spread) {
    auto computed = [&](const char* name, test::HostDevice::Function run) {
      return *computeReference(device, kernel, kSizes, 1, artefact(name, std::move(run)), {1, 1, 1},
                               "reference");
    };
    auto reference = computed("reference", right);
    auto other = computed("other", off(spread));
    return Measurer(std::move(*Workbench::open(device, kernel, kSizes, 1)), kSizes, reference,
                    [&asked, other] {
                      ++asked;
                      return std::vector<ReferenceResult>{other};
                    });
  };
  kernel.tolerance = Tolerance{1e-5, 1e-5};
  auto same = std::make_shared<Artefact>(artefact("same", right));
  auto near = std::make_shared<Artefact>(artefact("near", off(5e-5F)));
  auto far = std::make_shared<Artefact>(artefact("far", off(20e-5F)));
  Measurer unstable = made(4e-5F);
  CHECK(std::holds_alternative<Timed>(unstable.measure({kernel.defaults, same, {}}).outcome));
  CHECK(asked == 0);
  Measured allowed = unstable.measure({kernel.defaults, near, {}});
  CHECK_MESSAGE(std::holds_alternative<Timed>(allowed.outcome), reason(allowed.outcome));
  CHECK(allowed.verdict.reference.find("the kernel's own sums differ by 4.0") != std::string::npos);
  CHECK(allowed.verdict.worstError <= 1);
  CHECK(std::holds_alternative<WrongResult>(unstable.measure({kernel.defaults, far, {}}).outcome));
  CHECK(asked == 1);
  Measurer stable = made(0);
  CHECK(std::holds_alternative<WrongResult>(stable.measure({kernel.defaults, near, {}}).outcome));
  Measurer broken = made(INFINITY); // an order that gives no number allows nothing
  CHECK(std::holds_alternative<WrongResult>(broken.measure({kernel.defaults, near, {}}).outcome));
}
