// `tuned-worker devices`: what this machine has, and what this program compiles with.
#include "backend/gpu_targets.h"
#include "backend/identity.h"
#include "backend/nvptx/cubin/assemble.h"
#include "backend/registry.h"
#include "backend/toolchain/toolchain.h"
#include "base/model/json.h"
#include "daemon/worker/commands.h"
#include "daemon/worker/confinement/confine.h"
#include "daemon/worker/loop.h"

#include <iostream>
#include <nlohmann/json.hpp>

namespace tuned {

namespace {
/// "nvjitlink 13.5.37, tileiras 13.5.37, nvrtc 13.5 headers 0a1b…": whoever is here, since each makes builds.
std::string assemblers() {
  std::string all = nvptx::assemblerVersion().value_or("");
  if (auto program = toolchain::findProgram("tileiras"); !program.empty())
    if (auto version = toolchain::programVersion(program))
      all += (all.empty() ? "tileiras " : ", tileiras ") + *version;
  if (auto compiler = makeSourceCompiler("sm_90a"))
    if (auto version = (*compiler)->version()) all += (all.empty() ? "" : ", ") + *version;
  return all;
}

nlohmann::json listing() {
  nlohmann::json out = {{"devices", nlohmann::json::array()}, {"build", compilerIdentity()}};
  for (const DeviceInfo& info : listDevices())
    out["devices"].push_back(model::toJson(info));
  out["assembler"] = assemblers();
  out["gpu_compilers"] = compilersFor("sm_90a");
  out["gpu_targets"] = gpuTargets();
  out["notices"] = nlohmann::json::array();
  if (const std::string fault = toolchain::variableFault(); !fault.empty()) out["notices"].push_back(fault);
  return out;
}
} // namespace

int devicesCommand(bool channel) {
  if (channel && !enterConfinement(Duty::Discover, toolFolders())) return 1;
  if (channel) return serve([](const nlohmann::json&) -> Result<nlohmann::json> { return listing(); });
  std::cout << listing().dump(2) << "\n";
  return 0;
}

} // namespace tuned
