// The service without a transport, its workers played by fake_worker: each answer is bound to its question.
#include "daemon/service/service.h"

#include "base/sha256.h"
#include "client/protocol/json.h"
#include "daemon/service/answers/convert.h"
#include "tests/daemon/scratch.h"

#include <doctest/doctest.h>
#include <filesystem>
#include <map>
#include <sstream>
#include <thread>

using namespace tuned;
using tuned::test::Scratch;

namespace {

const protocol::Values sizes = {{"n", 4096}};

std::string documentOf(const std::string& name, const std::string& source, const std::string& more = {}) {
  return R"({"name":")" + name + R"(","source_text":")" + source +
         R"(","entry":"kernel","sizes":["n"],"parameters":{"BLOCK":[64,128,256]},"arguments":[)"
         R"({"name":"x","type":"*f32","shape":["n"]},)"
         R"({"name":"y","type":"*f32","shape":["n"],"output":true,"fill":"zeros"}],)"
         R"j("grid":["cdiv(n, BLOCK)"],"default":{"BLOCK":128})j" +
         more + "}";
}

std::string tolerance(double absolute) {
  return R"(,"tolerance":{"relative":0,"absolute":)" + std::to_string(absolute) + "}";
}

/// A daemon's service on a folder, with one device of the fake worker.
class Daemon {
public:
  explicit Daemon(const std::string& folder, const std::string& build = "build-1", int devices = 1,
                  double quietSeconds = 30) {
    auto store = store::Store::open(folder + "/cache");
    REQUIRE_MESSAGE(store.has_value(), (store ? "" : store.error().text()));
    Options options;
    options.worker = FAKE_WORKER;
    options.compileWorkers = 2;
    options.socket = "none";
    options.quietSeconds = quietSeconds;
    service_ = std::make_unique<Service>(options, std::move(*store));
    DeviceInfo info;
    info.id = "cuda:0";
    info.name = "a fake";
    info.architecture = "fake";
    info.memoryBytes = int64_t{1} << 40;
    std::vector<KnownDevice> all;
    for (int i = 0; i < devices; ++i) {
      info.id = "cuda:" + std::to_string(i);
      all.push_back({info, targetOf(info, build, "assembler-1")});
    }
    service_->setDevices(all, {});
  }

  Service* operator->() { return service_.get(); }

  protocol::JobStatus tune(const std::string& document, bool force = false,
                           const protocol::Values& at = sizes) {
    protocol::TuneRequest request;
    request.document = document;
    request.sizes = at;
    request.force = force;
    auto job = service_->tune(request);
    REQUIRE_MESSAGE(job.has_value(), (job ? "" : job.error().text()));
    for (int i = 0; i < 2000; ++i) {
      auto status = (*service_->job(job->id))->status();
      if (status.state != "queued" && status.state != "running") return status;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    FAIL("the tuning does not end");
    return {};
  }

  Result<protocol::Answer> ask(const std::string& document, const protocol::Values& at = sizes) {
    protocol::BestRequest request;
    request.document = document;
    request.sizes = at;
    request.tune = false;
    auto result = service_->best(request);
    if (!result) return fail(result.error());
    return result->answer;
  }
  /// The block of a winner; 0: there is none.
  int64_t winner(const std::string& document) {
    auto answer = ask(document);
    return answer && answer->source == "cache" ? answer->configuration.at("BLOCK") : 0;
  }

  /// How much was compiled, or measured in searches and checks, since it was asked last.
  int compiled() { return since("gpu_tuned_builds_made_total"); }
  int measured() { return since("gpu_tuned_trials_total"); }

private:
  /// The sum over all lines of a counter, less what it was.
  int since(const std::string& counter) {
    std::istringstream lines(service_->metricsText());
    int count = 0;
    for (std::string line; std::getline(lines, line);)
      if (line.starts_with(counter)) count += std::stoi(line.substr(line.rfind(' ')));
    const int out = count - counted_[counter];
    counted_[counter] = count;
    return out;
  }

  std::unique_ptr<Service> service_;
  std::map<std::string, int> counted_;
};

} // namespace

