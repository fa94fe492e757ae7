// An answer is bound to its question: document, tolerance, space, name and file.
#include "client/protocol.h"
#include "daemon_process.h"
#include "kernels.h"

#include <doctest/doctest.h>
#include <fstream>
#include <sys/resource.h>
#include <sys/stat.h>

using namespace tuned;
using namespace tuned::e2e;
using nlohmann::json;

namespace {
const protocol::Values sizes = {{"n_elements", 5000}};

/// Off by one in the last place of about every element where BLOCK_SIZE is 256, right elsewhere. Fastest or
/// not, it must never be served to who asks for exact results.
std::string offByLittle() {
  return R"(    %size = arith.constant dense<${BLOCK_SIZE}.0> : tensor<${BLOCK_SIZE}xf32>
    %wrong_at = arith.constant dense<256.0> : tensor<${BLOCK_SIZE}xf32>
    %is = arith.cmpf oeq, %size, %wrong_at : tensor<${BLOCK_SIZE}xf32>
    %one = arith.constant dense<1.0> : tensor<${BLOCK_SIZE}xf32>
    %off = arith.addf %x, %one : tensor<${BLOCK_SIZE}xf32>
    %y = arith.select %is, %off, %x : tensor<${BLOCK_SIZE}xi1>, tensor<${BLOCK_SIZE}xf32>
    tt.store %y_ptrs, %y, %mask : tensor<${BLOCK_SIZE}x!tt.ptr<f32>>
)";
}

/// The document of a kernel of which only BLOCK_SIZE 256 is in the space and only 64 is right. Its judge
/// evaluates the default, 64.
json wrongOne(const std::string& name, double tolerance) {
  json out = document(name, elementwise(offByLittle()));
  out["parameters"]["BLOCK_SIZE"] = {64, 256};
  out["default"]["BLOCK_SIZE"] = 64;
  out["constraints"] = {"BLOCK_SIZE == 256"};
  out["tolerance"] = {{"relative", 0}, {"absolute", tolerance}};
  return out;
}

protocol::TuneRequest tuneOf(const std::string& kernel) {
  protocol::TuneRequest out;
  out.kernel = kernel;
  out.sizes = sizes;
  out.device = "cpu";
  return out;
}

protocol::BestRequest askOf(const std::string& kernel) {
  protocol::BestRequest out;
  out.kernel = kernel;
  out.sizes = sizes;
  out.device = "cpu";
  out.tune = false;
  return out;
}

std::string base64(const std::string& bytes) {
  static constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t three = 0;
    for (size_t k = 0; k < 3; ++k)
      three = three << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0);
    for (size_t k = 0; k < 4; ++k)
      out += i + k > bytes.size() ? '=' : digits[three >> (18 - 6 * k) & 63];
  }
  return out;
}

