// Launches that break a condition of the winner take another build, and say so.
#include "client/launcher.h"
#include "client/notice.h"
#include "daemon_process.h"
#include "kernels.h"

#include <algorithm>
#include <doctest/doctest.h>
#include <numeric>

using namespace tuned;
using namespace tuned::e2e;
using nlohmann::json;

namespace {
constexpr size_t count = 256;
const protocol::Values sizes = {{"n_elements", count}};

/// y[i] = x[n - 1 - i], one tile: right where y is x, too, if the tile is read as a whole before it is
/// written.
const std::string reversed = R"(module {
  tt.func public @kernel(%x_ptr: !tt.ptr<f32>, %y_ptr: !tt.ptr<f32>, %n: i32) attributes {noinline = false} {
    %range = tt.make_range {end = ${BLOCK_SIZE} : i32, start = 0 : i32} : tensor<${BLOCK_SIZE}xi32>
    %one = arith.constant 1 : i32
    %last = arith.subi %n, %one : i32
    %last_tile = tt.splat %last : i32 -> tensor<${BLOCK_SIZE}xi32>
    %back = arith.subi %last_tile, %range : tensor<${BLOCK_SIZE}xi32>
    %x_base = tt.splat %x_ptr : !tt.ptr<f32> -> tensor<${BLOCK_SIZE}x!tt.ptr<f32>>
    %x_ptrs = tt.addptr %x_base, %back : tensor<${BLOCK_SIZE}x!tt.ptr<f32>>, tensor<${BLOCK_SIZE}xi32>
    %x = tt.load %x_ptrs : tensor<${BLOCK_SIZE}x!tt.ptr<f32>>
    %y_base = tt.splat %y_ptr : !tt.ptr<f32> -> tensor<${BLOCK_SIZE}x!tt.ptr<f32>>
    %y_ptrs = tt.addptr %y_base, %range : tensor<${BLOCK_SIZE}x!tt.ptr<f32>>, tensor<${BLOCK_SIZE}xi32>
    tt.store %y_ptrs, %x : tensor<${BLOCK_SIZE}x!tt.ptr<f32>>
    tt.return
  }
}
)";

json ofOneTile(const std::string& name, const std::string& source) {
  json out = document(name, source);
  out["parameters"]["BLOCK_SIZE"] = {count};
  out["default"]["BLOCK_SIZE"] = count;
  return out;
}

/// Notices while it lives.
class Listening {
public:
  Listening() {
    client::onNotice([this](const std::string& text) { heard.push_back(text); });
  }
  ~Listening() { client::onNotice({}); }
  std::vector<std::string> heard;
};

struct Served {
  DaemonProcess daemon;
  client::Client client = daemon.connect();

  client::AnswerPointer tuned(const json& kernel) {
    auto info = client.submit(kernel.dump());
    REQUIRE_MESSAGE(info, info.error().text());
    protocol::TuneRequest request;
    request.kernel = info->id;
    request.sizes = sizes;
    request.device = "cpu";
    auto done = client.tune(request);
    REQUIRE_MESSAGE(done, done.error().text());
    REQUIRE(done->answer);
    auto answer = client.best(info->id, sizes, "cpu");
    REQUIRE_MESSAGE(answer, answer.error().text());
    return *answer;
  }
  std::shared_ptr<const client::Launcher> launcher(const client::AnswerPointer& answer) {
    auto loaded = client::Launcher::load(client, answer);
    REQUIRE_MESSAGE(loaded, loaded.error().text());
    return *loaded;
  }
};

Result<void> launch(const client::Launcher& launcher, const float* x, const float* y) {
  const uint64_t addresses[] = {reinterpret_cast<uintptr_t>(x), reinterpret_cast<uintptr_t>(y)};
  return launcher.launch(addresses, nullptr);
}

std::vector<float> numbers(size_t size) {
  std::vector<float> out(size);
  std::iota(out.begin(), out.end(), 1.0F);
  return out;
}

} // namespace

TEST_CASE("arrays that overlap take a build without that condition, which is proven behind and said once") {
  Served served;
  auto answer = served.tuned(ofOneTile("reversed", reversed));
  const LaunchCondition apart{.kind = LaunchCondition::Kind::Distinct, .argument = 0, .other = 1};
  CHECK(answer->launch.conditions == std::vector{apart});
  auto launcher = served.launcher(answer);
  Listening listening;

  std::vector<float> x = numbers(count), y(count), expected = numbers(count);
  std::ranges::reverse(expected);
  REQUIRE(launch(*launcher, x.data(), y.data()));
  CHECK(y == expected);
  CHECK(listening.heard.empty());

  for (int round = 0; round < 3; ++round) {
    std::vector<float> both = numbers(count);
    auto done = launch(*launcher, both.data(), both.data());
    REQUIRE_MESSAGE(done, done.error().text());
    CHECK(both == expected);
  }
  std::vector<float> shifted = numbers(count + 3);
  REQUIRE(launch(*launcher, shifted.data(), shifted.data() + 3));
  CHECK(std::equal(expected.begin(), expected.end(), shifted.begin() + 3));
  REQUIRE(listening.heard.size() == 1);
  CHECK(listening.heard[0].find("x and y do not overlap") != std::string::npos);
  CHECK(listening.heard[0].find("another build") != std::string::npos);

  protocol::BestRequest question;
  question.kernel = answer->kernel;
  question.sizes = sizes;
  question.device = "cpu";
  protocol::BestRequest without = question;
  without.wait = 60;
  without.without = {apart};
  auto other = served.client.ask(without);
  REQUIRE_MESSAGE(other, other.error().text());
  CHECK(other->source == "cache");
  CHECK(other->verdict.state == "passed");
  CHECK(other->launch.conditions.empty());
  CHECK(other->configuration == protocol::Values{{"BLOCK_SIZE", count}, {"any_address", 1}});
  // Who breaks nothing is answered as before.
  auto asBefore = served.client.ask(question);
  REQUIRE(asBefore);
  CHECK(asBefore->artefact == answer->artefact);
  CHECK(asBefore->job.empty());

  // Without a daemon the reason stands alone.
  auto fresh = served.launcher(answer);
  served.daemon.stop(SIGTERM);
  std::vector<float> both = numbers(count);
  auto refused = launch(*fresh, both.data(), both.data());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::InvalidInput);
  CHECK(refused.error().text().find("x and y do not overlap") != std::string::npos);
  CHECK(refused.error().text().find("no other build can be had") != std::string::npos);
  CHECK(both == numbers(count));
  REQUIRE(launch(*launcher, both.data(), both.data())); // what runs goes on running
  CHECK(both == expected);
}

TEST_CASE("element by element a kernel may run in place, but not on arrays that overlap in part") {
  Served served;
  auto answer = served.tuned(ofOneTile("doubled_anywhere", elementwise(storeScaled(2))));
  auto launcher = served.launcher(answer);
  Listening listening;
  std::vector<float> both = numbers(count + 1);
  REQUIRE(launch(*launcher, both.data(), both.data()));
  CHECK(both[100] == 202.0F);
  CHECK(listening.heard.empty());
  both = numbers(count + 1);
  REQUIRE(launch(*launcher, both.data(), both.data() + 1));
  CHECK(both[1] == 2.0F);
  CHECK(both[100] == 200.0F);
  CHECK(both[count] == 2.0F * count);
  REQUIRE(listening.heard.size() == 1);
  CHECK(listening.heard[0].find("are one address or do not overlap") != std::string::npos);
}