TEST_CASE("a winner is told from measurements, with launch, arguments, gain and coverage") {
  Scratch folder;
  Daemon daemon(folder.path());
  const std::string document = documentOf("plain", "plain");
  const auto job = daemon.tune(document);
  REQUIRE(job.state == "done");
  const auto answer = daemon.ask(document);
  REQUIRE(answer);
  CHECK(answer->source == "cache");
  CHECK(answer->configuration.at("BLOCK") == 64);
  CHECK(answer->gain.value_or(0) == doctest::Approx(2));
  CHECK(answer->coverage == 1);
  CHECK(answer->grid[0] == 64);
  REQUIRE(answer->launch.arguments.size() == 2);
  CHECK(answer->launch.arguments[1].output);
  CHECK(answer->launch.arguments[1].shape == std::vector<int64_t>{4096});
  CHECK(answer->verdict.state == "passed");
  CHECK(job.answer->artefact == answer->artefact);
  CHECK(daemon->artefact(answer->artefact)->bytes == "binary of plain BLOCK=64");
  double spent = 0;
  for (const auto& [phase, seconds] : job.phaseSeconds)
    spent += seconds;
  CHECK(spent == doctest::Approx(job.elapsedSeconds));
  CHECK(daemon->winners("plain", "")->winners.size() == 1);
  CHECK(daemon->trials("plain", "", 100)->trials.size() == 3);
}

TEST_CASE("what is compiled is asked of the store first, losers too, and across restarts") {
  Scratch folder;
  {
    Daemon daemon(folder.path());
    REQUIRE(daemon.tune(documentOf("kept", "plain")).state == "done");
    CHECK(daemon.compiled() == 3);
    CHECK(daemon->status()->builds == 3);
  }
  Daemon daemon(folder.path());
  daemon.compiled();
  REQUIRE(daemon->forget({"kept", sizes, ""}));
  // Builds went with the problem: they are made again, once.
  REQUIRE(daemon.tune(documentOf("kept", "plain")).state == "done");
  CHECK(daemon.compiled() == 3);
  // A stricter question needs no compilation.
  REQUIRE(daemon.tune(documentOf("kept", "plain", tolerance(1e-9))).state == "done");
  CHECK(daemon.compiled() == 0);
  // Forced, all of it is done again.
  REQUIRE(daemon.tune(documentOf("kept", "plain"), true).state == "done");
  CHECK(daemon.compiled() == 3);
}

TEST_CASE(
    "tolerance is part of the question: a lax winner is no strict one, and a strict failure no lax one") {
  Scratch folder;
  Daemon daemon(folder.path());
  const std::string source = "// off 64 0.5\\n// off 128 0.5\\n// off 256 0.5\\n";
  const std::string lax = documentOf("kernel", source, tolerance(1)),
                    strict = documentOf("kernel", source, tolerance(0.1));
  REQUIRE(daemon.tune(lax).state == "done");
  CHECK(daemon.winner(lax) == 64);
  CHECK(daemon.winner(strict) == 0);
  const auto refused = daemon.tune(strict);
  CHECK(refused.state == "failed");
  CHECK(daemon.ask(strict).error().message.find("no configuration") != std::string::npos);
  // It was an answer to the strict question: the lax one stands, or is judged again and does.
  const auto again = daemon.tune(lax);
  CHECK(again.state == "done");
  CHECK(daemon.winner(lax) == 64);
}

TEST_CASE("a stricter tolerance costs a check of the fastest, not a search") {
  Scratch folder;
  Daemon daemon(folder.path());
  const std::string source = "// off 64 0.5\\n// off 128 0.05\\n// off 256 0.05\\n";
  REQUIRE(daemon.tune(documentOf("kernel", source, tolerance(1))).state == "done");
  daemon.measured();
  daemon.compiled();
  const std::string strict = documentOf("kernel", source, tolerance(0.1));
  CHECK(daemon.winner(strict) == 128); // 0.05 of 1 was within 0.1 already; 64 needs the check
  const auto job = daemon.tune(strict);
  REQUIRE(job.state == "done");
  CHECK(daemon.compiled() == 0);
  CHECK(daemon.measured() == 1); // the one that is in doubt
  CHECK(daemon.winner(strict) == 128);
}

