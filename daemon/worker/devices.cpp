// `tuned-worker devices`: what this machine has, and what this program compiles with.
#include "backend/identity.h"
#include "backend/nvptx/cubin/assemble.h"
#include "backend/registry.h"
#include "daemon/worker/commands.h"
#include "daemon/worker/loop.h"
#include "daemon/worker/messages.h"

#include <iostream>
#include <nlohmann/json.hpp>

namespace tuned {

namespace {
nlohmann::json listing() {
  nlohmann::json out = {{"devices", nlohmann::json::array()}, {"build", compilerIdentity()}};
  for (const DeviceInfo& info : listDevices())
    out["devices"].push_back(deviceToJson(info));
  auto assembler = nvptx::assemblerVersion();
  out["assembler"] = assembler ? *assembler : "";
  return out;
}
} // namespace

int devicesCommand(bool channel) {
  if (channel) return serve([](const nlohmann::json&) -> Result<nlohmann::json> { return listing(); });
  std::cout << listing().dump(2) << "\n";
  return 0;
}

} // namespace tuned
