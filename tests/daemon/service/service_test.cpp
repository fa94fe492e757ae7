// The service without a transport, its workers played by fake_worker: each answer is bound to its question.
#include "tests/daemon/service/service_support.h"

#include <filesystem>

using namespace tuned;
using namespace tuned::test;

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
  CHECK(daemon->winners("plain", "", 100, "")->winners.size() == 1);
  CHECK(daemon->trials({"plain", "", ""}, 100, "")->trials.size() == 3);
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
  const auto again = daemon.tune(document);
  REQUIRE(again.state == "done");
  CHECK(again.tried == again.configurations); // the old build is none of the space
  CHECK(daemon.compiled() == 3);              // the new compiler's, and nothing of the old
  const auto fresh = daemon.ask(document);
  REQUIRE(fresh);
  CHECK_FALSE(fresh->stale);
  CHECK(daemon->trials({"kernel", "", ""}, 100, "")->trials.size() ==
        3 + 3 + 1); // and the old build beside them
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
  const auto why = daemon->explain({"", document, sizes, "", {}});
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
  refused([](auto& bad) { bad.launch.parameters[0] = {ParameterKind::TensorMap, 128}; }, "how it is made");
  refused([](auto& bad) { bad.launch.parameters[0].map = TensorMapLayout{}; }, "no tensor map");
  refused(
      [](auto& bad) {
        bad.launch.parameters[0] = {ParameterKind::TensorMap, 128, TensorMapLayout{0, 7, 4, {64}}};
      },
      "parameters[1] is no scalar of 4 bytes");
  refused(
      [](auto& bad) {
        bad.launch.parameters = {{ParameterKind::Pointer, 8},
                                 {ParameterKind::TensorMap, 128, TensorMapLayout{0, 7, 4, {64}}},
                                 {ParameterKind::Scalar, 4},
                                 {ParameterKind::Scalar, 8}};
      },
      "the host has no unit that reads them");
  refused([](auto& bad) { bad.launch.block = {2000, 1, 1}; }, "block");
  refused([](auto& bad) { bad.launch.symbol = ""; }, "symbol");
  refused([](auto& bad) { bad.format = "exe"; }, "neither cubin nor object");
  // The head of a cubin of nvJitLink 13.5: ABI version 8, flags that say sm_90. Without its tables, and with.
  const std::string head = "f0VMRgIBAUEIAAAAAAAAAAIAvgABAAAAAAAAAAAAAABADwAAAAAAAIALAAAAAAAABFoABkAAOAA";
  const auto cubin = [&](auto& bad) {
    bad.format = "cubin", bad.binary = head + "AAEAAAAAAAA==", bad.target = "sm_90a";
  };
  refused([](auto& bad) { bad.format = "cubin"; }, "no cubin");
  refused([&](auto& bad) { cubin(bad), bad.binary = head + "DAEAADwABAA=="; }, "cut short");
  refused([&](auto& bad) { cubin(bad), bad.target = "sm_80"; }, "the binary is for sm_90");
  refused([&](auto& bad) { cubin(bad), bad.target = "cuda"; }, "the binary is for sm_90");
  const protocol::BuildRequest object = build;
  build.origin = "a cubin";
  cubin(build);
  CHECK(daemon->addBuild(build).has_value());

  // Of one kernel at the same sizes so many are kept, and no more; what is there may be brought again.
  build = object;
  Result<protocol::BuildInfo> last;
  int64_t brought = 2;
  for (; brought < 1000; ++brought) {
    build.configuration = {{"theirs", brought}};
    last = daemon->addBuild(build);
    if (!last) break;
  }
  CHECK(brought == Options().othersBuilds);
  REQUIRE_FALSE(last);
  CHECK(last.error().kind == ErrorKind::OutOfResources);
  CHECK(last.error().remedy.contains("others_builds"));
  CHECK(daemon->addBuild(object).has_value());
  build.sizes = {{"n", 8192}};
  CHECK(daemon->addBuild(build).has_value());
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
  REQUIRE(eventually([&] { return first->job->finished(); }));
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
  CHECK(daemon->kernels(1000, "")->kernels.size() == 2);
  REQUIRE(daemon->submit(mine, "1002")); // a third who has the same
  CHECK(daemon->kernels(1000, "")->kernels.size() == 2);
  protocol::BestRequest request;
  request.document = mine;
  request.sizes = sizes;
  REQUIRE(daemon.tune(requestFor(mine), "1000").state == "done");
  const auto result = daemon->best(request, "1000");
  REQUIRE(result);
  daemon->remember("text", *result, "1000");
  CHECK(daemon->hit("text", "1000"));
  CHECK_FALSE(daemon->hit("text", "1001"));
}

