// Objectives beside time: winners of their own, from measurements of their own.
#include "tests/daemon/service/service_support.h"

using namespace tuned;
using namespace tuned::test;

TEST_CASE("an objective is a question of its own: energy and time have winners of their own") {
  Scratch folder;
  Daemon daemon(folder.path());
  // The fastest, 64, takes the most.
  const std::string document =
      documentOf("kernel", "// joules 64 8\\n// joules 128 1\\n// joules 256 0.9\\n");
  auto tuned = [&](std::optional<Objective> objective) {
    auto request = requestFor(document);
    request.objective = objective;
    return daemon.tune(request);
  };
  auto asked = [&](std::optional<Objective> objective) {
    protocol::BestRequest request;
    request.document = document;
    request.sizes = sizes;
    request.tune = false;
    request.objective = objective;
    auto best = daemon->best(request);
    REQUIRE(best);
    return best->answer;
  };
  const auto byEnergy = tuned(Objective{0, 1});
  REQUIRE_MESSAGE(byEnergy.state == "done", (byEnergy.error ? byEnergy.error->text() : ""));
  CHECK(byEnergy.answer->configuration.at("BLOCK") == 256);
  CHECK(byEnergy.answer->joules == 0.9);
  // What was measured for it is no answer to who asks for the fastest, but the best guess until there is one.
  CHECK(asked(std::nullopt).source == "nearest");
  CHECK(asked(std::nullopt).configuration.at("BLOCK") == 64);
  CHECK(daemon->status()->winners == 0);
  const auto byTime = tuned(std::nullopt);
  CHECK(byTime.answer->configuration.at("BLOCK") == 64);
  CHECK_FALSE(byTime.answer->joules.has_value());
  CHECK(asked(std::nullopt).configuration.at("BLOCK") == 64);
  const auto energy = asked(Objective{0, 5});
  CHECK(energy.source == "cache");
  CHECK(energy.configuration.at("BLOCK") == 256);
  CHECK(energy.gain.value_or(0) == doctest::Approx(1 / 0.9));
  // Other weights are answered from the same measurements: 128 × 1 is less than 256 × 0.9 and 64 × 8.
  CHECK(asked(Objective{1, 1}).configuration.at("BLOCK") == 128);
  protocol::BestRequest senseless;
  senseless.document = document;
  senseless.sizes = sizes;
  for (const Objective& weights :
       {Objective{0, 0}, Objective{1e308, 1e308}}) { // the sum of these is infinite
    senseless.objective = weights;
    CHECK(daemon->best(senseless).error().kind == ErrorKind::InvalidInput);
  }
}

TEST_CASE("energy on a device that counts none is an error that says so") {
  Scratch folder;
  Daemon daemon(folder.path());
  auto request = requestFor(documentOf("kernel", "plain"));
  request.objective = Objective{0, 1};
  const auto status = daemon.tune(request);
  CHECK(status.state == "failed");
  CHECK(status.error->message.find("is not counted") != std::string::npos);
}
