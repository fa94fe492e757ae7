// `tuned-worker compile`: one compilation at a time, or the work of some variants counted, within limits.
#include "backend/nvptx/cubin/assemble.h"
#include "base/model/json.h"
#include "base/sha256.h"
#include "daemon/worker/channel/messages.h"
#include "daemon/worker/commands.h"
#include "daemon/worker/confinement/confine.h"
#include "daemon/worker/confinement/limits.h"
#include "daemon/worker/loop.h"
#include "daemon/worker/variant.h"
#include "daemon/worker/work.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

namespace tuned {

namespace {
/// One answer for each configuration; null where its work could not be counted.
nlohmann::json countWork(const Kernel& kernel, const nlohmann::json& request) {
  const auto configurations = request.at("configurations").get<std::vector<Configuration>>();
  nlohmann::json out = nlohmann::json::array();
  for (const auto& work : workOf(kernel, configurations, request.at("sizes").get<Sizes>()))
    out.push_back(work ? model::toJson(*work) : nlohmann::json());
  return out;
}

/// The daemon may have the same code from another configuration, or no use for a build that needs so much.
/// It is told a digest: what it compares has to be short.
bool goOn(const Lowered& lowered, const Ask& ask) {
  auto answer = ask({{"code", sha256(lowered.code)}, {"registers", lowered.registers}});
  return !answer || answer->value("go_on", true);
}

/// Opens what makes binaries of NVIDIA targets while something else goes on: in a fresh process that takes
/// 0.2 s.
class EarlyAssembler {
public:
  void begin(const std::string& target) {
    if (target.starts_with("sm_") && !opening_.joinable())
      opening_ = std::jthread([] { (void)nvptx::assemblerVersion(); });
  }

private:
  std::jthread opening_;
};
} // namespace

int compileCommand(int64_t memoryBytes) {
  if (!enterConfinement(Duty::Compile, toolFolders())) return 1;
  beNice();
  if (memoryBytes > 0) limitMemory(memoryBytes);
  std::string document;
  std::optional<Kernel> kernel; // of that document: variants of one kernel come one after the other
  EarlyAssembler assembler;
  return serve([&](const nlohmann::json& request, const Ask& ask) -> Result<nlohmann::json> {
    assembler.begin(request.value("target", ""));
    if (request.at("op") == "wake") return nlohmann::json::object();
    limitProcessorTime(request.at("seconds"));
    if (!kernel || request.at("kernel") != document) {
      document = request.at("kernel");
      auto parsed = parseKernel(document, "");
      if (!parsed) return fail(parsed.error());
      kernel = std::move(*parsed);
    }
    if (request.at("op") == "work") return countWork(*kernel, request);
    auto artefact = compileVariant(*kernel, request.at("configuration").get<Configuration>(),
                                   request.at("sizes").get<Sizes>(), request.at("target"),
                                   [&](const Lowered& lowered) { return goOn(lowered, ask); });
    if (!artefact) return fail(artefact.error());
    return artefactToJson(*artefact);
  });
}

} // namespace tuned