TEST_CASE("zeros are exact") {
  Scratch folder;
  Daemon daemon(folder.path());
  const std::string source = "// off 64 0.000000001\\n";
  CHECK(daemon.tune(documentOf("kernel", source)).answer->configuration.at("BLOCK") == 64);
  const std::string exact = documentOf("kernel", source, tolerance(0));
  CHECK(daemon.winner(exact) == 128);
  REQUIRE(daemon.tune(exact).state == "done");
  CHECK(daemon.winner(exact) == 128);
}

TEST_CASE("what the present document rules out is not served") {
  Scratch folder;
  Daemon daemon(folder.path());
  REQUIRE(daemon.tune(documentOf("kernel", "plain")).state == "done");
  CHECK(daemon.winner(documentOf("kernel", "plain", R"(,"constraints":["BLOCK > 64"])")) == 128);
  CHECK(daemon.winner(documentOf("kernel", "plain", R"(,"constraints":["BLOCK > 256 || BLOCK == 128"])")) ==
        128);
  const std::string other = documentOf("kernel", "plain", R"(,"constraints":["BLOCK > 300"])");
  CHECK(daemon.winner(other) == 0);
  CHECK(daemon.winner(documentOf("kernel", "plain")) == 64);
}

TEST_CASE("a forced tuning in which nothing passes unseats the old winner") {
  Scratch folder;
  Daemon daemon(folder.path());
  const std::string source = "// off 64 0.5\\n// off 128 0.5\\n// off 256 0.5\\n";
  const std::string lax = documentOf("kernel", source, tolerance(1)),
                    strict = documentOf("kernel", source, tolerance(0.1));
  REQUIRE(daemon.tune(lax).state == "done");
  REQUIRE(daemon.tune(strict, true).state == "failed");
  CHECK(daemon.winner(lax) == 0);
  REQUIRE(daemon.tune(lax).state == "done");
  CHECK(daemon.winner(lax) == 64);
}

TEST_CASE("after an upgrade the winner is stale, and its build is timed beside the new compiler's") {
  Scratch folder;
  const std::string document = documentOf("kernel", "plain");
  std::string old;
  {
    Daemon daemon(folder.path());
    REQUIRE(daemon.tune(document).state == "done");
    old = daemon.ask(document)->artefact;
  }
  Daemon daemon(folder.path(), "build-2");
  const auto stale = daemon.ask(document);
  REQUIRE(stale);
  CHECK(stale->stale);
  CHECK(stale->artefact == old);
  CHECK(stale->seconds.value_or(0) > 0);
  REQUIRE(daemon.tune(document).state == "done");
  CHECK(daemon.compiled() == 3); // the new compiler's, and nothing of the old
  const auto fresh = daemon.ask(document);
  REQUIRE(fresh);
  CHECK_FALSE(fresh->stale);
  CHECK(daemon->trials("kernel", "", 100)->trials.size() == 3 + 3 + 1); // and the old build beside them
}

