// The service's jobs: pauses, disturbances, devices that share and fail, and what an earlier daemon left
// behind.
#include "base/clock.h"
#include "tests/daemon/service/service_support.h"

#include <fstream>

using namespace tuned;
using namespace tuned::test;

TEST_CASE("a paused daemon answers what it knows; tunings wait, and pauses cost no budget") {
  Scratch folder;
  Daemon daemon(folder.path());
  const std::string known = documentOf("known", "plain"), other = documentOf("other", "other");
  REQUIRE(daemon.tune(known).state == "done");
  CHECK(daemon->pause(true)->paused);
  auto request = requestFor(other);
  constexpr double budget = 5;
  request.budget.seconds = budget;
  const double asked = steadySeconds();
  const auto job = daemon.begin(request);
  REQUIRE(eventually([&] { return daemon.status(job.id).phase == "paused"; }));
  double ran = steadySeconds() - asked; // at most
  std::this_thread::sleep_for(std::chrono::duration<double>(budget + 0.2));
  CHECK_FALSE((*daemon->job(job.id))->finished());
  CHECK(daemon.winner(known) == 64);
  CHECK(daemon->metricsText().find("gpu_tuned_paused 1") != std::string::npos);
  const double resumed = steadySeconds();
  CHECK_FALSE(daemon->pause(false)->paused);
  REQUIRE(eventually([&] { return (*daemon->job(job.id))->finished(); }));
  ran += steadySeconds() - resumed;
  const auto ended = daemon.status(job.id);
  CHECK(ended.state == "done");
  if (ran < budget) CHECK(ended.stopped == "space exhausted"); // a busy machine may need all of it
}

TEST_CASE("a measurement that has the cores for long keeps nobody's first answer waiting") {
  Scratch folder;
  Daemon daemon(folder.path(), "build-1", 1, 30, true);
  auto request = requestFor(documentOf("long", "// takes 64 60\\n// takes 128 60\\n// takes 256 60"));
  const auto job = daemon.begin(request);
  REQUIRE(eventually([&] { return daemon.status(job.id).state == "running"; }));
  std::this_thread::sleep_for(std::chrono::seconds(1)); // by then it measures
  const auto answer = daemon.ask(documentOf("other", "other"));
  REQUIRE_MESSAGE(answer, (answer ? "" : answer.error().text()));
  CHECK(answer->source == "default");
  const auto beside = daemon.status(job.id);
  CHECK(beside.state == "running");
  CHECK(beside.tried == 0);
  REQUIRE(daemon->cancel(job.id));
}

