// Each kind of bad input that a client can bring: a clear error, nothing lost, and the daemon goes on.
#include "client/protocol.h"
#include "daemon_process.h"
#include "kernels.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>

using namespace tuned;
using namespace tuned::e2e;
using nlohmann::json;

namespace {
bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// The CPU, and a GPU where there is one.
const std::vector<std::string>& devices() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> out = {"cpu"};
    const auto listed = tunectl::runProgram({program("tuned-worker"), "devices"}, 120);
    if (listed && contains(listed->output, "\"cuda:0\"")) out.push_back("cuda:0");
    return out;
  }();
  return all;
}

DaemonProcess& daemon() {
  static DaemonProcess process = [] {
    std::vector<std::string> options = {"--compile-seconds", "20", "--measure-seconds", "8"};
    for (size_t i = 1; i < devices().size(); ++i)
      options.insert(options.end(), {"--device", devices()[i]});
    return DaemonProcess(options);
  }();
  return process;
}

Error submitError(const std::string& document) {
  auto client = daemon().connect();
  const auto kernel = client.submit(document);
  REQUIRE_FALSE(kernel);
  return kernel.error();
}

const protocol::Values someSizes = {{"n_elements", 5000}};

/// What tuning the document ends in, at 5000 elements unless told.
Result<protocol::JobStatus> tune(const json& document, const protocol::Values& sizes = someSizes,
                                 bool force = false, const std::string& device = "cpu") {
  auto client = daemon().connect();
  const auto kernel = client.submit(document.dump());
  if (!kernel) return fail(kernel.error());
  protocol::TuneRequest request;
  request.kernel = kernel->id;
  request.sizes = sizes;
  request.device = device;
  request.force = force;
  return client.tune(request);
}

/// All variants fail to compile; the reason says where.
void checkCompileFailure(const json& document, const std::string& place, const std::string& what) {
  const auto job = tune(document);
  REQUIRE_MESSAGE(job, job.error().text());
  CHECK(job->state == "failed");
  REQUIRE(job->outcomes.contains("compile_failed"));
  CHECK(job->outcomes.at("compile_failed") == 3);
  REQUIRE(job->error);
  CHECK_MESSAGE(contains(job->error->message, place), job->error->message);
  CHECK_MESSAGE(contains(job->error->message, what), job->error->message);
}
} // namespace

TEST_CASE("documents that are no kernels") {
  CHECK(submitError("").kind == ErrorKind::InvalidInput);
  CHECK(submitError("{").kind == ErrorKind::InvalidInput);
  CHECK(submitError("[]").kind == ErrorKind::InvalidInput);
  json nameless = document("x", elementwise(storeCopy));
  nameless.erase("name");
  CHECK(contains(submitError(nameless.dump()).message, "name"));
  json misspelt = document("x", elementwise(storeCopy));
  misspelt["argumets"] = 1;
  CHECK(contains(submitError(misspelt.dump()).message, "argumets"));
  json expression = document("x", elementwise(storeCopy));
  expression["grid"] = {"cdiv(n_elements"};
  CHECK(contains(submitError(expression.dump()).message, "grid"));
}

TEST_CASE("malformed IR, an unknown op, IR that does not verify") {
  checkCompileFailure(document("bad_malformed", "module {\n  tt.func public @kernel(\n"),
                      "bad_malformed.ttir:", "");
  checkCompileFailure(document("bad_op", elementwise("    tt.frobnicate %x\n")),
                      "bad_op.ttir:16:", "frobnicate");
  checkCompileFailure(
      document("bad_types", elementwise("    %y = arith.addf %x, %offsets : tensor<${BLOCK_SIZE}xf32>\n")),
      "bad_types.ttir:16:", "");
}

TEST_CASE("a template with an unknown parameter") {
  const json bad = document("bad_hole", elementwise("    %c = arith.constant ${BLOCKSIZE} : i32\n"));
  auto client = daemon().connect();
  const auto kernel = client.submit(bad.dump());
  const auto job = kernel ? tune(bad) : fail(kernel.error());
  const std::string message = !job ? job.error().text() : job->error ? job->error->text() : "no error";
  CHECK_MESSAGE(contains(message, "BLOCKSIZE"), message);
  CHECK_MESSAGE(contains(message, "bad_hole.ttir:16"), message);
}

TEST_CASE("an empty space") {
  json bad = document("bad_space", elementwise(storeCopy));
  bad["constraints"] = {"BLOCK_SIZE > 100000"};
  const auto job = tune(bad);
  REQUIRE_FALSE(job);
  CHECK(job.error().kind == ErrorKind::InvalidInput);
  CHECK_MESSAGE(contains(job.error().message, "BLOCK_SIZE > 100000"), job.error().message);
}

TEST_CASE("sizes missing, unknown, negative, zero, beyond memory") {
  const json good = document("bad_sizes", elementwise(storeCopy));
  const auto error = [&](const protocol::Values& sizes) {
    const auto job = tune(good, sizes);
    REQUIRE_FALSE(job);
    return job.error();
  };
  CHECK(contains(error({}).message, "n_elements"));
  CHECK(contains(error({{"n_elements", 4}, {"m", 4}}).message, "m"));
  CHECK(contains(error({{"n_elements", -4}}).message, "n_elements"));
  CHECK(error({{"n_elements", 0}}).kind == ErrorKind::InvalidInput);
  CHECK_FALSE(tune(good, {{"n_elements", INT64_MAX}}));
  json huge = document("bad_memory", elementwise(storeCopy));
  huge["arguments"][0]["shape"] = {"n_elements", "n_elements"};
  const auto beyond = tune(huge, {{"n_elements", 1000000}});
  REQUIRE_FALSE(beyond);
  CHECK(beyond.error().kind == ErrorKind::OutOfResources);
}

