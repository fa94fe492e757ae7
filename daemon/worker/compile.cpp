// `tuned-worker compile`: one compilation at a time, within limits.
#include "daemon/worker/commands.h"
#include "daemon/worker/confine.h"
#include "daemon/worker/limits.h"
#include "daemon/worker/loop.h"
#include "daemon/worker/messages.h"
#include "daemon/worker/variant.h"

#include <nlohmann/json.hpp>
#include <optional>

namespace tuned {

int compileCommand(int64_t memoryBytes) {
  if (!enterConfinement(Duty::Compile, toolFolders())) return 1;
  beNice();
  if (memoryBytes > 0) limitMemory(memoryBytes);
  std::string document;
  std::optional<Kernel> kernel; // of that document: variants of one kernel come one after the other
  return serve([&](const nlohmann::json& request) -> Result<nlohmann::json> {
    limitProcessorTime(request.at("seconds"));
    if (!kernel || request.at("kernel") != document) {
      document = request.at("kernel");
      auto parsed = parseKernel(document, "");
      if (!parsed) return fail(parsed.error());
      kernel = std::move(*parsed);
    }
    auto artefact = compileVariant(*kernel, request.at("configuration").get<Configuration>(),
                                   request.at("sizes").get<Sizes>(), request.at("target"));
    if (!artefact) return fail(artefact.error());
    return artefactToJson(*artefact);
  });
}

} // namespace tuned