TEST_CASE("builds of others win under their names") {
  Scratch folder;
  Daemon daemon(folder.path());
  const std::string document = documentOf("kernel", "plain");
  REQUIRE(daemon.tune(document).state == "done");
  protocol::BuildRequest build;
  build.document = document;
  build.sizes = sizes;
  build.origin = "somebody 1.0";
  build.configuration = {{"theirs", 1}};
  build.target = "fake";
  build.format = "object";
  build.binary = "f0VMRgECAwQ="; // an ELF file's first bytes
  build.launch = daemon.ask(document)->launch;
  build.launch.grid = {64, 1, 1};
  const auto kept = daemon->addBuild(build);
  REQUIRE_MESSAGE(kept.has_value(), (kept ? "" : kept.error().text()));
  REQUIRE(daemon.tune(document).state == "done");
  const auto answer = daemon.ask(document);
  REQUIRE(answer);
  CHECK(answer->origin == "somebody 1.0");
  CHECK(answer->grid[0] == 64);
  CHECK(answer->artefact == kept->artefact);
  const auto why = daemon->explain({"", document, sizes, ""});
  REQUIRE(why);
  CHECK(why->field.size() == 4);
  CHECK(why->field[0].measurement.origin == "somebody 1.0");
  REQUIRE(why->runnerUp);
  CHECK(why->runnerUp->measurement.configuration.at("BLOCK") == 64);
  CHECK(why->runnerUp->behind.value_or(0) == doctest::Approx(63));
  CHECK(why->untried == 0);

  auto refused = [&](auto change, const char* word) {
    protocol::BuildRequest bad = build;
    change(bad);
    const auto result = daemon->addBuild(bad);
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == ErrorKind::InvalidInput);
    CHECK_MESSAGE(result.error().message.find(word) != std::string::npos, result.error().message);
  };
  refused([](auto& bad) { bad.origin = ""; }, "origin");
  refused([](auto& bad) { bad.binary = "!"; }, "base64");
  refused([](auto& bad) { bad.binary = "AAAAAAAA"; }, "ELF");
  refused([](auto& bad) { bad.launch.grid = {0, 1, 1}; }, "grid");
  refused([](auto& bad) { bad.launch.parameters.pop_back(); }, "parameters");
  refused([](auto& bad) { bad.launch.parameters[0].kind = ParameterKind::Scalar; }, "pointer");
  refused([](auto& bad) { bad.launch.block = {2000, 1, 1}; }, "block");
  refused([](auto& bad) { bad.launch.symbol = ""; }, "symbol");
}