TEST_CASE("a grid of zero and one beyond the device's limit") {
  json none = document("bad_grid_zero", elementwise(storeCopy));
  none["grid"] = {"n_elements - 5000"};
  const auto zero = tune(none);
  const std::string message = !zero ? zero.error().text() : zero->error ? zero->error->text() : "no error";
  CHECK_MESSAGE(contains(message, "grid"), message);
  json wide = document("bad_grid_wide", elementwise(storeCopy));
  wide["grid"] = {"1", "70000"};
  const auto beyond = tune(wide);
  const std::string limit = !beyond         ? beyond.error().text()
                            : beyond->error ? beyond->error->text()
                                            : "no error";
  CHECK_MESSAGE(contains(limit, "65535"), limit);
}

TEST_CASE("a kernel that never ends is killed at its deadline; the others win") {
  for (const std::string& device : devices()) {
    CAPTURE(device);
    const auto job = tune(document("bad_loop", elementwise(loopFor64)), someSizes, false, device);
    REQUIRE_MESSAGE(job, job.error().text());
    INFO(daemon().log());
    CHECK(job->outcomes.contains("timed_out"));
    REQUIRE(job->answer);
    CHECK(job->answer->configuration.at("BLOCK_SIZE") != 64);
  }
}

TEST_CASE("a kernel that writes out of bounds is caught and blamed") {
  for (const std::string& device : devices()) {
    CAPTURE(device);
    const auto job = tune(document("bad_bounds", elementwise(storeUnmasked)), someSizes, false, device);
    REQUIRE_MESSAGE(job, job.error().text());
    CHECK(job->state == "failed");
    CHECK_FALSE(job->outcomes.contains("timed"));
    REQUIRE(job->error);
    INFO(job->error->message);
    CHECK(contains(job->error->message, "BLOCK_SIZE=")); // the variant that did it is named
    CHECK((job->outcomes.contains("wrong_result") || job->outcomes.contains("faulted")));
  }
}

TEST_CASE("variants that disagree: the wrong ones never win") {
  for (const std::string& device : devices()) {
    CAPTURE(device);
    const auto job = tune(document("bad_disagree", elementwise(storeBlockSize)), someSizes, false, device);
    REQUIRE_MESSAGE(job, job.error().text());
    REQUIRE(job->outcomes.contains("wrong_result"));
    CHECK(job->outcomes.at("wrong_result") == 2);
    REQUIRE(job->answer);
    CHECK(job->answer->configuration.at("BLOCK_SIZE") == 256); // the default says what is right
  }
}

TEST_CASE("all variants failing is a clear answer, kept, and not tried again until asked") {
  const json bad = document("bad_all", elementwise("    tt.frobnicate %x\n"));
  const auto job = tune(bad);
  REQUIRE(job);
  CHECK(job->state == "failed");
  auto client = daemon().connect();
  const size_t tried = client.trials(job->kernel)->trials.size();
  CHECK(tried == 3);
  const auto answer = client.best(job->kernel, {{"n_elements", 5000}}, "cpu");
  REQUIRE_FALSE(answer);
  CHECK(contains(answer.error().message, "frobnicate"));
  CHECK(client.trials(job->kernel)->trials.size() == tried);
  REQUIRE(tune(bad, {{"n_elements", 5000}}, true));
  CHECK(client.trials(job->kernel)->trials.size() > tried);
}

TEST_CASE("things that are not there") {
  auto client = daemon().connect();
  CHECK(client.best("no_such_kernel", {}, "cpu").error().kind == ErrorKind::NotFound);
  CHECK(client.watch("no_such_job").error().kind == ErrorKind::NotFound);
  const auto kernel = client.submit(document("bad_device", elementwise(storeCopy)).dump());
  REQUIRE(kernel);
  const auto device = client.best(kernel->id, {{"n_elements", 8}}, "cuda:77");
  REQUIRE_FALSE(device);
  CHECK(device.error().kind == ErrorKind::NotFound);
  CHECK(contains(device.error().text(), "cpu"));
  protocol::TuneRequest request;
  request.kernel = kernel->id;
  request.sizes = {{"n_elements", 8}};
  request.strategy = "clairvoyant";
  const auto strategy = client.start(request);
  REQUIRE_FALSE(strategy);
  CHECK(contains(strategy.error().text(), "exhaustive"));
}

TEST_CASE("a request that is too large is refused, and one that breaks off hurts nobody") {
  auto client = daemon().connect();
  const auto large = client.submit("{\"name\": \"" + std::string(20 << 20, 'x') + "\"}");
  REQUIRE_FALSE(large);
  CHECK_MESSAGE(contains(large.error().message, "beyond 16777216 bytes"), large.error().message);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  daemon().socket().copy(address.sun_path, sizeof(address.sun_path) - 1);
  REQUIRE(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  const std::string half = "POST /v1/best HTTP/1.1\r\nHost: tuned\r\nContent-Length: 100\r\n\r\n{";
  CHECK(::send(fd, half.data(), half.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(half.size()));
  ::close(fd);
  CHECK(client.status());
}
