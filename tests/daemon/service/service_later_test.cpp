// The service over builds that were made elsewhere: measured behind, and nothing is compiled.
#include "tests/daemon/service/service_support.h"

using namespace tuned;
using namespace tuned::test;

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

TEST_CASE("what was measured before an upgrade is stale, and not measured later as if nobody ever had") {
  Scratch folder;
  const std::string document = documentOf("kernel", "plain");
  {
    Daemon daemon(folder.path());
    REQUIRE(daemon.tune(document).state == "done");
  }
  Daemon daemon(folder.path(), "build-2");
  daemon->measureLater();
  CHECK(daemon->idle());
  CHECK(daemon.ask(document)->stale);
  protocol::BestRequest request;
  request.document = document;
  request.sizes = sizes;
  const auto asked = daemon->best(request);
  REQUIRE(asked);
  CHECK(asked->job); // a search behind, with what the new compiler makes
  REQUIRE(eventually([&] { return daemon->idle(); }));
  CHECK(daemon.compiled() == 3);
  CHECK_FALSE(daemon.ask(document)->stale);
}

TEST_CASE("what a tuning under way has built is left to it") {
  Scratch folder;
  const std::string document = documentOf("kernel", "plain");
  prewarmed(folder.path(), document, 2);
  Daemon daemon(folder.path());
  REQUIRE(daemon->pause(true));
  protocol::TuneRequest request;
  request.document = document;
  request.sizes = sizes; // the first of the two problems
  REQUIRE(daemon->tune(request));
  daemon->measureLater();
  CHECK(daemon->jobs(100, "")->jobs.size() == 2);
  REQUIRE(daemon->pause(false));
  CHECK(eventually([&] { return daemon->status()->winners == 2 && daemon->idle(); }));
}

TEST_CASE("a tuning over what is built says when there is nothing, and takes no list") {
  Scratch folder;
  Daemon daemon(folder.path());
  auto request = requestFor(documentOf("kernel", "plain"));
  request.built = true;
  const auto ended = daemon.tune(request);
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
  const auto ended = daemon.tune(request);
  CHECK(ended.state == "done");
  CHECK(ended.answer->configuration.at("BLOCK") == 64);
  request.only = {{{"BLOCK", 64}, {"num_stages", 2}}};
  CHECK(daemon->tune(request).error().kind == ErrorKind::InvalidInput);
}