TEST_CASE("a paused daemon ends when it is told to, and its tuning goes on in the next") {
  Scratch folder;
  const std::string document = documentOf("kernel", "plain");
  {
    Daemon daemon(folder.path());
    REQUIRE(daemon->pause(true));
    auto request = requestFor(document);
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
  const auto trials = daemon->trials({"kernel", "", ""}, 100, "");
  CHECK(trials->trials.size() == 3);
  for (const auto& trial : trials->trials)
    CHECK(trial.reason == "");
  const auto device = daemon->devices().devices.at(0);
  REQUIRE(device.state);
  CHECK(device.state->celsius == 40);
  CHECK(device.state->othersPercent == 0);
  CHECK_FALSE(daemon.ask(document)->disturbed);
  CHECK(daemon->metricsText().find("gpu_tuned_device_celsius{device=\"cuda:0\"} 40") != std::string::npos);
}

TEST_CASE("what stays disturbed is marked, and taken again by the next tuning") {
  Scratch folder;
  Daemon daemon(folder.path(), "build-1", 1, 0);
  const std::string document = documentOf("kernel", "// disturbed 19 40\\n");
  REQUIRE(daemon.tune(document).state == "done");
  int marked = 0;
  const auto trials = daemon->trials({"kernel", "", ""}, 100, "");
  for (const auto& trial : trials->trials)
    marked += trial.reason == "other processes took 40 % of the device";
  CHECK(marked == 3);
  CHECK(daemon.winner(document) == 64); // better than nothing
  CHECK(daemon.ask(document)->disturbed == "other processes took 40 % of the device");
  daemon.measured();
  REQUIRE(daemon.tune(document).state == "done");
  CHECK(daemon.measured() == 3);
  CHECK(daemon.compiled() == 3);
}

TEST_CASE("on a CPU what others disturbed is marked at once, and known until a tuning is forced") {
  Scratch folder;
  Daemon daemon(folder.path(), "build-1", 1, 30, true);
  const std::string document = documentOf("kernel", "// disturbed 19 40\\n");
  REQUIRE(daemon.tune(document).state == "done");
  CHECK(daemon.ask(document)->disturbed == "other processes took 40 % of the device");
  CHECK(daemon.measured() == 3);
  REQUIRE(daemon.tune(document).state == "done");
  CHECK(daemon.measured() == 0);
  REQUIRE(daemon.tune(document, true).state == "done");
  CHECK(daemon.measured() == 3);
}

TEST_CASE("a budget of nothing finds the default, one below is refused; a space of one point is soon tuned") {
  Scratch folder;
  Daemon daemon(folder.path());
  auto request = requestFor(documentOf("kernel", "plain"));
  request.budget.seconds = 1e-9;
  const auto ended = daemon.tune(request);
  CHECK(ended.state == "done");
  CHECK(ended.tried >= 1);
  CHECK(ended.answer.has_value());
  for (const protocol::Budget& below : {protocol::Budget{-1, 0}, protocol::Budget{0, -1}}) {
    request.budget = below;
    auto refused = daemon->tune(request);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::InvalidInput);
  }
  std::string one = documentOf("one", "a single point");
  const std::string values = "[64,128,256]";
  one.replace(one.find(values), values.size(), "[128]");
  const auto single = daemon.tune(one);
  CHECK(single.state == "done");
  CHECK(single.configurations == 1);
  CHECK(single.answer->configuration.at("BLOCK") == 128);
  CHECK(single.answer->gain.value_or(0) == 1);
}

TEST_CASE("tunings spread over devices of one kind") {
  Scratch folder;
  Daemon daemon(folder.path(), "build-1", 2);
  REQUIRE(daemon->pause(true));
  std::map<std::string, int> on;
  for (int i = 0; i < 6; ++i) {
    auto request = requestFor(documentOf("kernel", "plain"), {{"n", 4096 * (i + 1)}});
    const auto job = daemon.begin(request);
    ++on[job.device];
  }
  CHECK(on == std::map<std::string, int>{{"cuda:0", 3}, {"cuda:1", 3}});
  // Lists come in pages, each from behind the last job of the one before.
  const auto first = daemon->jobs(4, "");
  REQUIRE(first);
  const auto rest = daemon->jobs(4, first->next);
  REQUIRE(rest);
  CHECK(first->jobs.size() == 4);
  CHECK(first->next == first->jobs.back().id);
  CHECK(rest->jobs.size() == 2);
  CHECK(rest->next == "");
  CHECK(daemon->jobs(4, rest->jobs.back().id)->jobs.empty()); // behind the last one there is nothing
  CHECK(daemon->jobs(4, "garbage").error().kind == ErrorKind::NotFound);
  REQUIRE(daemon->pause(false));
  CHECK(eventually([&] { return daemon->idle(); }));
  CHECK(daemon->status()->winners == 6);
}