TEST_CASE("a user keeps so many kernels and so much text, and forgetting makes room") {
  Scratch folder;
  auto store = store::Store::open(folder.path() + "/cache");
  REQUIRE(store);
  Kernels kernels(**store, {2, 4000});
  REQUIRE(kernels.submit(documentOf("one", "text"), "1000"));
  REQUIRE(kernels.submit(documentOf("two", "text"), "1000"));
  const auto third = kernels.submit(documentOf("three", "text"), "1000");
  REQUIRE_FALSE(third);
  CHECK(third.error().kind == ErrorKind::OutOfResources);
  CHECK(third.error().message.find("2 documents") != std::string::npos);
  CHECK(third.error().remedy.find("kernels_per_user") != std::string::npos);
  // What is known is known; another text under a name takes the place of the old one; others have room of
  // their own.
  CHECK(kernels.submit(documentOf("one", "text"), "1000"));
  CHECK(kernels.submit(documentOf("one", "another text"), "1000"));
  CHECK(kernels.submit(documentOf("three", "text"), "1001"));
  const auto large = kernels.submit(documentOf("one", std::string(4000, 'x')), "1000");
  REQUIRE_FALSE(large);
  CHECK(large.error().remedy.find("kernel_bytes_per_user") != std::string::npos);
  CHECK(kernels.submit(documentOf("one", "x"), "1000")); // what makes less of it is always taken
  REQUIRE((*store)->forget({"two", "", ""}));
  kernels.drop();
  CHECK(kernels.submit(documentOf("three", "text"), "1000"));
  CHECK(kernels.submit(documentOf("four", "text"), "")); // the daemon itself
}

TEST_CASE("kernels are listed in pages") {
  Scratch folder;
  Daemon daemon(folder.path());
  for (const char* name : {"b", "c", "a"})
    REQUIRE(daemon->submit(documentOf(name, "text of " + std::string(name))));
  const auto first = daemon->kernels(2, "");
  REQUIRE(first);
  REQUIRE(first->kernels.size() == 2);
  CHECK(first->kernels[1].name == "b");
  CHECK(first->next == first->kernels[1].document + "-b");
  const auto rest = daemon->kernels(2, first->next);
  REQUIRE(rest);
  REQUIRE(rest->kernels.size() == 1);
  CHECK(rest->kernels[0].name == "c");
  CHECK(rest->next.empty());
  // A place stays one when what it was taken from has gone.
  REQUIRE(daemon->forget({"b", {}, ""}));
  CHECK(daemon->kernels(2, first->next)->kernels.size() == 1);
  for (const char* none : {"b", "some-b", "-"})
    CHECK(daemon->kernels(2, none).error().kind == ErrorKind::InvalidInput);
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
  // Each winner takes four times as long as the other where that one won, four doublings away: a quarter of
  // that is expected one doubling away.
  const auto near = daemon.ask(document, {{"n", 2048}});
  REQUIRE(near);
  CHECK(near->source == "nearest");
  CHECK(near->configuration.at("BLOCK") == 64);
  CHECK(near->expectedLoss.value_or(-1) == doctest::Approx(0.75));
  const auto other = daemon.ask(document, {{"n", 8192}});
  REQUIRE(other);
  CHECK(other->configuration.at("BLOCK") == 256);
  CHECK(other->expectedLoss.value_or(-1) == doctest::Approx(0.75));
}

TEST_CASE("a near winner that cannot be built here is passed over: the default is served") {
  Scratch folder;
  Daemon daemon(folder.path());
  const std::string document = documentOf("elsewhere", "// prefers 1024 64\\n// needs 64 4096");
  REQUIRE(daemon.tune(document, false, {{"n", 1024}}).state == "done");
  REQUIRE(daemon.ask(document, {{"n", 2048}})->configuration.at("BLOCK") == 64);
  const auto served = daemon.ask(document, {{"n", 4096}});
  REQUIRE_MESSAGE(served, (served ? "" : served.error().text()));
  CHECK(served->source == "default");
  CHECK(served->configuration.at("BLOCK") == 128);
  Scratch empty;
  const auto neither = Daemon(empty.path()).ask(documentOf("nowhere", "// needs 128 4096"));
  REQUIRE_FALSE(neither);
  CHECK(neither.error().text().find("no compiler for this") != std::string::npos);
}

TEST_CASE("before anything is measured the answer is the default of the device's target") {
  const std::string targets = R"(,"target_defaults":{"sm_90a":{"BLOCK":256},"cpu":{"BLOCK":64}})";
  const std::string document = documentOf("plain", "plain", targets);
  for (const auto& [architecture, block] : {std::pair{"sm_90a", 256}, {"cpu:some", 64}, {"sm_80", 128}}) {
    CAPTURE(architecture);
    Scratch folder;
    Daemon daemon(folder.path(), "build-1", 1, 30, false, architecture);
    const auto answer = daemon.ask(document);
    REQUIRE_MESSAGE(answer, answer.error().text());
    CHECK(answer->source == "default");
    CHECK(answer->configuration.at("BLOCK") == block);
    const auto job = daemon.tune(document);
    REQUIRE(job.state == "done");
    // A block takes its number of nanoseconds there: the gain is over the target's default.
    CHECK(job.answer->configuration.at("BLOCK") == 64);
    CHECK(job.answer->gain.value_or(0) == doctest::Approx(block / 64.0));
    const auto list = daemon->winners("", "", 10, "");
    REQUIRE(list);
    REQUIRE(list->winners.size() == 1);
    CHECK(list->winners.front().gain.value_or(0) == doctest::Approx(block / 64.0));
    CHECK(daemon->kernel("plain", "")->targetDefaults.at("cpu").at("BLOCK") == 64);
  }
}