/// The object of a kernel at BLOCK_SIZE 256, made without a daemon that would judge it.
std::string objectOf(const Folder& folder, std::string source) {
  for (size_t at; (at = source.find("${BLOCK_SIZE}")) != std::string::npos;)
    source.replace(at, 13, "256");
  const std::string object = folder / "made.o";
  const auto made = tunectl::runProgram(
      {program("tunectl"), "compile", folder.write("made.ttir", source), "--target", "cpu", "-o", object},
      120);
  REQUIRE(made);
  REQUIRE_MESSAGE(made->exitCode == 0, made->errors);
  std::ifstream in(object, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

std::string submit(client::Client& client, const json& document) {
  const auto info = client.submit(document.dump());
  REQUIRE_MESSAGE(info, info.error().text());
  return info->id;
}
} // namespace

TEST_CASE("tolerance is part of the question") {
  DaemonProcess daemon;
  auto client = daemon.connect();
  const std::string kernel = submit(client, wrongOne("lax", 1e30));
  const auto lax = client.tune(tuneOf(kernel));
  REQUIRE_MESSAGE(lax, lax.error().text());
  REQUIRE(lax->state == "done");
  CHECK(lax->answer->verdict.state == "passed");
  REQUIRE(lax->answer->verdict.tolerance);
  CHECK(lax->answer->verdict.tolerance->absolute == 1e30);

  // The strict asker does not get it, before the check nor after.
  CHECK(submit(client, wrongOne("strict", 1e-6)) == kernel);
  auto answer = client.ask(askOf(kernel));
  if (answer) CHECK(answer->source != "cache");
  const auto strict = client.tune(tuneOf(kernel));
  REQUIRE_MESSAGE(strict, strict.error().text());
  CHECK(strict->state == "failed");
  CHECK(strict->outcomes.at("wrong_result") == 1);
  answer = client.ask(askOf(kernel));
  REQUIRE_FALSE(answer);
  CHECK(answer.error().message.find("no configuration") != std::string::npos);

  // Loosened again, that failure is none.
  CHECK(submit(client, wrongOne("lax", 1e30)) == kernel);
  const auto again = client.tune(tuneOf(kernel));
  REQUIRE_MESSAGE(again, again.error().text());
  CHECK_MESSAGE(again->state == "done", daemon.log());
  CHECK(client.ask(askOf(kernel))->source == "cache");
}

TEST_CASE("a stricter tolerance costs a check, not a search") {
  DaemonProcess daemon;
  auto client = daemon.connect();
  json kernel = document("checked", elementwise(storeScaled(17)));
  kernel["tolerance"] = {{"relative", 1e-2}, {"absolute", 1e-2}};
  const std::string id = submit(client, kernel);
  REQUIRE(client.tune(tuneOf(id))->state == "done");
  const auto before = client.trials(id)->trials.size();
  // Its results were exact, so that they hold under any tolerance: {0, 0} is exact, and not "nothing said".
  kernel["tolerance"] = {{"relative", 0}, {"absolute", 0}};
  CHECK(submit(client, kernel) == id);
  const auto answer = client.ask(askOf(id));
  REQUIRE_MESSAGE(answer, answer.error().text());
  CHECK(answer->source == "cache");
  CHECK(answer->verdict.state == "passed");
  REQUIRE(client.tune(tuneOf(id))->state == "done");
  CHECK(client.trials(id)->trials.size() == before);
}

TEST_CASE("a winner that the document rules out is not served; a forced tuning in which nothing passes "
          "unseats it") {
  DaemonProcess daemon;
  auto client = daemon.connect();
  json kernel = document("ruled", elementwise(storeScaled(19)));
  const std::string id = submit(client, kernel);
  const auto job = client.tune(tuneOf(id));
  REQUIRE(job->state == "done");
  const int64_t winner = job->answer->configuration.at("BLOCK_SIZE");
  kernel["constraints"] = {"BLOCK_SIZE != " + std::to_string(winner)};
  kernel["default"]["BLOCK_SIZE"] = winner == 64 ? 256 : 64;
  CHECK(submit(client, kernel) == id);
  const auto next = client.ask(askOf(id));
  REQUIRE_MESSAGE(next, next.error().text());
  CHECK(next->configuration.at("BLOCK_SIZE") != winner);
  // Values are a part of the question, too.
  kernel.erase("constraints");
  kernel["parameters"]["BLOCK_SIZE"] = {128};
  kernel["default"]["BLOCK_SIZE"] = 128;
  submit(client, kernel);
  const auto other = client.ask(askOf(id));
  REQUIRE_MESSAGE(other, other.error().text());
  CHECK(other->source != "cache");
  CHECK(other->configuration.at("BLOCK_SIZE") == 128);

  const std::string wrong = submit(client, wrongOne("unseated", 1e30));
  REQUIRE(client.tune(tuneOf(wrong))->state == "done");
  submit(client, wrongOne("unseated", 1e-6));
  auto forced = tuneOf(wrong);
  forced.force = true;
  CHECK(client.tune(forced)->state == "failed");
  submit(client, wrongOne("unseated", 1e30));
  const auto unseated = client.ask(askOf(wrong));
  if (unseated) CHECK(unseated->source != "cache");
}

TEST_CASE("the same source under another name takes no name away") {
  DaemonProcess daemon;
  auto client = daemon.connect();
  const json first = document("mine", elementwise(storeScaled(23)));
  json second = first;
  second["name"] = "other";
  CHECK(submit(client, first) == submit(client, second));
  CHECK(client.kernel("mine")->name == "mine");
  CHECK(client.kernel("other")->name == "other");
}

TEST_CASE("when the default does not compile, who waits gets the winner all the same") {
  DaemonProcess daemon;
  auto client = daemon.connect(240);
  // A block of 48 is no power of two: that variant does not compile.
  json kernel = document("bad_default", elementwise(storeScaled(29)));
  kernel["parameters"]["BLOCK_SIZE"] = {48, 64, 256};
  kernel["default"]["BLOCK_SIZE"] = 48;
  auto request = askOf(submit(client, kernel));
  request.tune = true;
  request.wait = 120;
  const auto answer = client.ask(request);
  REQUIRE_MESSAGE(answer, (answer.error().text() + daemon.log()));
  CHECK(answer->source == "cache");
  CHECK(answer->configuration.at("BLOCK_SIZE") != 48);
}

TEST_CASE("what is compiled is asked of the cache first") {
  DaemonProcess daemon;
  auto client = daemon.connect();
  const std::string id = submit(client, document("built_once", elementwise(storeScaled(31))));
  REQUIRE(client.tune(tuneOf(id))->state == "done");
  CHECK(client.status()->builds == 3);
  REQUIRE(client.forget({id, sizes, ""}));
  const auto ask = client.ask(askOf(id));
  if (ask) CHECK(ask->source != "cache");
  const auto again = client.tune(tuneOf(id));
  REQUIRE(again->state == "done");
  CHECK(client.status()->builds == 3);
}

TEST_CASE("forget and explain") {
  DaemonProcess daemon;
  auto client = daemon.connect();
  json kernel = document("explained", elementwise(storeScaled(37)));
  const std::string id = submit(client, kernel);
  CHECK(client.explain({id, "", sizes, "cpu", {}}).error().kind == ErrorKind::NotFound);
  auto part = tuneOf(id);
  part.budget.trials = 2;
  const auto job = client.tune(part);
  REQUIRE(job->answer);
  double spent = 0;
  for (const auto& [phase, seconds] : job->phaseSeconds)
    spent += seconds;
  CHECK(spent == doctest::Approx(job->elapsedSeconds).epsilon(0.01));
  const auto why = client.explain({id, "", sizes, "cpu", {}});
  REQUIRE_MESSAGE(why, why.error().text());
  CHECK(why->space == 3);
  CHECK(why->untried == 1);
  REQUIRE(why->untriedExamples.size() == 1);
  REQUIRE(why->field.size() == 2);
  CHECK(why->field[0].measurement.configuration == why->answer.configuration);
  CHECK(why->field[0].behind.value_or(1) == 0);
  CHECK(why->judge.find("evaluator") != std::string::npos);
  for (const char* phase :
       {"enumerate", "inputs", "reference", "compile", "load", "verify", "time", "search", "wait"})
    CHECK_MESSAGE(why->phaseSeconds.contains(phase), std::string(phase));
  const auto printed =
      daemon.tunectl({"explain", "explained", "--size", "n_elements=5000", "--device", "cpu"});
  CHECK_MESSAGE(printed.exitCode == 0, printed.errors);
  CHECK(printed.output.find("never tried") != std::string::npos);

  CHECK(client.forget({}).error().kind == ErrorKind::InvalidInput);
  CHECK(client.forget({"no such kernel", {}, ""}).error().kind == ErrorKind::NotFound);
  const auto forgotten = daemon.tunectl({"forget", "explained", "--json"});
  CHECK_MESSAGE(forgotten.exitCode == 0, forgotten.errors);
  CHECK(client.kernel("explained").error().kind == ErrorKind::NotFound);
  CHECK(daemon.tunectl({"forget", "explained"}).exitCode == 3);
}

TEST_CASE("a cache that is removed under the daemon is noticed, and said") {
  DaemonProcess daemon;
  auto client = daemon.connect();
  const std::string id = submit(client, document("displaced", elementwise(storeScaled(41))));
  REQUIRE(client.tune(tuneOf(id))->state == "done");
  std::filesystem::remove_all(daemon.folder() / "cache");
  const auto status = client.status();
  REQUIRE(status);
  CHECK_FALSE(status->ready);
  CHECK(json(status->problems).dump().find("removed") != std::string::npos);
  CHECK(client.page("/readyz").error().kind == ErrorKind::Unavailable);
  CHECK(client.ask(askOf(id))->source == "cache"); // what it knows it still tells
  auto other = tuneOf(id);
  other.sizes = {{"n_elements", 6000}};
  CHECK(client.tune(other).error().kind == ErrorKind::Unavailable);
}

TEST_CASE("on a full disk what is known is answered after a restart, too") {
  DaemonProcess daemon;
  const json kernel = document("restarted", elementwise(storeScaled(43)));
  {
    auto client = daemon.connect();
    REQUIRE(client.tune(tuneOf(submit(client, kernel)))->state == "done");
    daemon.stop(SIGTERM);
  }
  daemon.start();
  auto client = daemon.connect();
  const rlimit full{1, RLIM_INFINITY};
  REQUIRE(prlimit(daemon.process(), RLIMIT_FSIZE, &full, nullptr) == 0);
  protocol::BestRequest request = askOf("");
  request.document = kernel.dump();
  const auto answer = client.ask(request);
  REQUIRE_MESSAGE(answer, answer.error().text());
  CHECK(answer->source == "cache");
}

TEST_CASE("builds of others are judged and timed beside ours, and named; bad ones are refused") {
  DaemonProcess daemon;
  auto client = daemon.connect();
  const std::string id = submit(client, document("others", elementwise(storeScaled(47))));
  const auto job = client.tune(tuneOf(id));
  REQUIRE(job->state == "done");
  const auto binary = client.artefact(job->answer->artefact);
  REQUIRE(binary);
  protocol::BuildRequest build;
  build.kernel = id;
  build.sizes = sizes;
  build.origin = "somebody 1.0";
  build.configuration = {{"theirs", 1}};
  build.target = job->answer->target;
  build.format = "object";
  build.launch = job->answer->launch;
  build.launch.grid = job->answer->grid;
  build.binary = base64(*binary);
  const auto kept = client.addBuild(build);
  REQUIRE_MESSAGE(kept, kept.error().text());
  CHECK(kept->artefact == job->answer->artefact);
  REQUIRE(client.tune(tuneOf(id))->state == "done");
  const auto why = client.explain({id, "", sizes, "cpu", {}});
  REQUIRE(why);
  bool found = false;
  for (const auto& one : why->field)
    if (one.measurement.origin == "somebody 1.0") {
      found = true;
      CHECK(one.measurement.outcome == "timed");
      CHECK(one.measurement.verdict.state == "passed");
    }
  CHECK(found);

  const auto refused = [&](auto change, const char* word) {
    protocol::BuildRequest bad = build;
    change(bad);
    const auto result = client.addBuild(bad);
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

TEST_CASE("builds of others that are wrong, write out of bounds or are launched wrong are told as that") {
  DaemonProcess daemon;
  auto client = daemon.connect();
  const std::string id = submit(client, document("others_wrong", elementwise(storeCopy)));
  const auto first = client.tune(tuneOf(id));
  REQUIRE(first->state == "done");
  const Folder folder;
  const std::string good = objectOf(folder, elementwise(storeCopy));
  const auto bring = [&](const std::string& origin, const std::string& object, auto change) {
    protocol::BuildRequest build;
    build.kernel = id;
    build.sizes = sizes;
    build.origin = origin;
    build.configuration = {{"theirs", 1}};
    build.target = first->answer->target;
    build.format = "object";
    build.binary = base64(object);
    build.launch = first->answer->launch;
    build.launch.grid = {20, 1, 1}; // 5000 elements in blocks of 256
    change(build);
    const auto kept = client.addBuild(build);
    CHECK_MESSAGE(kept, kept.error().text());
  };
  const auto asItIs = [](auto&) {};
  bring("right", good, asItIs);
  bring("wrong", objectOf(folder, elementwise(storeScaled(2))), asItIs);
  bring("beyond", objectOf(folder, elementwise(storeUnmasked)), asItIs);
  bring("small grid", good, [](auto& build) { build.launch.grid = {3, 1, 1}; });
  bring("no such symbol", good, [](auto& build) { build.launch.symbol = "nobody"; });
  bring("cut", good.substr(0, good.size() / 2), asItIs);
  REQUIRE(client.tune(tuneOf(id))->state == "done");
  std::map<std::string, protocol::Trial> told;
  const auto trials = client.trials(id);
  REQUIRE(trials);
  for (const auto& trial : trials->trials)
    if (!trial.origin.empty()) told.emplace(trial.origin, trial);
  REQUIRE_MESSAGE(told.contains("right"), daemon.log());
  CHECK(told.at("right").outcome == "timed");
  CHECK(told.at("right").verdict.state == "passed");
  for (const char* bad : {"wrong", "beyond", "small grid", "no such symbol", "cut"}) {
    CAPTURE(std::string(bad));
    REQUIRE(told.contains(bad));
    CHECK(told.at(bad).outcome != "timed");
    CHECK_FALSE(told.at(bad).reason.empty());
  }
  for (const char* bad : {"wrong", "small grid"})
    CHECK(told.at(bad).outcome == "wrong_result");
  const auto answer = client.ask(askOf(id));
  REQUIRE(answer);
  CHECK((answer->origin.empty() || answer->origin == "right"));
}