TEST_CASE("a device that cannot be used is taken out and said, and the other goes on") {
  Scratch folder;
  Daemon daemon(folder.path(), "build-1", 2);
  auto request = requestFor(documentOf("kernel", "// gone 1\\n"));
  request.device = "cuda:1";
  CHECK(daemon.tune(request).state == "failed");
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
    const auto there = daemon.begin(request);
    CHECK(there.device == "cuda:0");
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

TEST_CASE("what is taken up after a restart counts for who asked for it") {
  Scratch folder;
  const std::string document = documentOf("kernel", "plain");
  {
    Daemon daemon(folder.path());
    REQUIRE(daemon->pause(true));
    for (int64_t n : {1000, 2000, 3000})
      daemon.begin(requestFor(document, {{"n", n}}), "4000001");
    daemon.begin(requestFor(document, {{"n", 4000}}), "4000002");
  }
  leftBehind(folder.path(), document, "queued", "", false, 0); // by a daemon that did not keep whose it was
  Daemon daemon(folder.path());
  REQUIRE(daemon->pause(true));
  std::map<unsigned, int> of;
  const auto listed = daemon->jobs(100, "");
  for (const auto& one : listed->jobs)
    ++of[(*daemon->job(one.id))->spec().user]; // what quotas and turns count by
  CHECK(of == std::map<unsigned, int>{{4000001U, 3}, {4000002U, 1}, {::geteuid(), 1}});
}

TEST_CASE("a job that daemons died of before they ran it is counted, too") {
  Scratch folder;
  const std::string document = documentOf("kernel", "plain"),
                    marker = folder.path() + "/cache/tuned.db.taking-up";
  leftBehind(folder.path(), document, "queued", "2", false, 0);
  std::ofstream(marker) << "left-behind";
  std::filesystem::permissions(marker, std::filesystem::perms(0600));
  {
    Daemon daemon(folder.path());
    REQUIRE(eventually([&] { return daemon->idle(); }));
    CHECK(daemon.compiled() == 0);
    CHECK(daemon.winner(document) == 0);
  }
  CHECK_FALSE(std::filesystem::exists(marker)); // this one did not die
}

TEST_CASE("a clock that is set back in the middle of a forced tuning costs nothing of what it finds") {
  Scratch folder;
  const std::string document = documentOf("kernel", "plain");
  leftBehind(folder.path(), document, "queued", "", true, unixNow() + 1e6);
  Daemon daemon(folder.path());
  REQUIRE(eventually([&] { return daemon->idle(); }));
  CHECK(daemon.status("left-behind").state == "done");
  CHECK(daemon.winner(document) == 64);
}

TEST_CASE("jobs that may run anywhere leave a device that goes out for one that works") {
  Scratch folder;
  Daemon daemon(folder.path(), "build-1", 2);
  REQUIRE(daemon->pause(true));
  std::map<std::string, std::string> given;
  protocol::TuneRequest request;
  request.document = documentOf("kernel", "// gone 1\\n");
  for (int i = 0; i < 6; ++i) {
    request.sizes = {{"n", 4096 * (i + 1)}};
    const auto job = daemon.begin(request);
    given[job.id] = job.device;
  }
  int there = 0;
  for (const auto& [id, device] : given)
    there += device == "cuda:1";
  REQUIRE(there == 3);
  request.device = "cuda:1"; // this one wants no other
  request.sizes = {{"n", 64}};
  const auto stays = daemon.begin(request);
  REQUIRE(daemon->pause(false));
  REQUIRE(eventually([&] { return daemon->idle(); }));
  for (const auto& [id, device] : given) {
    const auto status = daemon.status(id);
    CHECK(status.state == "done");
    CHECK(status.device == "cuda:0");
    CHECK(status.tried == 3);
  }
  CHECK(daemon.status(stays.id).state == "failed");
  CHECK(daemon->status()->winners == 6);
}

TEST_CASE("what was timed before it could be judged is never an answer while that is open") {
  for (int late : {1, 2, 3, 100}) {
    CAPTURE(late);
    Scratch folder;
    Daemon daemon(folder.path());
    // BLOCK=64 is the fastest, and wrong.
    const std::string document =
        documentOf("kernel", "// off 64 0.5\\n// late 0 " + std::to_string(late) + "\\n", tolerance(0.1));
    const auto job = daemon.tune(document);
    REQUIRE(job.state == "done");
    CHECK(job.answer->configuration.at("BLOCK") == 128);
    CHECK(job.answer->verdict.state == "passed");
    CHECK(job.outcomes.at("wrong_result") == 1);
    CHECK(daemon.winner(document) == 128);
    const auto trials = daemon->trials({"kernel", "", ""}, 100, "");
    REQUIRE(trials);
    for (const auto& trial : trials->trials)
      CHECK(trial.verdict.state != "pending");
  }
}

TEST_CASE("builds of the same code are made once, and each configuration has its own measurement") {
  Scratch folder;
  Daemon daemon(folder.path());
  const std::string document = documentOf("kernel", "// code 64 7\\n// code 128 7\\n// code 256 8");
  const auto status = daemon.tune(document);
  REQUIRE(status.state == "done");
  CHECK(status.tried == 3);
  CHECK(status.outcomes.at("timed") == 3);
  CHECK(daemon.compiled() == 2);
  std::map<int64_t, std::string> artefacts;
  const auto trials = daemon->trials({"kernel", "", ""}, 100, "");
  REQUIRE(trials);
  for (const auto& trial : trials->trials)
    artefacts[trial.configuration.at("BLOCK")] = trial.artefact;
  CHECK(artefacts.at(64) == artefacts.at(128));
  CHECK(artefacts.at(64) != artefacts.at(256));
}

TEST_CASE("a measure worker that lies costs its own kernel the trial, and nobody the daemon") {
  Scratch folder;
  Daemon daemon(folder.path());
  for (const char* lie : {"1", "2", "3"}) {
    const std::string document =
        documentOf(std::string("kernel") + lie, std::string("// prepares 0 1\\n// lies 64 ") + lie);
    const auto status = daemon.tune(document);
    REQUIRE(status.state == "done");
    CHECK(status.outcomes.at("timed") == 2);
    CHECK(status.outcomes.at("faulted") == 1);
    CHECK(daemon.winner(document) == 128);
  }
}

TEST_CASE("one build's word does not take the device from everybody: a fresh worker is asked") {
  Scratch folder;
  Daemon daemon(folder.path());
  const std::string document = documentOf("kernel", "// absent 64 1");
  const auto status = daemon.tune(document);
  REQUIRE(status.state == "done");
  CHECK(status.outcomes.at("faulted") == 1);
  CHECK(status.outcomes.at("timed") == 2);
  CHECK(daemon->devices().devices.at(0).available);
  CHECK(daemon.winner(document) == 128);
}

TEST_CASE("quick passes over what is going to spill much, says so, and normal takes it up") {
  Scratch folder;
  Daemon daemon(folder.path());
  protocol::TuneRequest request;
  // The default takes long to compile, and is the only build: nothing is late beside it, however little time
  // the machine gives it.
  request.document = documentOf("kernel", "// registers 64 900\\n// registers 128 100\\n// compiles 128 2");
  const std::string values = "[64,128,256]";
  request.document.replace(request.document.find(values), values.size(), "[64,128]");
  request.sizes = sizes;
  request.budget.seconds = 1000;
  auto tuned = [&](const std::string& effort) {
    request.effort = effort;
    return daemon.tune(request);
  };
  auto status = tuned("quick");
  REQUIRE(status.state == "done");
  CHECK(status.tried == 1);
  CHECK_MESSAGE(status.stopped.contains("passed over, as they would spill much: 1"), status.stopped);
  CHECK(daemon.winner(request.document) == 128);
  CHECK(daemon.compiled() == 1);
  status = tuned("normal");
  REQUIRE(status.state == "done");
  CHECK(status.tried == 2);
  CHECK(daemon.winner(request.document) == 64);
  CHECK(daemon.compiled() == 1);
}

TEST_CASE("a kernel that takes workers over spoils nothing of another user's") {
  const std::string one = "100001", other = "100002", root = "0";
  const std::string spoiler = documentOf("spoiler", "// spoils 0 1"), plain = documentOf("plain", "plain");
  const auto soundFor = [&](Daemon& daemon, const protocol::TuneRequest& request, const std::string& user) {
    const auto status = daemon.tune(request, user);
    if (status.state != "done") return false;
    const auto artefact = daemon->artefact(status.answer->artefact);
    REQUIRE(artefact);
    return status.outcomes == protocol::Values{{"timed", 3}} && artefact->bytes.starts_with("binary of");
  };
  {
    Scratch folder;
    Daemon daemon(folder.path());
    REQUIRE(daemon.tune(requestFor(spoiler), one).state == "done");
    CHECK(soundFor(daemon, requestFor(plain), other));
  }
  { // Who asks for another's kernel has it run beside none of their own.
    Scratch folder;
    Daemon daemon(folder.path());
    REQUIRE(daemon->submit(spoiler, one));
    auto theirs = requestFor("");
    theirs.kernel = "spoiler";
    REQUIRE(daemon.tune(theirs, other).state == "done");
    CHECK(soundFor(daemon, requestFor(plain), other));
  }
  { // The first answer of a miss is compiled, too.
    Scratch folder;
    Daemon daemon(folder.path());
    protocol::BestRequest best;
    best.document = spoiler;
    best.sizes = sizes;
    best.tune = false;
    REQUIRE(daemon->best(best, one));
    best.document = plain;
    const auto answer = daemon->best(best, other);
    REQUIRE(answer);
    CHECK(daemon->artefact(answer->answer.artefact)->bytes.starts_with("binary of"));
  }
  { // One user's kernels share their workers, and so do those that root brought.
    Scratch folder;
    Daemon daemon(folder.path());
    REQUIRE(daemon.tune(requestFor(spoiler), one).state == "done");
    CHECK_FALSE(soundFor(daemon, requestFor(plain), one));
    REQUIRE(daemon->submit(documentOf("shared", "shared"), root));
    auto shared = requestFor("");
    shared.kernel = "shared";
    REQUIRE(daemon.tune(requestFor(spoiler, {{"n", 8192}}), one).state == "done");
    CHECK_FALSE(soundFor(daemon, shared, one));
  }
}

TEST_CASE("a device is woken for a tuning that is to come; one that is not there is refused") {
  Scratch folder;
  Daemon daemon(folder.path());
  CHECK(daemon->metricsText().contains("gpu_tuned_compile_workers_running 0"));
  REQUIRE(daemon->wake("cuda:0"));
  CHECK(daemon->metricsText().contains("gpu_tuned_compile_workers_running 2"));
  CHECK(daemon->wake("cuda:7").error().kind == ErrorKind::NotFound);
  CHECK(daemon.tune(documentOf("kernel", "plain")).state == "done");
  REQUIRE(daemon->wake("cuda:0")); // it is awake
}

TEST_CASE("waking a device starts no compilers beside a measurement that has the cores alone") {
  Scratch folder;
  Daemon daemon(folder.path(), "build-1", 1, 30, true);
  std::string one = documentOf("long", "// takes 128 60");
  const std::string values = "[64,128,256]";
  one.replace(one.find(values), values.size(), "[128]");
  const auto job = daemon.begin(requestFor(one));
  int made = 0;
  REQUIRE(eventually([&] { return (made += daemon.compiled()) == 1; }));
  std::this_thread::sleep_for(std::chrono::seconds(1)); // by then it measures
  const auto running = [&] {
    return daemon->metricsText().contains("gpu_tuned_compile_workers_running 1\n");
  };
  CHECK(running());
  REQUIRE(daemon->wake("cuda:0"));
  CHECK(running());
  REQUIRE(daemon->cancel(job.id));
}