TEST_CASE("a default that does not compile sends nobody away who can wait") {
  Scratch folder;
  Daemon daemon(folder.path());
  protocol::BestRequest request;
  request.document = documentOf("kernel", "// fails 128\\n");
  request.sizes = sizes;
  const auto first = daemon->best(request);
  REQUIRE(first);
  REQUIRE(first->job);
  if (first->error) CHECK(first->error->remedy.find("wait") != std::string::npos);
  for (int i = 0; i < 2000 && !first->job->finished(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  const auto later = daemon->best(request);
  REQUIRE(later);
  CHECK_FALSE(later->error);
  CHECK(later->answer.source == "cache");
}

TEST_CASE("names belong to users, and an answer in memory to who asked") {
  Scratch folder;
  Daemon daemon(folder.path());
  const std::string mine = documentOf("kernel", "plain"), theirs = documentOf("kernel", "another");
  REQUIRE(daemon->submit(mine, "1000"));
  REQUIRE(daemon->submit(theirs, "1001"));
  CHECK(daemon->kernel("kernel", "1000")->id != daemon->kernel("kernel", "1001")->id);
  protocol::Answer answer;
  answer.source = "cache";
  daemon->remember("text", answer, "1000");
  CHECK(daemon->hit("text", "1000"));
  CHECK_FALSE(daemon->hit("text", "1001"));
}

TEST_CASE("a cache that is removed under the service is said, and what is known still told") {
  Scratch folder;
  Daemon daemon(folder.path());
  const std::string document = documentOf("kernel", "plain");
  REQUIRE(daemon.tune(document).state == "done");
  std::filesystem::remove_all(folder.path() + "/cache");
  REQUIRE(daemon->unready());
  CHECK(daemon->unready()->find("removed") != std::string::npos);
  CHECK(daemon.winner(document) == 64);
}

namespace {
/// What a machine without the device has made for it, with an assembler of its own: BLOCK 64 and 256, and 64
/// again by the device's second compiler. Also what no device here loads.
void prewarmed(const std::string& folder, const std::string& document, int problems) {
  auto store = store::Store::open(folder + "/cache");
  REQUIRE(store);
  auto kernel = parseKernel(document, "");
  REQUIRE(kernel);
  REQUIRE((*store)->putDocument({sha256(document), kernel->id(), kernel->name, "", document}));
  auto put = [&](int64_t n, Configuration configuration, const std::string& target) {
    const std::string binary = target + toKey(configuration);
    Build build;
    build.artefact = sha256(binary);
    build.format = "object";
    build.target = target;
    build.launch.symbol = "kernel";
    build.launch.parameters = {{ParameterKind::Pointer, 8}, {ParameterKind::Pointer, 8}};
    REQUIRE((*store)->putBuild({kernel->id(), toKey({{"n", n}}), toKey(configuration),
                                toolchainId(target, "build-1", "an assembler from elsewhere"), "", ""},
                               build, binary));
  };
  for (int64_t n = 1; n <= problems; ++n) {
    put(4096 * n, {{"BLOCK", 256}}, "fake");
    put(4096 * n, {{"BLOCK", 64}, {"compiler", 1}}, "fake");
    put(4096 * n, {{"BLOCK", 64}}, "another");
  }
}

bool eventually(const std::function<bool()>& holds) {
  for (int i = 0; i < 2000 && !holds(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  return holds();
}
} // namespace

TEST_CASE("builds by another machine's assembler are measured behind, and nothing is compiled") {
  Scratch folder;
  const std::string document = documentOf("kernel", "plain");
  prewarmed(folder.path(), document, 20);
  Daemon daemon(folder.path());
  CHECK(daemon->status()->winners == 0); // not before it is asked to
  daemon->measureLater();
  REQUIRE(eventually([&] { return daemon->status()->winners == 20 && daemon->idle(); }));
  const auto answer = daemon.ask(document);
  REQUIRE(answer);
  CHECK(answer->source == "cache");
  CHECK_FALSE(answer->stale);
  CHECK(answer->configuration == Configuration{{"BLOCK", 64}, {"compiler", 1}});
  CHECK(daemon.compiled() == 0);
  CHECK(daemon.measured() == 40);
  // Once is enough.
  daemon->measureLater();
  CHECK(daemon->idle());
  // A search compiles with what is here, and times the winner from elsewhere beside it.
  REQUIRE(daemon.tune(document).state == "done");
  CHECK(daemon.compiled() == 3);
  CHECK(daemon.measured() == 4);
}

TEST_CASE("a tuning over what is built says when there is nothing, and takes no list") {
  Scratch folder;
  Daemon daemon(folder.path());
  protocol::TuneRequest request;
  request.document = documentOf("kernel", "plain");
  request.sizes = sizes;
  request.built = true;
  auto job = daemon->tune(request);
  REQUIRE(job);
  REQUIRE(eventually([&] { return (*daemon->job(job->id))->finished(); }));
  const auto ended = (*daemon->job(job->id))->status();
  CHECK(ended.state == "failed");
  CHECK(ended.error->message.find("no build of kernel for fake is here") != std::string::npos);
  CHECK(daemon.compiled() == 0);
  request.only = {{{"BLOCK", 64}}};
  CHECK(daemon->tune(request).error().kind == ErrorKind::InvalidInput);
}

TEST_CASE("an answer's configuration can be asked for again, with options that only the default names") {
  Scratch folder;
  Daemon daemon(folder.path());
  protocol::TuneRequest request;
  request.document = documentOf("kernel", "plain");
  request.document.replace(request.document.find("{\"BLOCK\":128}"), 13, "{\"BLOCK\":128,\"num_stages\":3}");
  request.sizes = sizes;
  request.only = {{{"BLOCK", 64}, {"num_stages", 3}}};
  auto job = daemon->tune(request);
  REQUIRE_MESSAGE(job, (job ? "" : job.error().text()));
  REQUIRE(eventually([&] { return (*daemon->job(job->id))->finished(); }));
  const auto ended = (*daemon->job(job->id))->status();
  CHECK(ended.state == "done");
  CHECK(ended.answer->configuration.at("BLOCK") == 64);
  request.only = {{{"BLOCK", 64}, {"num_stages", 2}}};
  CHECK(daemon->tune(request).error().kind == ErrorKind::InvalidInput);
}

TEST_CASE("a paused daemon answers what it knows; tunings wait, and pauses cost no budget") {
  Scratch folder;
  Daemon daemon(folder.path());
  const std::string known = documentOf("known", "plain"), other = documentOf("other", "other");
  REQUIRE(daemon.tune(known).state == "done");
  CHECK(daemon->pause(true)->paused);
  protocol::TuneRequest request;
  request.document = other;
  request.sizes = sizes;
  request.budget.seconds = 1;
  auto job = daemon->tune(request);
  REQUIRE(job);
  REQUIRE(eventually([&] { return (*daemon->job(job->id))->status().phase == "paused"; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(1200));
  CHECK_FALSE((*daemon->job(job->id))->finished());
  CHECK(daemon.winner(known) == 64);
  CHECK(daemon->metricsText().find("gpu_tuned_paused 1") != std::string::npos);
  CHECK_FALSE(daemon->pause(false)->paused);
  REQUIRE(eventually([&] { return (*daemon->job(job->id))->finished(); }));
  const auto ended = (*daemon->job(job->id))->status();
  CHECK(ended.state == "done");
  CHECK(ended.stopped == "space exhausted");
}

TEST_CASE("a paused daemon ends when it is told to, and its tuning goes on in the next") {
  Scratch folder;
  const std::string document = documentOf("kernel", "plain");
  {
    Daemon daemon(folder.path());
    REQUIRE(daemon->pause(true));
    protocol::TuneRequest request;
    request.document = document;
    request.sizes = sizes;
    REQUIRE(daemon->tune(request));
  }
  Daemon daemon(folder.path());
  CHECK(eventually([&] { return daemon.winner(document) == 64; }));
}

TEST_CASE("what others disturbed is measured again once they have gone") {
  Scratch folder;
  Daemon daemon(folder.path());
  const std::string document = documentOf("kernel", "// disturbed 3 40\\n");
  REQUIRE(daemon.tune(document).state == "done");
  const auto trials = daemon->trials("kernel", "", 100);
  CHECK(trials->trials.size() == 3);
  for (const auto& trial : trials->trials)
    CHECK(trial.reason == "");
  const auto device = daemon->devices().devices.at(0);
  REQUIRE(device.state);
  CHECK(device.state->celsius == 40);
  CHECK(device.state->othersPercent == 0);
  CHECK(daemon->metricsText().find("gpu_tuned_device_celsius{device=\"cuda:0\"} 40") != std::string::npos);
}

TEST_CASE("what stays disturbed is marked, and taken again by the next tuning") {
  Scratch folder;
  Daemon daemon(folder.path(), "build-1", 1, 0);
  const std::string document = documentOf("kernel", "// disturbed 19 40\\n");
  REQUIRE(daemon.tune(document).state == "done");
  int marked = 0;
  const auto trials = daemon->trials("kernel", "", 100);
  for (const auto& trial : trials->trials)
    marked += trial.reason == "other processes took 40 % of the device";
  CHECK(marked == 3);
  CHECK(daemon.winner(document) == 64); // better than nothing
  daemon.measured();
  REQUIRE(daemon.tune(document).state == "done");
  CHECK(daemon.measured() == 3);
  CHECK(daemon.compiled() == 3);
}

TEST_CASE("tunings spread over devices of one kind") {
  Scratch folder;
  Daemon daemon(folder.path(), "build-1", 2);
  REQUIRE(daemon->pause(true));
  std::map<std::string, int> on;
  for (int i = 0; i < 6; ++i) {
    protocol::TuneRequest request;
    request.document = documentOf("kernel", "plain");
    request.sizes = {{"n", 4096 * (i + 1)}};
    auto job = daemon->tune(request);
    REQUIRE(job);
    ++on[job->device];
  }
  CHECK(on == std::map<std::string, int>{{"cuda:0", 3}, {"cuda:1", 3}});
  // Lists come in pages, each from behind the last job of the one before.
  const auto first = daemon->jobs(4, ""), rest = daemon->jobs(4, first.next);
  CHECK(first.jobs.size() == 4);
  CHECK(first.next == first.jobs.back().id);
  CHECK(rest.jobs.size() == 2);
  CHECK(rest.next == "");
  REQUIRE(daemon->pause(false));
  CHECK(eventually([&] { return daemon->idle(); }));
  CHECK(daemon->status()->winners == 6);
}

TEST_CASE("a device that cannot be used is taken out and said, and the other goes on") {
  Scratch folder;
  Daemon daemon(folder.path(), "build-1", 2);
  protocol::TuneRequest request;
  request.document = documentOf("kernel", "// gone 1\\n");
  request.sizes = sizes;
  request.device = "cuda:1";
  auto job = daemon->tune(request);
  REQUIRE(job);
  REQUIRE(eventually([&] { return (*daemon->job(job->id))->finished(); }));
  CHECK((*daemon->job(job->id))->status().state == "failed");
  const auto devices = daemon->devices().devices;
  CHECK(devices[0].available);
  CHECK_FALSE(devices[1].available);
  CHECK(devices[1].reason.find("cuda:1 is gone") != std::string::npos);
  const auto problems = daemon->status()->problems;
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].starts_with("device cuda:1 is out of use"));
  CHECK(daemon->metricsText().find("gpu_tuned_device_available{device=\"cuda:1\"} 0") != std::string::npos);
  // Who insists on it is refused; who does not, is served by the other.
  const auto refused = daemon->tune(request);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::Unavailable);
  for (int i = 0; i < 3; ++i) {
    request.device = "";
    request.sizes = {{"n", 4096 * (i + 2)}};
    auto there = daemon->tune(request);
    REQUIRE(there);
    CHECK(there->device == "cuda:0");
  }
  CHECK(eventually([&] { return daemon->status()->winners == 3; }));
}

namespace {
/// A tuning that an earlier daemon acknowledged and did not end.
void leftBehind(const std::string& folder, const std::string& document, const std::string& state,
                const std::string& deaths, bool force, double created) {
  auto store = store::Store::open(folder + "/cache");
  REQUIRE(store);
  auto kernel = parseKernel(document, "");
  REQUIRE(kernel);
  REQUIRE((*store)->putDocument({sha256(document), kernel->id(), kernel->name, "", document}));
  protocol::TuneRequest request;
  request.kernel = sha256(document);
  request.sizes = sizes;
  request.force = force;
  REQUIRE((*store)->putJob({"left-behind", state, protocol::toText(request), deaths, created}));
}
} // namespace

TEST_CASE("a job with which three daemons died is set aside, one with which two died is taken up") {
  for (const char* deaths : {"1", "2"}) {
    Scratch folder;
    const std::string document = documentOf("kernel", "plain");
    leftBehind(folder.path(), document, "running", deaths, false, 0);
    Daemon daemon(folder.path());
    REQUIRE(eventually([&] { return daemon->idle(); }));
    const bool last = std::string(deaths) == "2"; // and the one that was running it just now
    CHECK(daemon.compiled() == (last ? 0 : 3));
    CHECK(daemon.winner(document) == (last ? 0 : 64));
  }
}

TEST_CASE("a clock that is set back in the middle of a forced tuning costs nothing of what it finds") {
  Scratch folder;
  const std::string document = documentOf("kernel", "plain");
  leftBehind(folder.path(), document, "queued", "", true, unixNow() + 1e6);
  Daemon daemon(folder.path());
  REQUIRE(eventually([&] { return daemon->idle(); }));
  CHECK((*daemon->job("left-behind"))->status().state == "done");
  CHECK(daemon.winner(document) == 64);
}

TEST_CASE("sizes that were never tuned: the near winner that is expected to lose least, and how much") {
  Scratch folder;
  Daemon daemon(folder.path());
  const std::string document = documentOf("shaped", "// prefers 1024 64\\n// prefers 16384 256");
  REQUIRE(daemon.tune(document, false, {{"n", 1024}}).state == "done");
  auto alone = daemon.ask(document, {{"n", 4096}});
  REQUIRE(alone);
  CHECK(alone->source == "nearest");
  CHECK_FALSE(alone->expectedLoss); // one size tells nothing of others
  REQUIRE(daemon.tune(document, false, {{"n", 16384}}).state == "done");
  // BLOCK 64 takes four times as long as the best at 16384, which is three doublings away; at 1024, one away,
  // it is the best: (0 / 2 + 3 / 8) / (1 / 2 + 1 / 8).
  const auto near = daemon.ask(document, {{"n", 2048}});
  REQUIRE(near);
  CHECK(near->source == "nearest");
  CHECK(near->configuration.at("BLOCK") == 64);
  CHECK(near->expectedLoss.value_or(-1) == doctest::Approx(0.6));
  const auto other = daemon.ask(document, {{"n", 8192}});
  REQUIRE(other);
  CHECK(other->configuration.at("BLOCK") == 256);
  CHECK(other->expectedLoss.value_or(-1) == doctest::Approx(0.6));
}
