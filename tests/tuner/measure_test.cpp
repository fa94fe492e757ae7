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

/// A reference that is there from the beginning.
Measurer::Reference there(ReferenceResult reference) {
  return [kept = std::make_shared<ReferenceResult>(std::move(reference))](bool) { return kept.get(); };
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
    return Measurer(std::move(*bench), kSizes, there(std::move(reference)));
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
  Measurer large(std::move(*Workbench::open(device, kernel, kSizes, 1)), kSizes, there({}));
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
  CHECK(std::get<Timed>(slower.outcome).repeats == 2);
  Measured little = measure(right, 8.6e-3); // 16 %
  CHECK(std::get<Timed>(little.outcome).abandoned);
  CHECK(std::get<Timed>(little.outcome).repeats == 3);
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

TEST_CASE("the lower end is above the median as seldom as was asked for") {
  std::mt19937 generator(1);
  std::lognormal_distribution<double> skewed(0, 1);
  for (double doubt : {0.025, 0.01}) {
    int above = 0;
    for (int trial = 0; trial < 4000; ++trial) {
      std::vector<double> samples(21);
      for (double& sample : samples)
        sample = skewed(generator);
      above += lowEnd(samples, doubt) > 1;
    }
    CAPTURE(doubt);
    CHECK(above <= 4000 * doubt * 1.3);
    CHECK(above >= 4000 * doubt * 0.1);
  }
  CHECK(lowEnd({3, 1, 2}, 0.01) == 1);
  CHECK(lowEnd({}, 0.01) == 0);
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
  CHECK(std::get<Timed>(out[0].outcome).repeats == 5); // nothing more to be found out
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
    return Measurer(std::move(*Workbench::open(device, kernel, kSizes, 1)), kSizes, there(reference),
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

TEST_CASE_FIXTURE(Fixture, "a variant is timed before the reference is there, and judged when it is") {
  device.checks.emplace();
  const auto expected =
      *computeReference(device, kernel, kSizes, 1, artefact("reference", right), {1, 1, 1}, "reference");
  bool known = false;
  int waited = 0;
  Measurer early(std::move(*Workbench::open(device, kernel, kSizes, 1)), kSizes,
                 [&](bool wait) -> const ReferenceResult* {
                   waited += wait;
                   known = known || wait;
                   return known ? &expected : nullptr;
                 });
  auto good = std::make_shared<Artefact>(artefact("good", right));
  auto off = std::make_shared<Artefact>(
      artefact("off", [](const Grid& grid, std::span<const ArgumentValue> arguments) {
        right(grid, arguments);
        callOf(arguments).y[42] += 1;
      }));
  auto vandal = std::make_shared<Artefact>(
      artefact("vandal", [](const Grid& grid, std::span<const ArgumentValue> arguments) {
        right(grid, arguments);
        callOf(arguments).y[100] = 1;
      }));
  Measured first = early.measure({kernel.defaults, good, {}}),
           second = early.measure({kernel.defaults, off, {}});
  for (const Measured& each : {first, second}) {
    CHECK(std::get<Timed>(each.outcome).median == 1e-3);
    CHECK(each.verdict.state == "pending");
    CHECK_FALSE(each.canJudge);
  }
  CHECK(first.outputs.has_value());
  CHECK(first.outputs != second.outputs);
  // What needs no reference is known at once.
  CHECK(std::holds_alternative<WrongResult>(early.measure({kernel.defaults, vandal, {}}).outcome));
  CHECK(waited == 0);
  Measured judged = early.judge({kernel.defaults, good, {}});
  CHECK(waited == 1);
  CHECK(judged.verdict.state == "passed");
  CHECK(judged.outputs == first.outputs);
  CHECK(std::holds_alternative<WrongResult>(early.judge({kernel.defaults, off, {}}).outcome));
  CHECK(std::holds_alternative<WrongResult>(early.measure({kernel.defaults, off, {}}).outcome));
  CHECK(early.measure({kernel.defaults, good, {}}).canJudge);
}

TEST_CASE_FIXTURE(Fixture, "a long launch warms up by itself, and is repeated a few times only") {
  launchSeconds = 20e-3;
  Measured measured = measure(right);
  CHECK(std::get<Timed>(measured.outcome).repeats == MeasureOptions().fewestRepeats);
  const int launched = device.launches;
  CHECK(launched == 2 + MeasureOptions().fewestRepeats); // the reference, the one that is judged
  measure(right, 6e-3);
  CHECK(device.launches == launched + 2); // three times slower at the first look
}

TEST_CASE("the race sends away who is behind, and goes on while it is open who is first") {
  int open = 0;
  for (unsigned seed = 1; seed <= 20; ++seed) {
    test::HostDevice device;
    std::mt19937 generator(seed);
    std::normal_distribution<double> noise(1, 0.02);
    std::vector<Racer> racers;
    for (auto [name, seconds] : {std::pair{"slow", 1.2e-3}, {"a", 1e-3}, {"b", 1e-3}}) {
      device.programs[name] = {[](const Grid&, std::span<const ArgumentValue>) {},
                               [&, seconds = seconds] { return seconds * noise(generator); }};
      Artefact artefact;
      artefact.bytes = name;
      racers.push_back(Racer{std::move(*device.load(artefact))});
    }
    const MeasureOptions options;
    race(device, racers, {}, options);
    CHECK(racers[0].behind);
    CHECK(racers[0].samples.size() < 10);
    const size_t most = std::max(racers[1].samples.size(), racers[2].samples.size());
    open += most > 10;
    CHECK(most <= size_t(options.duelRounds));
    CHECK_FALSE((racers[1].behind && racers[2].behind));
  }
  CHECK(open >= 10);
}

TEST_CASE("who left the race is compared with the first's rounds before that, whatever came later") {
  test::HostDevice device;
  int launches = 0;
  std::vector<Racer> racers;
  for (auto [name, seconds] : {std::pair{"slow", 1.5e-3}, {"a", 1e-3}, {"b", 1e-3}}) {
    // From the thirtieth launch on somebody else has half of the device.
    device.programs[name] = {[](const Grid&, std::span<const ArgumentValue>) {},
                             [&, seconds = seconds] {
                               const double noise = launches % 2 ? 0.97 : 1.03;
                               return seconds * noise * (++launches > 30 ? 2 : 1);
                             }};
    Artefact artefact;
    artefact.bytes = name;
    racers.push_back(Racer{std::move(*device.load(artefact))});
  }
  race(device, racers, {}, MeasureOptions());
  REQUIRE(racers[0].behind);
  const double first = summarize(racers[1].samples).median;
  CHECK(first > 1.5e-3);
  CHECK(summarize(racers[0].samples).median / first == doctest::Approx(1.5).epsilon(0.1));
}

namespace {

/// Of 200 races of variants that take so many times as long as the best, in how many the first was more than
/// a per cent behind. `seconds`: of a launch of the best; `vary`: by what launches differ.
template <typename Vary>
int racesLost(std::vector<double> truth, double seconds, Vary vary, const MeasureOptions& options) {
  int lost = 0;
  for (unsigned seed = 1; seed <= 200; ++seed) {
    test::HostDevice device;
    std::mt19937 generator(seed);
    std::vector<Racer> racers;
    std::ranges::shuffle(truth, generator);
    for (double each : truth) {
      Artefact artefact;
      artefact.bytes = std::to_string(each);
      device.programs[artefact.bytes] = {[](const Grid&, std::span<const ArgumentValue>) {},
                                         [&, each] { return seconds * each * vary(generator); }};
      racers.push_back(Racer{std::move(*device.load(artefact))});
    }
    race(device, racers, {}, options);
    size_t first = 0;
    double least = INFINITY;
    for (size_t i = 0; i < racers.size(); ++i)
      if (const double median = summarize(racers[i].samples).median; !racers[i].behind && median < least)
        least = median, first = i;
    lost += truth[first] > 1.01;
  }
  return lost;
}

} // namespace

TEST_CASE("the race's first is seldom more than a per cent behind the best") {
  std::exponential_distribution<double> disturbance(1 / 0.02); // what disturbs a launch makes it slower
  const auto vary = [&](std::mt19937& generator) { return 1 + disturbance(generator); };
  CHECK(racesLost({1.0, 1.004, 1.02, 1.03, 1.05, 1.08}, 1e-2, vary, {}) <= 10);
}

TEST_CASE("where launches vary as a CPU's do, its longer duel finds one within a per cent of the best") {
  DeviceInfo cpu;
  cpu.capabilities.exclusive = true;
  std::normal_distribution<double> spread(1, 0.045); // eight launches of ten within 6 %
  const auto vary = [&](std::mt19937& generator) { return spread(generator); };
  const std::vector<double> truth = {1.0, 1.003, 1.009, 1.014, 1.018, 1.022};
  const int lost = racesLost(truth, 1e-3, vary, optionsFor(cpu));
  CHECK(lost <= 10);
  CHECK(lost < racesLost(truth, 1e-3, vary, optionsFor({})));
}

TEST_CASE_FIXTURE(Fixture, "the energy of a launch is told from whole steps of the counter") {
  device.counterStep = 0.5;
  auto variant = std::make_shared<Artefact>(artefact("variant", right));
  device.programs["variant"].joules = 0.0123;
  auto bench = Workbench::open(device, kernel, kSizes, 1);
  REQUIRE(bench.has_value());
  MeasureOptions options;
  options.energySeconds = 0.02;
  Measurer subject(std::move(*bench), kSizes, there({}), {}, options);
  Measured plain = subject.measure({kernel.defaults, variant, {}});
  CHECK_FALSE(std::get<Timed>(plain.outcome).joules.has_value());
  Measured measured = subject.measure({kernel.defaults, variant, {}, true});
  REQUIRE_MESSAGE(std::holds_alternative<Timed>(measured.outcome), reason(measured.outcome));
  CHECK(std::get<Timed>(measured.outcome).joules.value_or(0) == doctest::Approx(0.0123).epsilon(0.02));
  CHECK(measured.phases.contains("energy"));
  auto other = std::make_shared<Artefact>(artefact("other", right));
  device.programs["other"].joules = 0.05;
  std::vector<MeasureRequest> requests = {{kernel.defaults, variant, {}, true},
                                          {kernel.defaults, other, {}, true}};
  auto out = subject.duel(requests);
  CHECK(std::get<Timed>(out[0].outcome).joules.value_or(0) == doctest::Approx(0.0123).epsilon(0.02));
  CHECK(std::get<Timed>(out[1].outcome).joules.value_or(0) == doctest::Approx(0.05).epsilon(0.02));
}

TEST_CASE_FIXTURE(Fixture, "a device that counts no energy, or whose counter stands still, says so") {
  auto variant = std::make_shared<Artefact>(artefact("variant", right));
  Measured measured = measurer().measure({kernel.defaults, variant, {}, true});
  CHECK(std::holds_alternative<Refused>(measured.outcome));
  CHECK(reason(measured.outcome).find("energy that test takes is not counted") != std::string::npos);
  device.counterStep = 1; // and no launch takes any
  MeasureOptions options;
  options.energySeconds = 0.001;
  Measurer still(std::move(*Workbench::open(device, kernel, kSizes, 1)), kSizes, there({}), {}, options);
  measured = still.measure({kernel.defaults, variant, {}, true});
  CHECK(std::holds_alternative<TimedOut>(measured.outcome));
  CHECK(reason(measured.outcome).find("did not move") != std::string::npos);
}
