// A worker that compiles nothing: B=3 does not compile, B=4 is beyond the device, B=5 takes a fifth of a
// second of processor time, B=7 and B=8 have the same code where n is 77, B=6 takes its second compiler more
// than a minute's deadline, else a tenth of a second of one core and a binary that names what was asked. For
// prewarm_run_test.cpp.
#include "base/model/device.h"
#include "base/model/json.h"
#include "daemon/worker/channel/messages.h"
#include "daemon/worker/loop.h"

#include <chrono>
#include <ctime>
#include <nlohmann/json.hpp>

using namespace tuned;

namespace {

void work() {
  auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(100);
  while (std::chrono::steady_clock::now() < until) { // the clock keeps the core busy
  }
}

double processorSeconds() {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

void workHard() {
  const double until = processorSeconds() + 0.2;
  while (processorSeconds() < until) {
  }
}

/// What the real worker asks before it does what takes long: whether it shall.
bool goOn(const nlohmann::json& request, const Ask& ask) {
  const int64_t block = request.at("configuration").at("B");
  if (block < 7 || request.at("sizes").at("n") != 77) return true;
  auto answer = ask({{"code", "that of B=7 and B=8"}, {"registers", 0}});
  return !answer || answer->value("go_on", true);
}

Result<nlohmann::json> answer(const nlohmann::json& request, const Ask& ask) {
  if (request.at("op") == "devices") {
    DeviceInfo cpu;
    cpu.id = "cpu";
    cpu.name = "a CPU";
    cpu.architecture = "cpu:test";
    return nlohmann::json{
        {"devices", {model::toJson(cpu)}}, {"build", "compiler 1"}, {"assembler", "assembler 2"}};
  }
  if (!goOn(request, ask)) return fail(ErrorKind::Denied, "another makes it");
  work();
  const auto& configuration = request.at("configuration");
  if (configuration.at("B") == 5) workHard();
  if (configuration.at("B") == 3) return fail(ErrorKind::InvalidInput, "no such instruction");
  if (configuration.at("B") == 4) return fail(ErrorKind::OutOfResources, "shared memory bytes a CTA");
  if (configuration.at("B") == 6 && configuration.value("compiler", 0) != 0 && request.at("seconds") <= 60)
    return fail(ErrorKind::TimedOut, "did not end within 60 s");
  Artefact artefact;
  artefact.format = "cubin";
  artefact.target = request.at("target");
  artefact.bytes = request.at("sizes").dump() + configuration.dump() + artefact.target;
  artefact.launch.symbol = "k";
  return artefactToJson(artefact);
}

} // namespace

int main() {
  return serve(answer);
}
